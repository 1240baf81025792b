"""Schedules, guidance and sampling, against numbers recorded from the original and against each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from promptbrush import UsageError
from promptbrush._settings import chosen
from promptbrush.editing.sample.ancestral import Ancestral, Posterior
from promptbrush.editing.sample.classifier_free_guidance import Guidance
from promptbrush.editing.sample.conditions import between_conditions
from promptbrush.editing.sample.prior_latents import PriorLatents
from promptbrush.editing.sample.proposal import PriorProposal, candidate_seeds, draw_latents, seeded
from promptbrush.editing.sample.scheduler_names import SCHEDULERS
from promptbrush.editing.sample.settings import SampleSettings
from promptbrush.generators.base import Proposal
from promptbrush.generators.prior.noise import cosine_betas, kept_signal
from promptbrush.generators.prior.prior import Home, Prior, Spread
from promptbrush.generators.prior.published import PublishedPrior
from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config

Golden = dict[str, torch.Tensor]


def sample_settings(preset: str = "default", **given: Any) -> SampleSettings:
    return chosen(SampleSettings, preset, given)


@pytest.fixture(scope="module")
def prior(network: PublishedPrior, golden: Golden) -> Prior:
    """The recorded network, whose w feeds six layers."""
    return Prior(network, (6,), Spread(golden["w_mean"][None], golden["w_std"][None]), Home(), unit=False)


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    """One whose w is as long as the recorded ones."""
    config = StyleGAN2Config(16, {4: 8, 8: 8, 16: 8}, z_dim=16, w_dim=32, mapping_layers=1)
    return StyleGAN2(config).eval()


def test_cosine_schedule(golden: Golden) -> None:
    posterior = Posterior(1000)
    for name, found in (
        ("betas", torch.tensor(cosine_betas(1000))),
        ("alphas_cumprod", kept_signal(1000)),
        ("posterior_variance", posterior.variance),
        ("posterior_mean_coef1", posterior.clean),
        ("posterior_mean_coef2", posterior.noisy),
    ):
        torch.testing.assert_close(found, golden[f"cos1000_{name}"], atol=1e-6, rtol=0)
    recorded = golden["cos1000_posterior_log_variance_clipped"]
    torch.testing.assert_close(posterior.log_variance, recorded, atol=0, rtol=1e-5)


@pytest.mark.parametrize("skip", [1, 100, 250])
def test_skipping(golden: Golden, skip: int) -> None:
    found = Posterior(1000, skip)
    for name, values in (
        ("posterior_variance", found.variance),
        ("mean_coef1", found.clean),
        ("mean_coef2", found.noisy),
        ("logvar_used", Ancestral(1000, skip).log_variance),
    ):
        torch.testing.assert_close(values, golden[f"skip{skip}_{name}"], atol=1e-5, rtol=1e-5)
    right = Ancestral(1000, skip, "respaced").log_variance
    assert torch.equal(right, found.log_variance)
    with pytest.raises(UsageError, match="does not divide"):
        Ancestral(1000, 300)


@pytest.mark.parametrize("scale", [2.0, 0.5, 4.0])
def test_guidance(prior: Prior, golden: Golden, scale: float) -> None:
    x, told = golden["net_x"][:, None], golden["net_cond"][:, None]
    guide = Guidance(prior, told, torch.ones(1), scale)
    rows = [guide(x, int(time))[row, 0] for row, time in enumerate(golden["net_t"])]
    torch.testing.assert_close(torch.stack(rows), golden[f"net_out_cfg{scale}"], atol=1e-5, rtol=1e-5)


def test_weighted_guidance_is_a_sum_of_moves(prior: Prior, golden: Golden) -> None:
    x, told = golden["net_x"][:1, None], golden["net_cond"][None, :2]
    time = int(golden["net_t"][0])

    def one(row: int, scale: float) -> torch.Tensor:
        return Guidance(prior, told[:, row : row + 1], torch.ones(1), scale)(x, time)

    null = one(0, 0.0)
    both = Guidance(prior, told, torch.tensor([1.0, -0.5]), 2.0)(x, time)
    torch.testing.assert_close(
        both, null + 2 * (one(0, 1.0) - null) - (one(1, 1.0) - null), atol=1e-5, rtol=1e-5
    )


def test_rescaling_and_limit_hold_huge_guidance(prior: Prior, golden: Golden) -> None:
    x, told, time = golden["net_x"][:, None], golden["net_cond"][:, None], int(golden["net_t"][0])
    plain = Guidance(prior, told, torch.ones(1), 1.0)(x, time)
    rescaled = Guidance(prior, told, torch.ones(1), 1e6, rescale=1.0)(x, time)
    torch.testing.assert_close(rescaled.std(dim=2), plain.std(dim=2), atol=1e-3, rtol=1e-3)
    assert float(Guidance(prior, told, torch.ones(1), 1e6, limit=4.0)(x, time).abs().max()) <= 4


@pytest.mark.parametrize(("scale", "truncation"), [(1.0, 1.0), (2.0, 1.0), (2.0, 0.7)])
def test_published_sampling(
    prior: Prior, golden: Golden, monkeypatch: pytest.MonkeyPatch, scale: float, truncation: float
) -> None:
    name = f"sample_cfg{scale}"
    recorded = golden[f"{name}_noise"].transpose(0, 1)  # by sample
    begun = {row: golden[f"{name}_init"][row][None] for row in range(3)}
    found = []
    for row in range(3):
        drawn = iter([begun[row], *recorded[row][:, None]])
        monkeypatch.setattr(torch, "randn", lambda *_, drawn=drawn, **__: next(drawn).clone())
        settings = sample_settings("paper", prompt="-", guidance=scale)
        told = golden["sample_cond"][row][None, None]
        found.append(draw_latents(prior, told, torch.ones(1), seeded([row]), settings))
    latents = prior.numbers(torch.cat(found), truncation).expand(-1, 6, -1)
    wanted = golden[f"{name}_trunc0.7_out" if truncation < 1 else f"{name}_out"]
    torch.testing.assert_close(latents, wanted, atol=1e-4, rtol=1e-4)


def test_guidance_by_default_is_that_of_the_space() -> None:
    assert sample_settings(prompt="-").guided("z") > 2 == sample_settings(prompt="-").guided("w")
    assert sample_settings(prompt="-", guidance=0.0).guided("z") == 0
    assert sample_settings("paper", prompt="-").guided("z") == 2


class Known(torch.nn.Module):
    """Stands for a prior whose answer is exact: every latent is normal about the condition, half as wide."""

    steps, shape, space = 1000, (1, 2), "w"

    def forward(self, x: torch.Tensor, time: torch.Tensor, told: torch.Tensor, *_: Any) -> torch.Tensor:
        kept = kept_signal(1000)[time][:, None, None]
        mean, variance = told[:, None], 0.25
        gain = kept.sqrt() * variance / (kept * variance + 1 - kept)
        return mean + gain * (x - kept.sqrt() * mean)


@pytest.mark.parametrize("name", [*SCHEDULERS, "paper"])
def test_every_scheduler_finds_the_distribution(name: str) -> None:
    told = torch.tensor([[[1.0, -2.0]]]).expand(400, -1, -1)
    steps = {"ddpm": 50, "ddim": 50, "euler": 40, "paper": 250}.get(name, 20)
    own = {"variance": "respaced"} if name == "paper" else {}
    settings = sample_settings(prompt="-", scheduler=name, steps=steps, guidance=1.0, limit=0.0, **own)
    found = draw_latents(Known(), told, torch.ones(1), seeded(range(400)), settings, chunk=400)[:, 0]  # type: ignore[arg-type]
    torch.testing.assert_close(found.mean(0), told[0, 0], atol=0.12, rtol=0)
    torch.testing.assert_close(found.std(0), torch.full((2,), 0.5), atol=0.09, rtol=0)


@pytest.mark.parametrize("name", [*SCHEDULERS, "paper"])
def test_a_sample_is_its_seeds_alone(prior: Prior, golden: Golden, name: str) -> None:
    settings = sample_settings(prompt="-", scheduler=name, steps=4, guidance=2.0)
    told = golden["sample_cond"][:1, None].expand(3, -1, -1)
    many = draw_latents(prior, told, torch.ones(1), seeded([5, 6, 7]), settings)
    alone = draw_latents(prior, told[:1], torch.ones(1), seeded([6]), settings)
    assert torch.equal(many[1:2], alone)
    assert not torch.equal(many[0], many[1])


@pytest.mark.parametrize("name", [*SCHEDULERS, "paper"])
def test_strength_leads_from_a_latent_to_a_free_draw(name: str) -> None:
    told, start = torch.ones(1, 1, 2), torch.full((1, 1, 2), 3.0)
    apart = []
    for strength in (0.0, 0.2, 0.9):
        settings = sample_settings(
            like="a.png", scheduler=name, steps=50, guidance=1.0, strength=strength, limit=0.0
        )
        found = draw_latents(Known(), told, torch.ones(1), seeded([1]), settings, start)  # type: ignore[arg-type]
        apart.append(float((found - start).norm()))
    assert apart[0] == 0 and 0 < apart[1] < apart[2]


@pytest.mark.parametrize("strength", [0.76, 0.9, 0.99])
@pytest.mark.parametrize("name", [*SCHEDULERS, "paper"])
def test_a_start_counts_from_the_first_step_on(name: str, strength: float) -> None:
    # Four steps as published: the first one is at 750 of 1000, below either strength.
    settings = sample_settings(
        like="a.png", scheduler=name, steps=4, guidance=1.0, limit=0.0, strength=strength
    )
    told = torch.ones(1, 1, 2)
    found = [
        draw_latents(Known(), told, torch.ones(1), seeded([1]), settings, torch.full((1, 1, 2), value))  # type: ignore[arg-type]
        for value in (-3.0, 3.0)
    ]
    assert float((found[1] - found[0]).min()) > 1e-3
    again = draw_latents(Known(), told, torch.ones(1), seeded([1]), settings)  # type: ignore[arg-type]
    assert not torch.equal(again, found[0]) and not torch.equal(again, found[1])


def test_a_prior_is_a_proposal(prior: Prior, golden: Golden, generator: StyleGAN2) -> None:
    settings = sample_settings("paper", prompt="-", truncation=0.7)
    latents = PriorLatents(prior, generator)
    proposal = PriorProposal(latents, torch.ones(1), settings)
    assert isinstance(proposal, Proposal)
    told = golden["sample_cond"][:2, None]
    found = proposal.propose(told, seeded([3, 4]))
    x = draw_latents(prior, told, torch.ones(1), seeded([3, 4]), settings)
    assert found.shape == (2, 32) and torch.equal(found, latents.latents(x, 0.7))
    # A start counts below strength 1 alone, and is all there is at 0.
    own = latents.latents(x)[:1, None].expand(-1, 6, -1)
    assert torch.equal(proposal.propose(told, seeded([3, 4]), own), found)
    varied = sample_settings(like="a.png", strength=0.0)
    same = PriorProposal(latents, torch.ones(1), varied).propose(told, seeded([3, 4]), own)
    torch.testing.assert_close(same, own[:, 0].expand(2, -1), atol=1e-5, rtol=1e-5)


def test_conditions_on_the_way() -> None:
    first, last = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    way = between_conditions(first, last, 3)
    torch.testing.assert_close(way[0], first)
    torch.testing.assert_close(way[2], last)
    torch.testing.assert_close(way[1], torch.tensor([1.0, 1.0]) * 3 / 2**0.5)
    torch.testing.assert_close(between_conditions(first, first, 2), torch.stack([first, first]))


def test_candidates_begin_with_the_seed_itself() -> None:
    assert candidate_seeds(7, 1) == [7]
    assert len(set(candidate_seeds(7, 50)) | set(candidate_seeds(8, 50))) == 100


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scheduler": "dpm+"}, "did you mean 'dpm++'"),
        ({"scheduler": "paper", "steps": 15}, "divide 1000, not 15"),
        ({"guidance": float("nan")}, "guidance"),
        ({"steps": 0}, "steps"),
        ({"rank": 0}, "rank"),
        ({"truncation": -1.0}, "truncation"),
        ({"colour": 1}, "no setting is called 'colour'"),
        ({"groups": "4,x"}, "whole numbers"),
        ({"strength": 0.5}, "without like"),
        ({"variance": "respaced"}, "scheduler 'dpm++'"),
        ({"refine_lr": 0.1}, "without refine"),
        ({"to": "a man", "phrases": 0.2}, "together with to"),
        ({"to": "a man", "refine": 2}, "refine 0"),
    ],
)
def test_wrong_settings_are_told_in_one_line(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        sample_settings(**{"prompt": "-", **given})
    assert told in str(caught.value) and "\n" not in str(caught.value)
