"""What the configuration of a CLIP may say: known settings of known types and sizes, and nothing that leads elsewhere.

A configuration comes with a model of anybody's, and open_clip hands it on to constructors, to transformers and to the
network. So it is read as data, against a table: an unknown setting is refused instead of passed on, sizes are bounded,
and a model in a folder may not name a tokenizer or a text tower of the hub.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .._base import InputFileError, did_you_mean
from .._files import read_text

# Entry of a configuration: a file in its folder with the weights that its own file leaves out.
SHARED = "shared_weights"
_MOST_BYTES = 1 << 20
# What a model of the hub may name, and one in a folder may not.
_ELSEWHERE = ("hf_tokenizer_name", "tokenizer_mode", "hf_model_name", "hf_model_pretrained")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("it must be a finite number")
    return value


Size = Annotated[int, Field(ge=1, le=16_384)]
Depth = Annotated[int, Field(ge=1, le=256)]
Side = Annotated[int, Field(ge=1, le=2_048)]
Number = Annotated[float, AfterValidator(_finite)]
Ratio = Annotated[float, Field(gt=0, le=64)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Repository = Annotated[str, Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$", max_length=200)]
# No scheme: "hf-hub:..." in the name of a timm model would be fetched.
TimmName = Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", max_length=100)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Norm(_Table):
    """Settings of a layer norm."""

    eps: Annotated[float, Field(gt=0, lt=1)] = 1e-5


class Activation(_Table):
    """Settings of GELU."""

    approximate: Literal["none", "tanh"] = "none"


class TokenizerSettings(_Table):
    """Settings of a tokenizer. Neither code nor files: `trust_remote_code` is no setting here."""

    clean: Literal["lower", "whitespace", "canonicalize"] | None = None
    strip_sep_token: bool | None = None
    language: Annotated[str, Field(pattern=r"^\w+$", max_length=20)] | None = None


class _Tower(_Table):
    mlp_ratio: Ratio = 4.0
    ls_init_value: Number | None = None
    final_ln_after_pool: bool = False
    output_tokens: bool = False
    act_kwargs: Activation | None = None
    norm_kwargs: Norm | None = None
    block_type: Literal["default", "custom"] | None = None
    qk_norm: bool = False
    scaled_cosine_attn: bool = False
    scale_heads: bool = False
    scale_attn_inner: bool = False
    scale_attn: bool = False
    scale_fc: bool = False


class VisionSettings(_Tower):
    """`vision_cfg`: a vision transformer, a ResNet (four numbers of layers), or a timm model without its weights."""

    layers: Depth | Annotated[list[Depth], Field(min_length=4, max_length=4)] = 12
    width: Size = 768
    head_width: Size = 64
    patch_size: Side | None = 16
    image_size: Side | Annotated[list[Side], Field(min_length=2, max_length=2)] = 224
    patch_dropout: Fraction = 0.0
    attentional_pool: bool | Literal["parallel", "cascade"] = False
    attn_pooler_queries: Size = 256
    attn_pooler_heads: Size = 8
    no_ln_pre: bool = False
    pos_embed_type: Literal["learnable", "sin_cos_2d"] = "learnable"
    pool_type: Literal["tok", "avg", "none"] = "tok"
    timm_model_name: TimmName | None = None
    timm_model_pretrained: bool = False
    timm_pool: Literal["", "avg", "avgmax", "max", "token", "map", "abs_attn", "rot_attn"] | None = "avg"
    timm_proj: Literal["", "linear", "mlp", "none"] | None = "linear"
    timm_proj_bias: bool = False
    timm_drop: Fraction = 0.0
    timm_drop_path: Fraction | None = None


class TextSettings(_Tower):
    """`text_cfg`: a transformer, or for models of the hub one of transformers' by name."""

    context_length: Annotated[int, Field(ge=3, le=4_096)] | None = 77
    vocab_size: Annotated[int, Field(ge=1, le=2_000_000)] = 49_408
    hf_tokenizer_name: Repository | None = None
    tokenizer_mode: Literal["", "clips"] | None = None
    tokenizer_kwargs: TokenizerSettings | None = None
    width: Size = 512
    heads: Size = 8
    layers: Depth = 12
    embed_cls: bool = False
    pad_id: Annotated[int, Field(ge=0)] = 0
    eos_id: Annotated[int, Field(ge=0)] = 2
    no_causal_mask: bool = False
    pool_type: Literal["argmax", "eos", "first", "last", "none"] = "argmax"
    proj_bias: bool = False
    proj_type: Literal["linear", "none"] | None = "linear"
    hf_model_name: Repository | None = None
    hf_model_pretrained: bool = False
    hf_proj_type: Literal["linear", "mlp"] | None = "mlp"
    hf_pooler_type: (
        Literal["mean_pooler", "max_pooler", "cls_pooler", "cls_last_hidden_state_pooler"] | None
    ) = "mean_pooler"


