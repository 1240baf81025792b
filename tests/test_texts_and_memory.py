"""Texts that no file can hold, latents that are none and memory that ran out are told in one line, before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from promptbrush import InputFileError, OutOfMemoryError, UsageError, _files
from promptbrush._settings import chosen
from promptbrush.editing import pictures
from promptbrush.editing.latents import load_latent
from promptbrush.editing.methods import METHODS
from promptbrush.editing.pictures import write_png
from promptbrush.generators import import_checkpoint
from promptbrush.guidance.prompts import parse_prompts

# As a terminal in Latin-1 hands over "café".
BROKEN = "caf\udce9"


def settings_of(method: str, **given: Any) -> Any:
    return chosen(METHODS.load(method).settings, given=given)


@pytest.mark.parametrize(
    "use",
    [
        lambda: parse_prompts(BROKEN),
        lambda: parse_prompts(f"a cat | @{BROKEN}.png"),
        lambda: settings_of("edit", prompt=BROKEN),
        lambda: settings_of("edit", prompt="a hat", negative=BROKEN),
        lambda: settings_of("edit", prompt="a hat", source=BROKEN),
        lambda: settings_of("edit", prompt="a hat", templates=BROKEN),
        lambda: settings_of("sample", prompt=BROKEN),
        lambda: settings_of("sample", prompt="a man", to=BROKEN),
        lambda: settings_of("shapes", prompt=BROKEN),
        lambda: settings_of("style", prompt=BROKEN),
    ],
)
def test_a_text_that_is_not_utf8_is_refused(use: Callable[[], object]) -> None:
    with pytest.raises(
        UsageError, match=r"^[\w ]+ '.*caf\?.*' is not UTF-8; type it in a terminal that uses UTF-8"
    ) as told:
        use()
    assert "\n" not in str(told.value)
    str(told.value).encode("utf-8")


def test_such_a_prompt_costs_no_work(command: Callable[..., Any], tmp_path: Path, tiny_pack: Path) -> None:
    write_png(torch.zeros(3, 32, 32), tmp_path / "face.png")
    for words in (("edit", tmp_path / "face.png", BROKEN), ("score", tmp_path / "face.png", BROKEN)):
        done = command(*words, "--pack", tiny_pack)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert [path.name for path in tmp_path.iterdir()] == ["face.png"]


HOSTILE = {
    "sparse": lambda: torch.eye(8).to_sparse(),
    "csr": lambda: torch.eye(8).to_sparse_csr(),
    "meta": lambda: torch.empty(1, 8, device="meta"),
    "stride": lambda: torch.zeros(1).expand(10**6, 10**7),
    "complex": lambda: torch.ones(1, 8, dtype=torch.complex64),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(1, 8), 0.1, 0, torch.quint8),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "inside": lambda: {"b4": torch.ones(1, 8), "b8": torch.eye(8).to_sparse()},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", HOSTILE)
def test_tensors_that_are_no_latents_are_refused(kind: str, tmp_path: Path) -> None:
    torch.save(HOSTILE[kind](), tmp_path / "latent.pt")
    with pytest.raises(InputFileError, match=r"latent\.pt: (no latent can be read|'latent' is not)") as told:
        load_latent(tmp_path / "latent.pt")
    assert "\n" not in str(told.value)


def test_a_latent_in_eight_bits_is_read(tmp_path: Path) -> None:
    torch.save(torch.full((1, 8), 0.5).to(torch.float8_e4m3fn), tmp_path / "latent.pt")
    found = load_latent(tmp_path / "latent.pt")
    assert isinstance(found, torch.Tensor)
    assert torch.equal(found, torch.full((1, 8), 0.5))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_picture_for_which_memory_ran_out_is_not_called_damaged(
    error: Exception,
    command: Callable[..., Any],
    tmp_path: Path,
    tiny_pack: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise error

    write_png(torch.zeros(3, 20, 30), tmp_path / "large.png")
    monkeypatch.setattr(pictures, "_floats", full)
    done = command("edit", tmp_path / "large.png", "a hat", "--pack", tiny_pack)
    assert done.code == 5
    assert "large.png: memory ran out while its 30x20 pixels were read; make the picture smaller" in done.err
    assert done.err.count("\n") == 1


def test_a_model_for_which_memory_ran_out_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    torch.save({"g_ema": {}}, tmp_path / "large.pt")
    monkeypatch.setattr(torch, "load", full)
    # A damaged file asks for absurdly much, where there is memory enough for an honest one.
    with pytest.raises(InputFileError, match=r"large\.pt: damaged"):
        import_checkpoint(tmp_path / "large.pt", tmp_path / "out.safetensors")
    monkeypatch.setattr(_files, "_to_be_had", lambda size: False)
    for use in (
        lambda: import_checkpoint(tmp_path / "large.pt", tmp_path / "o"),
        lambda: load_latent(tmp_path / "large.pt"),
    ):
        with pytest.raises(
            OutOfMemoryError, match=r"large\.pt: memory ran out while its 0 MiB were read; close"
        ):
            use()
