"""From a CLIP's name, file or folder to an open_clip model with its tokenizer; one path for all of them.

Whatever the source, a model is an open_clip configuration, a state dict and a tokenizer, so the embedded
model is built by the very lines that build ViT-L/14.
"""

from __future__ import annotations

import copy
import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.coca_model import CoCa
from open_clip.convert import convert_state_dict
from open_clip.model import CLIP, CustomTextCLIP, convert_to_custom_text_state_dict
from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .._base import DAMAGE_ERRORS, InputFileError, MissingError, UsageError, did_you_mean
from .._files import room_to_read
from .._weights import load_plain
from .clip_configs import SHARED, checked, read_config
from .depthwise import quicken
from .downloads import fetch, fetch_folder, fetch_url, not_here

HUB = "hf-hub:"
CONFIG_NAME = "clip.json"
BPE_NAME = "bpe.txt.gz"
# Safetensors first: it cannot run code and loads faster.
HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_TOKENIZER_FILES = (
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_MOST_MERGES = 1 << 26
Tokenizer = Callable[..., Tensor]


@dataclass(frozen=True)
class Source:
    """Where one model comes from, before anything large is read.

    Attributes:
        shared: weights that complete those of `weights`: models that differ in one tower store the other one once.
    """

    name: str
    config: dict[str, Any]
    weights: Path
    preprocess: dict[str, Any] = field(default_factory=dict)
    bpe: Path | None = None
    shared: Path | None = None


def find(spec: str, cache_dir: str | None = None, offline: bool = False) -> Source:
    """Configuration and weights file of a spec; downloads them when the spec names published weights.

    Args:
        spec: "ARCH/tag", "hf-hub:org/name", "ARCH=file" or "ARCH/tag=file" (the tag lends its preprocessing),
            or a folder or .json of our own format.

    Raises:
        UsageError: no such architecture or tag. InputFileError: a broken or absent local file.
        MissingError: published weights that are neither cached nor reachable.
    """
    if Path(spec).is_dir() or spec.endswith(".json"):
        return _find_folder(Path(spec))
    if spec.startswith(HUB):
        return _find_hub(spec, cache_dir, offline)
    name, equals, file = spec.partition("=")
    config, preprocess = _find_published(name, tag_needed=not equals)
    if equals:
        return Source(name, config, _existing(Path(file), "weights"), preprocess)
    return Source(name, config, _fetch_tag(name, preprocess, cache_dir, offline), preprocess)


def build(config: dict[str, Any]) -> nn.Module:
    """An open_clip model with fresh weights from a configuration as `clip.json` holds it.

    Args:
        config: embed_dim, vision_cfg, text_cfg and open_clip's other model settings; `preprocess` and
            `shared_weights` are ignored.

    Raises:
        InputFileError: the configuration is not one that open_clip can build.
        MissingError: its text tower is a Hugging Face model that cannot be fetched.
    """
    ours = ("preprocess", SHARED, "custom_text")
    settings = copy.deepcopy({key: value for key, value in config.items() if key not in ours})
    try:
        if "timm_model_name" in settings["vision_cfg"]:
            settings["vision_cfg"]["timm_model_pretrained"] = False
        if "hf_model_name" in settings["text_cfg"]:
            settings["text_cfg"]["hf_model_pretrained"] = False
        model = _model_class(config)(**settings)
    except OSError as error:
        raise MissingError(f"the model's text tower cannot be built: {_first_line(error)}") from error
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RuntimeError,
        ZeroDivisionError,
        AssertionError,
    ) as error:
        raise InputFileError(
            f"open_clip cannot build this model configuration: {_first_line(error)}"
        ) from error
    if not isinstance(model, nn.Module):
        raise InputFileError("open_clip cannot build this model configuration: it made no module")
    return model


def load(
    source: Source, device: str | torch.device, cache_dir: str | None, offline: bool
) -> tuple[nn.Module, Tokenizer]:
    """The frozen model of a source in evaluation mode, float32, and its tokenizer.

    Raises:
        InputFileError: the weights cannot be read or do not fit the architecture.
    """
    tokenizer = _tokenizer(source, cache_dir, offline)
    config = _with_local_tower(source, cache_dir, offline)
    with room_to_read(source.weights):
        state = _read_weights(source.weights)
    if source.shared:
        state = {**_read_weights(source.shared), **state}
    if source.bpe and "timm_model_name" not in config["vision_cfg"]:
        # A configuration of anybody's: no memory is taken before its weights are known to fill it.
        with torch.device("meta"):
            _fitted(_named(source, config), state, source)
    model = _named(source, config)
    model.load_state_dict(_fitted(model, state, source), strict=False)
    quicken(model)
    return model.to(device).float().eval().requires_grad_(False), tokenizer


