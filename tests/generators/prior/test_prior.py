"""Priors in files: our own, and the published checkpoints'."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.prior.checkpoints import load_checkpoint
from promptbrush.generators.prior.mini import MiniPrior
from promptbrush.generators.prior.noise import kept_signal
from promptbrush.generators.prior.prior import Home, Prior, Spread, load_prior, save_prior
from promptbrush.generators.prior.published import PublishedPrior

HOME = Home("a" * 16, "b" * 16)
LENGTHS = {"z": 4, "w": 6}


@pytest.fixture
def prior() -> Prior:
    torch.manual_seed(0)
    network = MiniPrior(6, 8, width=16, depth=1, latents=2)
    for each in network.parameters():
        torch.nn.init.normal_(each, std=0.3)
    return Prior(network, (2, 3), Spread(torch.randn(2, 6), torch.rand(2, 6) + 0.5), HOME).eval()


def checkpoint(network: PublishedPrior, prefix: str, latents: int) -> dict[str, torch.Tensor]:
    """The keys of a published file: the network, the statistics, and a buffer of the schedule."""
    size = (network.dim,) if latents == 1 else (latents, network.dim)
    state = {f"{prefix}net.{key}": value for key, value in network.state_dict().items()}
    statistics = {"latent_mean": torch.full(size, 0.5), "latent_std": torch.full(size, 2.0)}
    return {
        **state,
        **{prefix + key: value for key, value in statistics.items()},
        f"{prefix}betas": torch.zeros(4),
    }


def test_a_file_gives_the_prior_back(prior: Prior, tmp_path: Path) -> None:
    save_prior(prior, tmp_path / "prior.safetensors", {"steps": "7"})
    found = load_prior(tmp_path / "prior.safetensors")
    assert (found.groups, found.home, found.unit, found.shape, found.space) == (
        (2, 3),
        HOME,
        True,
        (2, 6),
        "w",
    )
    x, step, told = torch.randn(3, 2, 6), torch.tensor([0, 500, 999]), torch.randn(3, 8)
    torch.testing.assert_close(found(x, step, told), prior(x, step, told), atol=5e-3, rtol=5e-3)


def test_numbers_and_standard_deviations(prior: Prior) -> None:
    x = torch.randn(4, 2, 6)
    wanted = prior.mean + x * prior.std
    assert torch.equal(prior.numbers(x), wanted)
    torch.testing.assert_close(prior.numbers(x, 0.0), prior.mean.expand(4, -1, -1))
    torch.testing.assert_close(prior.normalised(wanted), x)


@pytest.mark.parametrize(
    ("generator", "clip", "told"),
    [
        (
            ("c" * 16, 5, LENGTHS),
            ("b" * 16, 8),
            "belongs to another generator (aaaaaaaaaaaaaaaa, not cccccccccccccccc)",
        ),
        (("a" * 16, 5, LENGTHS), ("d" * 16, 8), "belongs to another clip"),
        (
            ("a" * 16, 7, LENGTHS),
            ("b" * 16, 8),
            "draws 6-dimensional w for 5 layers, the generator takes 6-dimensional ones for 7",
        ),
        (
            ("a" * 16, 5, LENGTHS),
            ("b" * 16, 512),
            "takes 8-dimensional CLIP features, this CLIP's have 512 dimensions",
        ),
    ],
)
def test_other_models_are_refused_in_one_line(
    prior: Prior, generator: tuple[str, int, dict[str, int]], clip: tuple[str, int], told: str
) -> None:
    prior.check("p.safetensors", ("a" * 16, 5, LENGTHS), ("b" * 16, 8))
    with pytest.raises(InputFileError) as caught:
        prior.check("p.safetensors", generator, clip)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_files_are_refused(prior: Prior, tmp_path: Path) -> None:
    path = tmp_path / "prior.safetensors"
    save_prior(prior, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputFileError, match="not a prior"):
        load_prior(path)
    prior.home = replace(HOME)
    prior.groups = (5,)
    save_prior(prior, path)
    with pytest.raises(InputFileError, match="groups"):
        load_prior(path)


@pytest.mark.parametrize("prefix", ["ema_diffusion_prior.ema_model.", "diffusion_prior."])
def test_a_published_checkpoint(network: PublishedPrior, tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "prior.ckpt"
    state = checkpoint(network, prefix, 1)
    if prefix.startswith("ema"):  # the plain weights beside the averaged ones are not the ones to load
        worse = {
            f"diffusion_prior.net.{key}": torch.zeros_like(value)
            for key, value in network.state_dict().items()
        }
        state = {**worse, "ema_diffusion_prior.initted": torch.tensor(True), **state}
    torch.save({"state_dict": state, "epoch": 3}, path)
    found = load_checkpoint(path, layers=6)
    assert found.groups == (6,) and not found.unit and found.home == Home(clip_input="twice")
    x, step, told = torch.randn(2, 1, 32), torch.tensor([0, 750]), torch.randn(2, 32)
    assert torch.equal(found(x, step, told), network(x, step, told))
    torch.testing.assert_close(found.numbers(x), 0.5 + 2 * x)


def test_a_published_checkpoint_of_several_latents(triple: PublishedPrior, tmp_path: Path) -> None:
    path = tmp_path / "prior.ckpt"
    torch.save({"state_dict": checkpoint(triple, "diffusion_prior.", 3)}, path)
    assert load_checkpoint(path, layers=18).groups == (4, 4, 10)
    assert load_checkpoint(path, layers=3).groups == (1, 1, 1)
    assert load_checkpoint(path, 6, (1, 2, 3)).groups == (1, 2, 3)
    with pytest.raises(InputFileError, match="--groups"):
        load_checkpoint(path, layers=6)


def test_other_checkpoints_are_refused(network: PublishedPrior, tmp_path: Path) -> None:
    path = tmp_path / "prior.ckpt"
    for state, told in (
        ({"state_dict": {"a": torch.zeros(1)}}, "give a clip2latent checkpoint"),
        ({"state_dict": {"diffusion_prior.net.learned_query": torch.zeros(8)}}, "its weights are not those"),
        ([1, 2], "holds list"),
    ):
        torch.save(state, path)
        with pytest.raises(InputFileError, match=told):
            load_checkpoint(path, 6)
    whole = checkpoint(network, "diffusion_prior.", 1)
    del whole["diffusion_prior.latent_std"]
    torch.save(whole, path)
    with pytest.raises(InputFileError, match="'latent_std' is not there"):
        load_checkpoint(path, 6)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputFileError, match="cannot be read"):
        load_checkpoint(path, 6)


def test_no_noise_no_change() -> None:
    """At its cleanest step the mini network leaves latents nearly as they are, whatever its weights."""
    torch.manual_seed(0)
    network = MiniPrior(6, 8, width=16, depth=1)
    torch.nn.init.normal_(network.end.weight)
    x = torch.randn(3, 1, 6)
    clean = network(x, torch.zeros(3, dtype=torch.long), torch.randn(3, 8))
    assert float((clean - x).abs().max()) < 0.1
    assert 0.999 < float(kept_signal(1000)[0]) < 1
