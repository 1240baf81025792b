"""The embedded styler: its network, its files, and pictures of any size."""

from __future__ import annotations

import pytest
import torch
from promptbrush import InputFileError, UsageError
from promptbrush.generators.style.norm import InstanceNorm, forget, noting
from promptbrush.generators.style.stylenet import StyleNet
from promptbrush.generators.style.styler import (
    Styler,
    _with_place,
    blended,
    load_styler,
    of_one_style,
    save_styler,
)
from promptbrush.generators.style.transfer import StyleTransfer, padded
from safetensors import safe_open
from torch import Tensor

SMALL = {"features": 0, "width": 8, "fine": 4, "style": 6}


def small(seed: int = 0, **shape: int) -> Styler:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        styler = Styler(**{**SMALL, **shape}, dilations=(1, 2))
        for value in styler.parameters():
            value.data += 0.1 * torch.randn(value.shape)
        if not styler.shape["features"]:
            styler.vector += torch.randn(1, styler.shape["style"])
    return styler.eval().requires_grad_(False)


def transfer(styler: Styler) -> StyleTransfer:
    return StyleTransfer(styler, lambda images, at: styler(images, styler.vector, at), 4, reach=80)


def photo(height: int, width: int, seed: int = 0) -> Tensor:
    noise = torch.rand(1, 3, height // 8 + 2, width // 8 + 2, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)


def test_a_style_changes_all_pictures_of_a_batch_each_by_its_own_vector() -> None:
    styler, photos = small(), photo(32, 40).repeat(2, 1, 1, 1)
    vectors = torch.randn(2, 6, generator=torch.Generator().manual_seed(1))
    both = styler(photos, vectors)
    assert both.shape == photos.shape
    assert float(both.min()) >= 0
    assert float(both.max()) <= 1
    alone = styler(photos[1:], vectors[1:])
    assert torch.allclose(both[1:], alone, atol=1e-5), "samples of a batch do not influence each other"
    assert not torch.allclose(both[0], both[1], atol=1e-2)


def test_files_hold_a_styler_whole(tmp_path) -> None:
    styler = small()
    styler.prompt, styler.words = "a mosaic", ("mosaic", "tiles")
    save_styler(styler, tmp_path / "a.safetensors")
    again = load_styler(tmp_path / "a.safetensors")
    assert (again.prompt, again.words, again.shape) == (styler.prompt, styler.words, styler.shape)
    seen = photo(24, 24)
    assert torch.allclose(again(seen, again.vector), styler(seen, styler.vector), atol=2e-2)


def test_a_light_file_holds_what_is_its_own(tmp_path) -> None:
    many = small(features=12)
    save_styler(many, tmp_path / "many.safetensors")
    many = load_styler(tmp_path / "many.safetensors")
    one = of_one_style(many, torch.ones(1, 6), "gold")
    one.end.bias.data += 1
    save_styler(one, tmp_path / "one.safetensors", base=tmp_path / "many.safetensors")
    with safe_open(tmp_path / "one.safetensors", "pt") as file:
        assert set(file.keys()) == {"vector", "end.bias"}
    again = load_styler(tmp_path / "one.safetensors", tmp_path / "many.safetensors")
    seen = photo(24, 24)
    assert torch.allclose(again(seen, again.vector), one(seen, one.vector), atol=1e-2)
    save_styler(small(1, features=12), tmp_path / "many.safetensors")
    for base in (tmp_path / "many.safetensors", None):
        with pytest.raises(InputFileError, match="another version of the pack's styler"):
            load_styler(tmp_path / "one.safetensors", base)


@pytest.mark.parametrize(
    "broken",
    [{"kind": "parser"}, {"width": "0"}, {"dilations": "a"}, {"style": "9999999"}, {"features": "x"}],
)
def test_a_file_of_something_else_is_refused(tmp_path, broken: dict[str, str]) -> None:
    save_styler(small(), tmp_path / "a.safetensors", broken)
    with pytest.raises(InputFileError, match=r"a\.safetensors: not a styler .*train styler"):
        load_styler(tmp_path / "a.safetensors")


def test_a_styler_that_is_told_a_style_needs_no_words() -> None:
    many = small(features=12)
    vector = many.text(torch.randn(1, 12, generator=torch.Generator().manual_seed(2)))
    one = of_one_style(many, vector, "gold")
    seen = photo(24, 32)
    assert torch.equal(one(seen, one.vector), many(seen, vector))
    assert one.prompt == "gold"
    assert not [name for name in one.state_dict() if name.startswith("text")]


def test_blending_goes_from_one_to_the_other() -> None:
    first, second, seen = small(0), small(1), photo(24, 24)
    ends = [each(seen, each.vector) for each in (first, second)]
    for shares, end in (((1, 0), ends[0]), ((0, 2), ends[1])):
        made = blended([first, second], shares)
        assert torch.allclose(made(seen, made.vector), end, atol=1e-5)
    with pytest.raises(UsageError, match="different sizes"):
        blended([first, small(0, width=12)], (1, 1))
    with pytest.raises(UsageError, match="add up to 0"):
        blended([first, second], (0, 0))


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (50, 3), (33, 47), (64, 64)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    seen = photo(*size)
    for network in (
        transfer(small()),
        StyleTransfer(net := StyleNet(width=2).eval(), lambda x, at: net(x), 8),
    ):
        made = network(seen)
        assert made.shape == seen.shape
        assert bool(made.isfinite().all())


@pytest.mark.parametrize("size", [(300, 200), (229, 260), (190, 300)])
def test_tiles_have_no_seams(size: tuple[int, int]) -> None:
    """With the whole picture's statistics a tile is the same as that part of the whole."""
    styler, seen = small(), photo(*size)
    network = transfer(styler)
    with noting(styler):
        network.whole(seen)
    whole = network.whole(seen)
    forget(styler)
    real = network._tiled.__func__  # type: ignore[attr-defined]

    class Same(StyleTransfer):
        def whole(self, images: Tensor) -> Tensor:  # noqa: ARG002
            return super().whole(seen)

    tiled = real(Same(styler, network.draw, 4, 80), seen, 64)
    inner = (..., slice(80, -80), slice(80, -80))
    assert torch.allclose(tiled[inner], whole[inner], atol=1e-4), "away from the border both see the same"
    assert all(norm.known is None for norm in styler.modules() if isinstance(norm, InstanceNorm))


def test_large_pictures_look_like_themselves_in_tiles() -> None:
    styler, seen = small(), photo(320, 320)
    network = transfer(styler)
    apart = (network(seen, tile=96) - network(seen, tile=1024)).abs().mean()
    assert float(apart) < 0.03


def test_padding_mirrors_where_it_can() -> None:
    row = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert padded(row.expand(1, 1, 3, 3), (2, 0, 0, 0))[0, 0, 0].tolist() == [3, 2, 1, 2, 3]
    assert padded(row, (4, 0, 1, 0))[0, 0].tolist() == [[1, 1, 1, 1, 1, 2, 3]] * 2


def test_statistics_of_another_picture() -> None:
    norm, first, second = InstanceNorm(), photo(8, 8), 0.5 + photo(8, 8, 1)
    own = norm(second)
    assert float(own.mean().abs()) < 1e-5
    with noting(norm):
        norm(first)
    scale, shift = torch.tensor([[2.0, 2, 2]]), torch.tensor([[1.0, 1, 1]])
    mean, std = first.mean((2, 3), keepdim=True), first.std((2, 3), keepdim=True, correction=0)
    wanted = (second - mean) / (std**2 + 1e-5).sqrt() * 2 + 1
    assert torch.allclose(norm(second, scale, shift), wanted, atol=1e-4)
    forget(norm)
    assert torch.allclose(norm(second, scale, shift), own * 2 + 1, atol=1e-5)


def test_long_waves_bend_with_the_picture_and_short_ones_stay_straight() -> None:
    """Panes and cuts follow what is shown; stitches are counted."""
    plain, lit = torch.full((2, 3, 96, 96), 0.5).unbind(0)
    lit = lit.clone()
    lit[:, 32:64] = 1.0
    both = torch.stack([plain, lit])
    long, short = _with_place(both, 4, (0, 0))[:, 48:60], _with_place(both, 2, (0, 0))[:, 12:24]
    assert float((long[0] - long[1])[:, 10:14].abs().mean()) > 0.2
    assert float((long[0] - long[1])[:, :2].abs().max()) < 1e-4, "far away nothing changes"
    assert torch.equal(short[0], short[1])
    assert torch.allclose(short[0][..., 18:], short[0][..., :-18], atol=1e-4), (
        "36 px hold whole waves of 6, 9 and 12"
    )
    assert not torch.allclose(long[0][..., 12:], long[0][..., :-12], atol=0.1), (
        "as 48 px do not, of 16, 24 and 48"
    )