def _named(source: Source, config: dict[str, Any]) -> nn.Module:
    """`build`, with the source in front of an error."""
    try:
        return build(config)
    except InputFileError as error:
        raise InputFileError(f"{source.name}: {error}") from error


def _find_folder(path: Path) -> Source:
    config_path = path / CONFIG_NAME if path.is_dir() else path
    config = checked(read_config(_existing(config_path, "model configuration")), config_path)
    weights = _existing(config_path.with_suffix(".safetensors"), "weights")
    bpe = _existing(config_path.parent / BPE_NAME, "merges")
    shared = _shared(config.get(SHARED), config_path)
    return Source(str(path), config, weights, config.get("preprocess", {}), bpe, shared)


def _shared(name: str | None, config_path: Path) -> Path | None:
    """The file beside a configuration that holds the rest of its weights."""
    if name is None:
        return None
    if not name or Path(name).name != name:
        raise InputFileError(
            f"{config_path}: {SHARED} is {name[:60]!r}; it must be the name of a file in the same folder"
        )
    return _existing(config_path.parent / name, "shared weights")


def _find_published(name: str, tag_needed: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    architecture, _, tag = name.partition("/")
    # Names of the list alone: to open_clip "hf-hub:" and "local-dir:" in front of one are places to look in.
    config = open_clip.get_model_config(architecture) if architecture in open_clip.list_models() else None
    if config is None:
        hint = did_you_mean(architecture, open_clip.list_models())
        raise UsageError(
            f"no CLIP architecture is called '{architecture}'{hint}; or give a folder, or ARCH=file"
        )
    tags = list_pretrained_tags_by_model(architecture)
    published = get_pretrained_cfg(architecture, tag) if tag else {}
    if not published and (tag or tag_needed):
        hint = did_you_mean(tag, tags) if tag else ""
        raise UsageError(
            f"{architecture} has no weights called '{tag}'{hint}; known: {', '.join(tags) or 'none'}"
        )
    # Tags and architectures disagree about it (ViT-B-32/openai needs it); the weights know better.
    if "quick_gelu" in published:
        config["quick_gelu"] = published["quick_gelu"]
    return config, published


def _find_hub(spec: str, cache_dir: str | None, offline: bool) -> Source:
    repo = spec.removeprefix(HUB)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repo):
        raise UsageError(f"'{spec}' is not the name of a hub model; write hf-hub:organisation/name")
    path = fetch(repo, ("open_clip_config.json",), spec, cache_dir, offline)
    stored = read_config(path)
    if not isinstance(stored, dict) or "model_cfg" not in stored:
        raise InputFileError(f"{spec}: open_clip_config.json describes no model")
    preprocess = stored.get("preprocess_cfg") or {}
    config = checked({**_table(stored["model_cfg"]), "preprocess": preprocess}, spec, from_hub=True)
    weights = fetch(repo, HUB_WEIGHTS, spec, cache_dir, offline)
    return Source(spec, config, weights, config["preprocess"])


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _fetch_tag(name: str, published: dict[str, Any], cache_dir: str | None, offline: bool) -> Path:
    if published.get("hf_hub"):
        repo, _, file = published["hf_hub"].rpartition("/")
        return fetch(repo, (file,) if file else HUB_WEIGHTS, name, cache_dir, offline)
    return fetch_url(published["url"], name, cache_dir, offline)


def _tokenizer(source: Source, cache_dir: str | None, offline: bool) -> Tokenizer:
    text = source.config.get("text_cfg", {})
    length = text.get("context_length") or 77
    extra = text.get("tokenizer_kwargs") or {}
    try:
        if text.get("hf_tokenizer_name"):
            what = f"the tokenizer of {source.name}"
            folder = fetch_folder(text["hf_tokenizer_name"], _TOKENIZER_FILES, what, cache_dir, offline)
            # A folder, so that nothing is looked up, and none of the code that may lie in it is run.
            tokenizer = HFTokenizer(
                str(folder),
                length,
                tokenizer_mode=text.get("tokenizer_mode"),
                local_files_only=True,
                trust_remote_code=False,
                **extra,
            )
        else:
            own = {"bpe_path": str(_bounded(source.bpe))} if source.bpe else {}
            clean = {"clean": extra["clean"]} if "clean" in extra else {}
            tokenizer = SimpleTokenizer(context_length=length, **own, **clean)
    except DAMAGE_ERRORS as error:
        if source.bpe:
            raise InputFileError(f"{source.bpe} is not a merges file: {_first_line(error)}") from error
        raise MissingError(not_here(f"the tokenizer of {source.name}", _first_line(error))) from error
    _check_vocabulary(tokenizer, text, source)
    return tokenizer  # type: ignore[no-any-return]


