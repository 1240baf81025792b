"""Nothing but `downloads` leads to the network, a switch closes it, and no configuration opens a way around."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest
from promptbrush import InputFileError, MissingError
from promptbrush.guidance import clip_models, downloads
from promptbrush.guidance.clip_configs import checked
from promptbrush.guidance.perceptor import load_ensemble, load_perceptor

# Newer releases of open_clip fetch it from the hub.
_TAG = clip_models.get_pretrained_cfg("ViT-B-32", "openai")
OPENAI = f"of {_TAG['hf_hub'].rstrip('/')}" if _TAG.get("hf_hub") else "ViT-B-32.pt"
_WATCHED: list[str] = []
_WATCHING: list[bool] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _WATCHING and event in (
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "subprocess.Popen",
    ):
        _WATCHED.append(f"{event}{arguments[1:2]}")
        raise ConnectionError("a test opened a connection")


sys.addaudithook(_watch)


@pytest.fixture
def guard():
    """Whatever looks up a name, connects, or starts a program is stopped and listed."""
    _WATCHED.clear()
    _WATCHING.append(True)
    yield _WATCHED
    _WATCHING.clear()


def test_the_guard_sees_a_connection(guard):
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", 9))
    assert guard


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("hf-hub:nobody/nothing", "open_clip_config.json of nobody/nothing"),
        ("ViT-B-32/openai", OPENAI),
        (
            "ViT-B-32/laion2b_s34b_b79k",
            "open_clip_model.safetensors of laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        ),
        ("ViT-B-16-SigLIP/webli", "of timm/ViT-B-16-SigLIP"),
        (
            "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k",
            "of laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k",
        ),
    ],
)
def test_offline_opens_no_connection_and_names_the_file(spec, wanted, tmp_path, guard):
    for load in (load_perceptor, load_ensemble):
        with pytest.raises(MissingError) as caught:
            load(spec, offline=True, cache_dir=str(tmp_path))
        assert wanted in str(caught.value) and "downloads are off" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert guard == []


@pytest.mark.parametrize(
    "spec", ["hf-hub:a=b", "local-dir:.", "hf-hub:a/b/c", "https://host/clip.json", "hf_hub:a/b"]
)
def test_no_spelling_leads_around_the_switch(spec, tmp_path, guard):
    with pytest.raises((InputFileError, MissingError, clip_models.UsageError)) as caught:
        load_perceptor(spec, offline=True, cache_dir=str(tmp_path))
    assert "\n" not in str(caught.value)
    assert guard == []


@pytest.mark.parametrize("listening", [True, False])
def test_a_hub_name_without_a_network_fails_at_once(listening, tmp_path, monkeypatch):
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.setattr(downloads.urllib.request, "getproxies", dict)

    def connect(*_arguments):
        if listening:
            time.sleep(60)
        raise OSError("Network is unreachable")

    monkeypatch.setattr(downloads.socket, "create_connection", connect)
    started = time.monotonic()
    with pytest.raises(MissingError) as caught:
        load_perceptor("hf-hub:nobody/nothing", cache_dir=str(tmp_path))
    assert time.monotonic() - started < 2
    assert str(caught.value) == (
        "no weights for 'hf-hub:nobody/nothing': open_clip_config.json of nobody/nothing is not in the cache and "
        "huggingface.co cannot be reached; download once with a network, or give ARCH=path/to/weights"
    )


def test_a_proxy_is_what_must_be_reached(monkeypatch):
    monkeypatch.setattr(downloads.urllib.request, "proxy_bypass", lambda host: host == "inside.test")
    monkeypatch.setattr(downloads.urllib.request, "getproxies", lambda: {"https": "http://proxy.test:3128"})
    assert downloads._first_stop("https://huggingface.co") == ("proxy.test", 3128)
    assert downloads._first_stop("https://inside.test/x") == ("inside.test", 443)


def cached(cache: Path, repo: str, files: dict[str, str]) -> None:
    """A repository as huggingface_hub keeps it."""
    root = cache / f"models--{repo.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("0" * 40)
    folder = root / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def hub_model(tiny_clip: Path, **text: object) -> dict[str, object]:
    config = json.loads((tiny_clip / "clip.json").read_text())
    preprocess = config.pop("preprocess")
    config["text_cfg"].update(text)
    return {"model_cfg": config, "preprocess_cfg": {**preprocess, "mode": "RGB", "resize_mode": "shortest"}}


def test_what_is_cached_is_loaded_without_a_connection(tiny_clip, tmp_path, guard):
    cached(tmp_path, "a/clip", {"open_clip_config.json": json.dumps(hub_model(tiny_clip, vocab_size=49408))})
    model = clip_models.build({**hub_model(tiny_clip, vocab_size=49408)["model_cfg"]})
    folder = tmp_path / "models--a--clip" / "snapshots" / ("0" * 40)
    clip_models.torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    for offline in (True, False):
        loaded = load_perceptor("hf-hub:a/clip", offline=offline, cache_dir=str(tmp_path))
        assert loaded.encode_text(["a red heart"]).shape == (1, 16)
    assert guard == []


def test_a_tokenizer_of_the_hub_is_a_folder_and_runs_no_code(tiny_clip, tmp_path, guard, monkeypatch):
    asked = {}

    class Tokenizer:
        def __init__(self, name, length, **extra):
            asked.update(name=name, length=length, **extra)
            raise OSError("no more is needed here")

    monkeypatch.setattr(clip_models, "HFTokenizer", Tokenizer)
    text = {"hf_tokenizer_name": "a/words", "tokenizer_kwargs": {"clean": "canonicalize"}}
    cached(tmp_path, "a/clip", {"open_clip_config.json": json.dumps(hub_model(tiny_clip, **text))})
    (tmp_path / "models--a--clip" / "snapshots" / ("0" * 40) / "open_clip_model.safetensors").touch()
    cached(tmp_path, "a/words", {"tokenizer.json": "{}"})
    with pytest.raises(MissingError):
        load_perceptor("hf-hub:a/clip", offline=True, cache_dir=str(tmp_path))
    assert Path(asked["name"]).is_dir() and asked["length"] == 12 and asked["clean"] == "canonicalize"
    assert asked["trust_remote_code"] is False and asked["local_files_only"] is True
    assert guard == []


def put(folder: Path, section: str | None, **settings: object) -> None:
    config = json.loads((folder / "clip.json").read_text())
    (config[section] if section else config).update(settings)
    (folder / "clip.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("section", "settings", "text"),
    [
        (
            "text_cfg",
            {"tokenizer_kwargs": {"trust_remote_code": True}},
            "tokenizer_kwargs.trust_remote_code'",
        ),
        (
            "text_cfg",
            {"tokenizer_kwargs": {"bpe_path": "/etc/passwd"}},
            "'text_cfg.tokenizer_kwargs.bpe_path'",
        ),
        (
            "text_cfg",
            {"tokenizer_kwargs": {"additional_special_tokens": ["(a+)+"]}},
            "additional_special_tokens",
        ),
        ("text_cfg", {"hf_tokenizer_name": "evil/tokens"}, "hf_tokenizer_name is 'evil/tokens'"),
        ("text_cfg", {"hf_model_name": "evil/tower"}, "hf_model_name is 'evil/tower'"),
        ("vision_cfg", {"timm_model_name": "hf-hub:evil/tower"}, "vision_cfg.timm_model_name"),
        ("vision_cfg", {"timm_model_name": "hf_hub/../x"}, "vision_cfg.timm_model_name"),
        ("vision_cfg", {"width": 10**9}, "vision_cfg.width"),
        ("vision_cfg", {"layers": True}, "vision_cfg.layers"),
        ("vision_cfg", {"image_size": [32, 32, 32]}, "vision_cfg.image_size"),
        ("text_cfg", {"vocab_size": "many"}, "text_cfg.vocab_size"),
        ("text_cfg", {"norm_kwargs": {"device": "cuda"}}, "text_cfg.norm_kwargs.device"),
        (None, {"cast_dtype": "float16"}, "cast_dtype"),
        (None, {"preprocess": {"mean": [0.5] * 99}}, "preprocess.mean"),
        (None, {"preprocess": {"std": [0, 0, 0]}}, "preprocess.std"),
    ],
)
def test_a_configuration_may_not_say_everything(tiny_clip, tmp_path, guard, section, settings, text):
    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    put(folder, section, **settings)
    with pytest.raises(InputFileError) as caught:
        load_perceptor(folder)
    assert "clip.json" in str(caught.value) and text in str(caught.value) and "\n" not in str(caught.value)
    assert guard == []


def test_what_weights_do_not_fill_is_not_allocated(tiny_clip, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    put(folder, "vision_cfg", width=16_384, head_width=64, layers=256)
    built = []
    monkeypatch.setattr(
        clip_models, "build", lambda config, build=clip_models.build: built.append(1) or build(config)
    )
    with pytest.raises(InputFileError, match=r"clip\.safetensors does not hold the weights of"):
        load_perceptor(folder)
    assert len(built) == 1


def test_merges_that_unpack_without_end_are_refused(tiny_clip, tmp_path):
    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    with clip_models.gzip.open(folder / "bpe.txt.gz", "wb") as file:
        for _ in range(70):
            file.write(bytes(1 << 20))
    with pytest.raises(
        InputFileError, match=r"bpe\.txt\.gz is not a merges file: it unpacks to more than 67,108,864"
    ):
        load_perceptor(folder)


def test_every_published_configuration_passes():
    for name in clip_models.open_clip.list_models():
        config = clip_models.open_clip.get_model_config(name)
        found = checked(config, name, from_hub=True)
        assert {key: value for key, value in found.items() if key != "preprocess"} == config
