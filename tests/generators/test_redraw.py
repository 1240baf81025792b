"""The redraw network: sizes, range, its file, and wrong files."""

from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._weights import save_half
from promptbrush.generators.redraw import FACTOR, Redraw, load_redraw, save_redraw
from safetensors.torch import load_file, save_file


@pytest.fixture(scope="module")
def network() -> Redraw:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return Redraw().eval().requires_grad_(False)


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(shape[0], 3, *shape[1:], generator=torch.Generator().manual_seed(1))


def test_it_is_small(network: Redraw) -> None:
    assert 400_000 < sum(value.numel() for value in network.parameters()) < 600_000


@pytest.mark.parametrize("shape", [(32, 32), (24, 40), (2, 2)])
def test_pictures_get_four_times_the_side(network: Redraw, shape: tuple[int, int]) -> None:
    drawn = network.redrawn(pictures(2, *shape))
    assert drawn.shape == (2, 3, FACTOR * shape[0], FACTOR * shape[1])
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_a_picture_beside_it_counts_only_where_it_is_given(network: Redraw) -> None:
    images, beside = pictures(2, 16, 16), pictures(2, 64, 64)
    given = torch.tensor([1.0, 0.0]).view(2, 1, 1, 1)
    drawn = network(images, beside, given)
    torch.testing.assert_close(drawn[1:], network(images[1:]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(drawn[:1], network(images[:1], beside[:1]), atol=1e-5, rtol=1e-4)
    assert float((drawn[:1] - network(images[:1])).abs().mean()) > 0.01
    assert network.redrawn(images, pictures(2, 40, 40)).shape == (2, 3, 64, 64)


def test_samples_do_not_influence_each_other(network: Redraw) -> None:
    images = pictures(3, 16, 16)
    torch.testing.assert_close(network(images[1:2])[0], network(images)[1], atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_picture(network: Redraw) -> None:
    images = pictures(1, 16, 16).requires_grad_()
    network(images).square().mean().backward()
    assert images.grad is not None and bool((images.grad != 0).all())


def test_a_saved_network_draws_the_same(network: Redraw, tmp_path: Path) -> None:
    path, images = tmp_path / "redraw.safetensors", pictures(1, 16, 16)
    save_redraw(network, path, {"licence": "CC-BY-4.0"})
    torch.testing.assert_close(load_redraw(path)(images), network(images), atol=5e-3, rtol=0)


def test_other_files_are_named(network: Redraw, tmp_path: Path) -> None:
    path = tmp_path / "redraw.safetensors"
    save_redraw(network, path)
    state = load_file(path)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:500])
    save_half(network, tmp_path / "kind", {"kind": "face parser"})
    save_file(state, tmp_path / "factor", {"kind": "redraw network", "factor": "2"})
    state["stem.weight"][0] = float("nan")
    save_file(state, tmp_path / "nan", {"kind": "redraw network", "factor": "4"})
    for name in ("cut", "kind", "factor", "nan", "nothing"):
        with pytest.raises(InputFileError, match=f"{name}: not a redraw network.*train redraw"):
            load_redraw(tmp_path / name)