def _bounded(path: Path) -> Path:
    """A file of merges that does not unpack to more than any honest one."""
    with gzip.open(path) as file:
        size = 0
        while chunk := file.read(1 << 20):
            size += len(chunk)
            if size > _MOST_MERGES:
                raise ValueError(f"it unpacks to more than {_MOST_MERGES:,} bytes")
    return path


def _check_vocabulary(tokenizer: Any, text: dict[str, Any], source: Source) -> None:
    # Only for our own merges: published models may have spare rows in their embedding.
    size = text.get("vocab_size")
    if source.bpe and size != tokenizer.vocab_size:
        raise InputFileError(f"{source.bpe} makes {tokenizer.vocab_size} tokens, but the model has {size}")


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        safe = path.suffix == ".safetensors"
        state: Any = load_file(path) if safe else load_plain(path)
    except (*DAMAGE_ERRORS, SafetensorError) as error:
        raise InputFileError(f"{path} cannot be loaded as plain weights: {_reason(error)}") from error
    if isinstance(state, dict) and "state_dict" in state:
        state = state["state_dict"]
    if not isinstance(state, dict) or not any(isinstance(value, Tensor) for value in state.values()):
        raise InputFileError(f"{path} holds no state dict")
    return {
        str(key).removeprefix("module."): value for key, value in state.items() if isinstance(value, Tensor)
    }


def _reason(error: Exception) -> str:
    if "TorchScript" in str(error):
        return "it is a TorchScript archive, which is a program; take the safetensors of the same model"
    return _first_line(error)


def _with_local_tower(source: Source, cache_dir: str | None, offline: bool) -> dict[str, Any]:
    """The configuration of a source; a text tower of transformers is named by the folder of its own configuration."""
    text = source.config["text_cfg"]
    if not text.get("hf_model_name"):
        return source.config
    folder = fetch_folder(
        text["hf_model_name"], ("config.json",), f"the text tower of {source.name}", cache_dir, offline
    )
    tower = read_config(folder / "config.json")
    if not isinstance(tower, dict) or "auto_map" in tower:
        raise InputFileError(
            f"{folder / 'config.json'}: this text tower needs code of its own, which is not run"
        )
    return {**source.config, "text_cfg": {**text, "hf_model_name": str(folder)}}


def _fitted(model: nn.Module, state: dict[str, Tensor], source: Source) -> dict[str, Tensor]:
    """A state dict as the model names it, which fits it entry by entry."""
    state = convert_state_dict(model, state)
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    wanted = model.state_dict()
    for key in ("logit_scale", "logit_bias"):
        # Stored as a number or as a vector of one, by the age of the file.
        if key in state and key in wanted and state[key].numel() == wanted[key].numel():
            state[key] = state[key].reshape(wanted[key].shape)
    # An index that older transformers stored.
    state = {key: value for key, value in state.items() if not key.endswith("embeddings.position_ids")}
    if problem := _misfit(wanted, state):
        raise InputFileError(f"{source.weights} does not hold the weights of {source.name}: {problem}")
    return state


def _misfit(wanted: dict[str, Tensor], state: dict[str, Tensor]) -> str:
    missing = sorted(wanted.keys() - state.keys())
    surplus = sorted(state.keys() - wanted.keys())
    if missing:
        return f"{len(missing)} entries are missing, the first is {missing[0]}"
    if surplus:
        return f"{len(surplus)} entries are not the model's, the first is {surplus[0]}"
    for key, value in wanted.items():
        if value.shape != state[key].shape:
            return f"{key} is {tuple(state[key].shape)}, the model's is {tuple(value.shape)}"
    return ""


def _model_class(config: dict[str, Any]) -> Callable[..., Any]:
    if not (config.get("custom_text") or "hf_model_name" in config["text_cfg"]):
        return CLIP  # type: ignore[no-any-return]
    return CoCa if "multimodal_cfg" in config else CustomTextCLIP  # type: ignore[no-any-return]


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise InputFileError(f"{path} ({what}) not found")
    return path


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
