"""The parser: shapes and sizes, its file, and wrong files."""

from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._weights import save_half
from promptbrush.generators.parser import PARTS, SIZE, FaceParser, load_parser, save_parser
from safetensors.torch import load_file, save_file


@pytest.fixture(scope="module")
def parser() -> FaceParser:
    """Random weights whose answers differ from place to place."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        made = FaceParser().eval().requires_grad_(False)
        for value in made.parameters():
            value.mul_(2 if value.ndim > 1 else 1)
    return made


def pictures(*shape: int) -> torch.Tensor:
    coarse = torch.rand(shape[0], 3, 5, 5, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, shape[1:], mode="bilinear")


def test_it_is_small(parser: FaceParser) -> None:
    assert 500_000 < sum(value.numel() for value in parser.parameters()) < 750_000


def test_samples_do_not_influence_each_other(parser: FaceParser) -> None:
    images = pictures(3, SIZE, SIZE)
    together = parser(images)
    assert together.shape == (3, len(PARTS), SIZE, SIZE)
    assert together.dtype == torch.float32
    torch.testing.assert_close(parser(images[1:2])[0], together[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(128, 128), (64, 64), (200, 200), (90, 160), (160, 40)])
def test_every_pixel_of_any_picture_gets_a_part(parser: FaceParser, shape: tuple[int, int]) -> None:
    parts = parser.parse(pictures(2, *shape))
    assert parts.shape == (2, *shape)
    assert parts.dtype == torch.int64
    assert parts.min() >= 0 and parts.max() < len(PARTS)
    assert len(parts.unique()) > 1


def test_larger_pictures_have_the_same_parts(parser: FaceParser) -> None:
    small = parser.parse(pictures(1, 128, 128))
    large = parser.parse(pictures(1, 256, 256))
    assert (large[:, ::2, ::2] == small).float().mean() > 0.9
    # A picture between two margins of its edges' colours is the same, squared.
    wide = pictures(1, 128, 128)
    wide[:, :, :24], wide[:, :, -24:] = wide[:, :, 24:25], wide[:, :, -25:-24]
    assert torch.equal(parser.parse(wide[:, :, 24:-24]), parser.parse(wide)[:, 24:-24])


def test_a_saved_parser_parses_the_same(parser: FaceParser, tmp_path: Path) -> None:
    path = tmp_path / "parser.safetensors"
    save_parser(parser, path, {"licence": "CC-BY-4.0"})
    assert path.stat().st_size < 1.5e6
    again, images = load_parser(path), pictures(2, SIZE, SIZE)
    assert not again.training
    assert not any(value.requires_grad for value in again.parameters())
    torch.testing.assert_close(again(images), parser(images), atol=2e-2, rtol=2e-2)


def test_wrong_files_are_named(parser: FaceParser, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_parser(parser, path)
    state = load_file(path)
    header = {"kind": "face parser", "parts": " ".join(PARTS)}

    def refused(reason: str) -> None:
        with pytest.raises(InputFileError, match=rf"other\.safetensors.*{reason}.*train parser") as caught:
            load_parser(path)
        assert "\n" not in str(caught.value)

    save_half(parser, path, {"kind": "judge"})
    refused("kind 'judge'")
    save_half(parser, path, {**header, "parts": "hair"})
    refused("other parts")
    save_file({**state, "stem.weight": state["stem.weight"] * torch.nan}, path, header)
    refused("stem.weight.*finite")
    save_file({**state, "stem.weight": state["stem.weight"][:8].clone()}, path, header)
    refused("loading state_dict")
    path.write_bytes(b"text")
    refused("")
    path.unlink()
    refused("")
