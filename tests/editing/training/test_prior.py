"""Pairs in shards, and training on them, by one process and by two."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from promptbrush import InputFileError, UsageError
from promptbrush.editing.prior.pairs import PairMaker, checked_groups, make_shards, read_pairs
from promptbrush.editing.prior.shards import Origin, Pairs, joined, shard_path
from promptbrush.editing.prior.statistics import normalised, spread_of, statistics, whitening_of
from promptbrush.editing.sample.prior_latents import w_of, w_plus
from promptbrush.editing.training.options import TRAININGS, PairsOptions, PriorOptions
from promptbrush.editing.training.prior import make_pairs, train_prior
from promptbrush.editing.training.prior_trainer import PriorData, PriorTrainer, pseudo_text
from promptbrush.editing.training.settings import PRIOR_PRESETS, PriorSettings
from promptbrush.generators import load_generator
from promptbrush.generators.prior.mini import MiniPrior
from promptbrush.generators.prior.prior import Home, Prior, load_prior
from promptbrush.guidance import load_perceptor
from safetensors import SafetensorError

HOME = Home("a" * 16, "b" * 16)
SMALL = {
    "space": "w",
    "width": 16,
    "depth": 1,
    "steps": 40,
    "batch": 16,
    "warm_up": 2,
    "ema_start": 10,
    "ema": 0.9,
}
QUICK = PriorSettings(**SMALL)


def changed(**settings: object) -> PriorSettings:
    return PriorSettings(**{**SMALL, **settings})


def trainer_of(
    pairs: Pairs,
    settings: PriorSettings = QUICK,
    checkpoint: Path | None = None,
    captions: Pairs | None = None,
    home: Home = HOME,
) -> PriorTrainer:
    return PriorTrainer(PriorData(pairs, captions, (6,), home), settings, 0, checkpoint)


def pairs_of(count: int, seed: int = 0) -> Pairs:
    """Latents that follow from what CLIP sees in them."""
    rng = torch.Generator().manual_seed(seed)
    features = torch.nn.functional.normalize(torch.randn(count, 8, generator=rng), dim=1)
    return Pairs(features, (3 * features[:, None, :6] + 1).contiguous())


@pytest.fixture(scope="module")
def maker(tiny_pack: Path) -> PairMaker:
    generator = load_generator(tiny_pack / "generator.safetensors")
    origin = Origin("g", "c", "standard", (2, generator.num_ws - 2), 3, 1.0, 5)
    return PairMaker(generator, load_perceptor(tiny_pack / "clip"), origin)


def test_pseudo_text_noise(golden: dict[str, torch.Tensor]) -> None:
    for scale in (0.75, 1.0):
        found = pseudo_text(golden["addnoise_in"], golden["addnoise_noise"], scale)
        torch.testing.assert_close(found, golden[f"addnoise_{scale}_out"], atol=1e-5, rtol=1e-5)


def test_statistics_of_w(golden: dict[str, torch.Tensor]) -> None:
    mean, std = statistics(golden["w_data"][:, None])
    torch.testing.assert_close(mean[0], golden["w_mean"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(std[0], golden["w_std"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close((golden["w_data"][:5] - mean) / std, golden["w_norm5"], atol=1e-5, rtol=1e-5)


def test_components_of_w_are_alike_and_give_it_back() -> None:
    rng = torch.Generator().manual_seed(0)
    w = torch.randn(500, 2, 6, generator=rng) @ torch.randn(6, 6, generator=rng) + 3
    spread = spread_of(w)
    x = normalised(w, spread)
    torch.testing.assert_close(x.std(dim=0), torch.ones(2, x.shape[2]), atol=1e-2, rtol=0)
    prior = Prior(MiniPrior(x.shape[2], 8, 16, 1, latents=2), (1, 2), spread, HOME)
    torch.testing.assert_close(prior.numbers(x), w, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(prior.normalised(w), x)
    flat = torch.cat([w, torch.zeros(500, 2, 4)], dim=2)  # numbers that never change have no component
    assert spread_of(flat).axes.shape == (2, x.shape[2], 10)


def test_whitening_can_be_folded_into_a_layer() -> None:
    pairs, captions = pairs_of(300), Pairs(pairs_of(300, 1).features * 0.1 + 0.5, pairs_of(300).latents)
    whitening = whitening_of(pairs, captions)
    both = torch.cat([pairs.features, captions.features])
    assert float(whitening(both).std(dim=0).max()) < 1.5
    layer = torch.nn.Linear(8, 5)
    told = layer(whitening(both))
    whitening.fold(layer)
    torch.testing.assert_close(layer(both), told, atol=1e-4, rtol=1e-4)


def test_every_group_has_a_latent_of_its_own(maker: PairMaker, coarse_numbers: bool) -> None:
    pairs = joined([*maker.make(0, 4)])
    assert pairs.latents.shape == (4, 2, maker.generator.z_dim)
    codes = w_plus(w_of(maker.generator, pairs.latents), maker.origin.groups)
    with torch.no_grad():
        seen = maker.perceptor.encode_image(maker.generator.decode(codes), normalise=False)
    if coarse_numbers:  # eight bits of a number, after all layers of a generator and a CLIP
        assert float(torch.cosine_similarity(pairs.features, seen).min()) > 0.999
    else:
        torch.testing.assert_close(pairs.features, seen, atol=1e-5, rtol=1e-4)
    with pytest.raises(UsageError, match="add up to"):
        checked_groups((2, 2), 7)


def test_shards_are_kept_and_made_again_if_cut_short(maker: PairMaker, tmp_path: Path) -> None:
    assert sum(make_shards(maker, tmp_path, 12)) == 12
    first = read_pairs(tmp_path, maker.origin, 12)
    path = shard_path(tmp_path, 1, "pairs")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(InputFileError, match=r"pairs-00001.safetensors: damaged or cut short"):
        read_pairs(tmp_path, maker.origin, 12)
    kept = shard_path(tmp_path, 0, "pairs").stat().st_mtime_ns
    assert sum(make_shards(maker, tmp_path, 12)) == 12
    assert shard_path(tmp_path, 0, "pairs").stat().st_mtime_ns == kept
    again = read_pairs(tmp_path, maker.origin, 12)
    assert torch.equal(first.latents, again.latents) and torch.equal(first.features, again.features)
    with pytest.raises(InputFileError, match="is missing"):
        read_pairs(tmp_path, maker.origin, 20)


def test_shards_of_other_models_do_not_mix(maker: PairMaker, tmp_path: Path) -> None:
    list(make_shards(maker, tmp_path, 5))
    other = replace(maker, origin=replace(maker.origin, generator="another"))
    with pytest.raises(InputFileError, match="its pairs have generator"):
        list(make_shards(other, tmp_path, 5))
    with pytest.raises(InputFileError, match="its pairs have generator"):
        read_pairs(tmp_path, other.origin, 5)


def test_processes_share_the_shards(
    maker: PairMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, own in (("0", {0, 2}), ("1", {1})):
        monkeypatch.setenv("RANK", rank)
        before = set(tmp_path.iterdir())
        list(make_shards(maker, tmp_path, 12))
        assert {int(path.stem[-5:]) for path in set(tmp_path.iterdir()) - before} == own


def test_it_learns(tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = changed(width=48, steps=300, batch=64, noise=0.1, lr=5e-3)
    training = trainer_of(pairs_of(400), settings)
    losses = [step.loss for step in training.run()]
    assert sum(losses[-20:]) / 20 < 0.2  # of 1; a linear guess stands at the beginning
    prior, new = training.prior(), pairs_of(50, seed=1)
    clean = prior.normalised(new.latents)
    step = torch.full((50,), 900)
    found = prior(torch.randn(clean.shape), step, new.features)
    assert float((found - clean).square().mean()) < 0.6 * float(clean.square().mean())


def test_the_guess_learns_what_is_not_linear() -> None:
    features = torch.nn.functional.normalize(
        torch.randn(2000, 8, generator=torch.Generator().manual_seed(0)), dim=1
    )
    pairs = Pairs(features, 3 * features[:, None, :6].abs())
    settings = changed(width=48, steps=300, batch=64, noise=0.0, drop=0.0, lr=5e-3)
    training = trainer_of(pairs, settings)

    def error() -> float:
        assert isinstance(training.network, MiniPrior) and training.whitening
        with torch.no_grad():
            guess = training.network.guessed(training.whitening(training.pairs.features))
        return float((guess - training.pairs.latents).square().mean())

    linear = error()
    assert linear == pytest.approx(1, abs=0.05)  # no more than the mean
    list(training.run())
    assert error() < 0.4


def test_a_batch_without_conditions_teaches_all_the_same() -> None:
    training = trainer_of(pairs_of(50), changed(steps=3, drop=1.0))
    assert all(0 < step.loss < 10 for step in training.run())


def test_the_average_begins_with_trained_weights() -> None:
    training = trainer_of(pairs_of(50))
    run = training.run()
    for _ in range(QUICK.ema_start):
        next(run)
    own = [each.detach().clone() for each in training.network.parameters()]
    for kept, now in zip(training.averaged.parameters(), own, strict=True):
        torch.testing.assert_close(kept, now)  # not the weights of the beginning
    for _ in range(5):
        next(run)
    moved = [(kept - now).abs().max() for kept, now in zip(training.averaged.parameters(), own, strict=True)]
    apart = zip(training.averaged.parameters(), training.network.parameters(), strict=True)
    assert max(moved) > 0 and max(float((kept - now).abs().max()) for kept, now in apart) > 0


def test_a_stopped_training_goes_on_to_the_same_end(tmp_path: Path) -> None:
    def trained(checkpoint: Path | None, steps: int | None = None) -> PriorTrainer:
        training = trainer_of(pairs_of(50), QUICK, checkpoint, pairs_of(20, 2))
        for step in training.run():
            if step.index + 1 == steps:
                training.save()
                break
        return training

    whole = trained(None).prior().state_dict()
    trained(tmp_path / "kept.pt", 17)
    resumed = trained(tmp_path / "kept.pt")
    assert resumed.done == {"prior": QUICK.steps}
    for name, value in resumed.prior().state_dict().items():
        assert torch.equal(value, whole[name])


@pytest.mark.parametrize(
    ("settings", "home", "told"),
    [
        ({"width": 32}, HOME, "width 16, this training has width 32"),
        ({"space": "z"}, HOME, "space w, this training has space z"),
        ({}, Home("c" * 16, "b" * 16), f"generator {'a' * 16}, this training has generator {'c' * 16}"),
        ({}, Home("a" * 16, "d" * 16), f"clip {'b' * 16}, this training has clip {'d' * 16}"),
    ],
)
def test_a_checkpoint_of_other_models_or_settings_is_refused(
    tmp_path: Path, settings: dict[str, Any], home: Home, told: str
) -> None:
    trainer_of(pairs_of(50), QUICK, tmp_path / "kept.pt").save()
    told = f"kept.pt: a checkpoint of {told}; move it away or give --checkpoint another file"
    with pytest.raises(InputFileError, match=told):
        trainer_of(pairs_of(50), changed(**settings), tmp_path / "kept.pt", home=home)


def test_the_published_network_needs_features_as_long_as_w() -> None:
    with pytest.raises(UsageError, match="--network mini"):
        trainer_of(pairs_of(20), PriorSettings(**PRIOR_PRESETS["paper"]))


def options_of(pack: Path, output: Path, **given: Any) -> PriorOptions:
    models = {"pack": str(pack), "device": "cpu"}
    return PriorOptions(**{**SMALL, "steps": 4, "batch": 4, "pairs": 12, **models, "output": output, **given})


def test_the_commands_make_pairs_and_a_prior(tiny_pack: Path, tmp_path: Path) -> None:
    pairs = {"pairs": 12, "groups": "3,5", "shard": 6, "data": tmp_path / "pairs"}
    assert "12 pairs" in [*make_pairs(PairsOptions(pack=str(tiny_pack), device="cpu", **pairs))][-1]
    target = tmp_path / "prior.safetensors"
    lines = [*train_prior(options_of(tiny_pack, target, **pairs))]
    assert lines[-1] == f"{target}: 4 steps on 12 pairs, 0 captions"
    assert (load_prior(target).groups, load_prior(target).space) == ((3, 5), "w")
    in_memory = [*train_prior(options_of(tiny_pack, target, groups="3,5", steps=2))]
    assert "2 steps" in in_memory[-1]
    list(train_prior(options_of(tiny_pack, target, space="z", steps=2, **pairs)))
    assert load_prior(target).space == "z"  # of the same pairs


def test_psi_is_of_w(tiny_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"psi is 0\.7"):
        list(train_prior(options_of(tiny_pack, tmp_path / "prior.safetensors", space="z", psi=0.7)))


@pytest.mark.parametrize("given", [{"space": "s"}, {"network": "large"}, {"pairs": 1}, {"groups": "a,b"}])
def test_options_that_no_prior_has(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(given))} is {next(iter(given.values()))}"):
        TRAININGS["prior"].load_options(output=tmp_path / "prior.safetensors", **given)


def test_a_prior_of_z_learns_their_directions() -> None:
    pairs = pairs_of(50)
    training = trainer_of(pairs, changed(space="z", steps=1))
    lengths = training.pairs.latents.square().mean(dim=2)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), atol=1e-4, rtol=0)
    torch.testing.assert_close(training.prior().numbers(pairs.latents), pairs.latents)


@pytest.mark.parametrize(
    ("given", "told"), [({"captions": 5}, "captions are known only"), ({"groups": "1,2"}, "add up to")]
)
def test_wrong_requests_are_told_in_one_line(
    tiny_pack: Path, tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    options = PairsOptions(**{"pairs": 4, "data": tmp_path, "pack": str(tiny_pack), "device": "cpu", **given})
    with pytest.raises(UsageError, match=told):
        list(make_pairs(options))


def test_a_full_disk_while_pairs_are_made_is_one_line(
    tiny_pack: Path, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    words = ("--pack", tiny_pack, "--data", tmp_path / "pairs", "--pairs", 4, "--device", "cpu")
    told = command("train", "pairs", *words)
    assert told.code == 3
    assert told.err.count("\n") == 1
    assert "pairs-00000.safetensors: cannot be written" in told.err
    assert not [*(tmp_path / "pairs").glob("*.safetensors")]


_TWO = """
import sys
import torch
torch.set_num_threads(1)
from promptbrush.cli import main
main()
"""


def test_two_processes_train_one_prior(tiny_pack: Path, tmp_path: Path) -> None:
    """They share the pairs and each step's batch, and end with the same weights."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        *("train", "prior", "--pack", tiny_pack, "--data", tmp_path / "pairs", "--pairs", 12, "--shard", 4),
        *("--steps", 6, "--batch", 8, "--width", 16, "--device", "cpu", "-o", tmp_path / "prior.safetensors"),
    ]
    shared = {**os.environ, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    shared |= {"MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _TWO, *map(str, words)],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [each.communicate(timeout=240) for each in running]
    assert [each.returncode for each in running] == [0, 0], told
    assert "6 steps on 12 pairs" in told[0][0] and "steps" not in told[1][0]
    assert len([*(tmp_path / "pairs").glob("pairs-*.safetensors")]) == 3
    assert load_prior(tmp_path / "prior.safetensors").network.width == 16