class MultimodalSettings(TextSettings):
    """`multimodal_cfg` of CoCa, whose decoder is built though only its towers are used."""

    dim_head: Size = 64
    n_queries: Size = 256
    attn_pooler_heads: Size = 8


class Preprocessing(BaseModel):
    """How pictures are prepared; what else open_clip writes about it has no use here."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    mean: Annotated[list[Number], Field(min_length=3, max_length=3)] | None = None
    std: Annotated[list[Annotated[float, Field(gt=0, le=1e6)]], Field(min_length=3, max_length=3)] | None = (
        None
    )
    interpolation: Literal["bicubic", "bilinear", "random"] | None = None


class ClipSettings(_Table):
    """A whole configuration, as `clip.json` holds it."""

    embed_dim: Size
    vision_cfg: VisionSettings
    text_cfg: TextSettings
    multimodal_cfg: MultimodalSettings | None = None
    quick_gelu: bool = False
    init_logit_scale: Number = 0.0
    init_logit_bias: Number | None = None
    nonscalar_logit_scale: bool = False
    custom_text: bool = False
    preprocess: Preprocessing = Preprocessing()
    shared_weights: str | None = None


def read_config(path: Path) -> Any:
    """The JSON of a configuration, not yet checked.

    Raises:
        InputFileError: not a file of JSON.
    """
    try:
        return json.loads(read_text(path, _MOST_BYTES, "a model configuration"))
    except (ValueError, RecursionError) as error:
        why = (str(error).splitlines() or ["nested too deeply"])[0]
        raise InputFileError(f"{path} is not a model configuration: {why}") from error


def checked(config: object, where: object, from_hub: bool = False) -> dict[str, Any]:
    """A configuration that says nothing but what it may: the settings that it gives, and no others.

    Args:
        where: the file, for errors.
        from_hub: whether it may name tokenizers and text towers of the hub, as only models of the hub may.

    Raises:
        InputFileError: an unknown setting, or a value that does not fit, with the place of it.
    """
    if not isinstance(config, dict):
        raise InputFileError(f"{where} is not an open_clip configuration: it is not a table of settings")
    if not from_hub:
        _refuse_elsewhere(config, where)
    try:
        found = ClipSettings.model_validate(config).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InputFileError(f"{where} is not an open_clip configuration: {_problem(error)}") from error
    preprocess = found.get("preprocess", {})
    return {**found, "preprocess": {key: value for key, value in preprocess.items() if value is not None}}


def _refuse_elsewhere(config: dict[str, Any], where: object) -> None:
    for section in ("text_cfg", "multimodal_cfg"):
        table = config.get(section)
        if not isinstance(table, dict):
            continue
        for key in _ELSEWHERE:
            if table.get(key):
                raise InputFileError(
                    f"{where}: {section}.{key} is {str(table[key])[:80]!r}; a model in a folder brings its own towers "
                    "and merges and may not name any on the hub; remove the setting"
                )


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = [str(part)[:80] for part in first["loc"]]
    field = ".".join(place)
    if first["type"] == "missing":
        return f"{field} is missing"
    if first["type"] == "extra_forbidden":
        known = _known(place[:-1])
        return f"{field!r} is not a known setting{did_you_mean(place[-1], known)}"
    if first["type"] in ("model_type", "model_attributes_type"):
        return f"{field} is not a table"
    return f"{field}: {first['msg']}, not {str(first['input'])[:80]!r}"


def _known(place: list[str]) -> list[str]:
    table: Any = ClipSettings
    sections = {
        "vision_cfg": VisionSettings,
        "text_cfg": TextSettings,
        "multimodal_cfg": MultimodalSettings,
        "tokenizer_kwargs": TokenizerSettings,
    }
    for part in place:
        table = sections.get(part, table)
    return list(table.model_fields)
