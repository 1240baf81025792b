"""StyleCLIP's optimization as a composition: its parts, and its first steps recomputed by hand."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from edits import edit_settings
from promptbrush import MissingError, UsageError
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.latent.compose import (
    between,
    decoder,
    latent_edit,
    objective_of,
    origin_of,
    prompts_of,
    start_latent,
)
from promptbrush.editing.models import Models, seeing
from promptbrush.guidance.objective import Start, total
from torch import Tensor

PROMPT = "a woman with red hair"


def steps_of(models, subject, settings, count=None):
    """The steps of an edit and where it began."""
    origin = origin_of(models, subject.w, settings)
    return list(islice(latent_edit(models, origin, settings).run(), count)), origin


@pytest.mark.parametrize("space", ["w", "w+", "s"])
@pytest.mark.parametrize("loss", ["similarity", "spherical", "directional", "progress"])
def test_the_objective_falls(models, subject, space, loss):
    settings = edit_settings(
        PROMPT, steps=16, space=space, clip_loss=loss, lr=0.05, explore=0, picture_weight=0.3
    )
    steps, _ = steps_of(models, subject, settings)
    totals = [float(total(step.losses)) for step in steps]
    assert min(totals) < totals[0] - 0.01
    assert int(steps[-1].best) == totals.index(min(totals))
    assert set(steps[0].losses) == {loss, "picture"}


def test_the_spaces_have_their_forms(models, subject):
    generator = models.generator
    assert start_latent(generator.latent_space, subject.w, "w").shape == (1, generator.w_dim)
    assert torch.equal(start_latent(generator.latent_space, subject.w, "w"), subject.w.mean(1))
    assert start_latent(generator.latent_space, subject.w, "w+") is subject.w
    w = subject.w[:, 0]
    assert torch.equal(
        start_latent(generator.latent_space, w, "w+"), w[:, None].expand(-1, generator.num_ws, -1)
    )
    styles = start_latent(generator.latent_space, subject.w, "s")
    assert list(styles) == generator.style_names
    torch.testing.assert_close(generator.decode(styles), generator.decode(subject.w))


def test_in_style_space_the_colours_layers_stay(models, subject):
    steps, origin = steps_of(models, subject, edit_settings(PROMPT, steps=4, space="s"))
    for name, style in steps[-1].latent.items():
        assert torch.equal(style, origin.latent[name]) == name.endswith("torgb"), name


def test_layers_of_w_plus_move_together(models, subject):
    steps, origin = steps_of(models, subject, edit_settings(PROMPT, steps=4))
    move = steps[-1].latent - origin.latent
    assert float(move.abs().max()) > 1e-3
    torch.testing.assert_close(move, move[:, :1].expand_as(move))


def test_w_moves_all_layers_as_one(models, subject):
    steps, _ = steps_of(models, subject, edit_settings(PROMPT, steps=4, space="w"))
    assert steps[-1].latent.shape == (1, models.generator.w_dim)


def test_negative_prompts_turn_their_weights_round():
    found = prompts_of(edit_settings("red hair:2 | a hat:-1", negative="glasses | a beard:-0.5"))
    assert [(p.text, p.weight) for p in found] == [
        ("red hair", 2.0),
        ("a hat", -1.0),
        ("glasses", -1.0),
        ("a beard", 0.5),
    ]


def test_a_negative_prompt_is_subtracted(models, subject):
    settings = edit_settings(
        PROMPT, negative="a beard", clip_loss="similarity", latent_weight=0, picture_weight=0
    )
    start = Start(prompts=prompts_of(settings), perceptor=models.perceptor())
    image = models.generator.decode(subject.w)
    ((perceptor, _),) = models.perceptor().members
    cosines = perceptor.encode_image(image) @ perceptor.encode_text([PROMPT, "a beard"]).T
    wanted = ((1 - cosines[:, 0]) - (1 - cosines[:, 1])) / 2
    torch.testing.assert_close(objective_of(settings, start)(image)["similarity"], wanted)


def schedule(t: float) -> float:
    """StyleCLIP's run_optimization: ramp up over 5 %, cosine down over the last 25 %."""
    ramp = 0.5 - 0.5 * math.cos(min(1.0, (1.0 - t) / 0.25) * math.pi)
    return 0.1 * ramp * min(1.0, t / 0.05)


def test_the_paper_preset_by_hand(models, subject):
    settings = edit_settings(PROMPT, "paper")
    steps, _ = steps_of(models, subject, settings, 5)
    ((perceptor, _),) = models.perceptor().members
    text = F.normalize(perceptor.model.encode_text(perceptor.tokenizer([PROMPT])), dim=-1)
    w = subject.w.clone().requires_grad_()
    optimiser = torch.optim.Adam([w], lr=0.1)
    for index, step in enumerate(steps):
        picture = models.generator.synthesis(w).clamp(-1, 1)
        # x7 nearest and an average pool over an eighth, without mean and deviation.
        seen = F.avg_pool2d(F.interpolate(picture, scale_factor=7, mode="nearest"), 8)
        feature = F.normalize(perceptor.model.encode_image(seen), dim=-1)
        clip, distance = 1 - (feature @ text.T).squeeze(), (w - subject.w).square().sum()
        assert float(step.losses["similarity"]) == pytest.approx(clip.item(), abs=1e-5)
        assert float(step.losses["latent"]) == pytest.approx(0.008 * distance.item(), abs=1e-5)
        assert step.total == 300
        w.grad = torch.autograd.grad(clip + 0.008 * distance, w)[0]
        optimiser.param_groups[0]["lr"] = schedule(index / 300)
        optimiser.step()
    assert float(steps[-1].losses["latent"]) > 1e-5


def test_the_input_of_clip_is_the_settings_own(models, tiny_pack, subject):
    reference = Models(ModelChoice(pack=str(tiny_pack), precision="float32"))
    reference.perceptor("reference")  # which is loaded first must not matter
    settings = edit_settings(PROMPT, "paper", steps=2)
    ours, _ = steps_of(models, subject, settings)
    theirs, _ = steps_of(reference, subject, settings)
    assert torch.equal(ours[0].losses["similarity"], theirs[0].losses["similarity"])
    standard, _ = steps_of(reference, subject, edit_settings(PROMPT, clip_loss="similarity", steps=2))
    assert abs(float(standard[0].losses["similarity"] - ours[0].losses["similarity"])) > 1e-3
    assert seeing(models.perceptor(), "standard") is models.perceptor()
    assert models.perceptor().members[0][0].preprocessing == "standard"


def test_terms_of_weight_0_are_left_out(models, subject):
    settings = edit_settings(PROMPT, latent_weight=0, picture_weight=0, steps=1)
    steps, _ = steps_of(models, subject, settings)
    assert set(steps[0].losses) == {"progress"}


def test_identity_needs_its_network(models, subject):
    with pytest.raises(MissingError, match="--face-encoder"):
        steps_of(models, subject, edit_settings(PROMPT, identity_weight=0.1))


def test_a_mask_hides_the_generator_outside_from_the_first_step_on(models, subject):
    settings = edit_settings(PROMPT, steps=2, explore=0)
    origin = origin_of(models, subject.w, settings)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    edit = latent_edit(models, origin, settings, (subject.square, mask))
    step = next(edit.run())
    assert torch.equal(step.images[..., 16:], subject.square[..., 16:])
    assert torch.allclose(step.images[..., :16], origin.image[..., :16], atol=1e-5)
    # The move from the start is measured from the very same composition: none yet.
    sharpness = 8
    none_yet = math.log1p(math.exp(sharpness)) / sharpness
    assert float(step.losses["progress"]) == pytest.approx(none_yet, abs=1e-4)
    assert float(step.losses["picture"]) == pytest.approx(0, abs=1e-6)


def test_an_edit_sets_out_with_a_lower_loss_than_the_picture_has(models, subject):
    still, _ = steps_of(models, subject, edit_settings(PROMPT, picture_weight=0, explore=0), 1)
    ahead, _ = steps_of(models, subject, edit_settings(PROMPT, picture_weight=0, explore=64), 1)
    assert float(total(ahead[0].losses)) < float(total(still[0].losses)) - 1e-3


def test_seed_0_starts_at_the_picture_and_others_a_little_off(models, subject):
    origins = [origin_of(models, subject.w, edit_settings(PROMPT, seed=seed)) for seed in (0, 1, 1, 2)]
    first = [origin.first for origin in origins]
    assert torch.equal(first[0], origins[0].latent)
    assert torch.equal(first[1], first[2])
    assert not torch.equal(first[1], first[3])
    for origin in origins:
        assert torch.equal(origin.latent, subject.w)
    # One move for all layers: W+ stays as near to W as it was.
    move = first[1] - subject.w
    torch.testing.assert_close(move, move[:, :1].expand_as(move))


def test_styles_start_as_far_off_as_the_w_that_they_came_from(models, subject):
    settings = edit_settings(PROMPT, seed=3, space="s")
    from_w = origin_of(models, subject.w, settings)
    from_styles = origin_of(models, from_w.latent, settings)
    torch.testing.assert_close(from_styles.latent, from_w.latent, rtol=0, atol=0)
    torch.testing.assert_close(from_styles.first, from_w.first, rtol=1e-4, atol=1e-5)
    assert float((from_w.first["b8.conv1"] - from_w.latent["b8.conv1"]).abs().max()) > 1e-3


def test_no_edit_moves_the_styles_that_only_colour(models, subject):
    """Neither the steps nor what a seed sets out with."""
    steps, origin = steps_of(models, subject, edit_settings(PROMPT, seed=3, space="s", steps=3, explore=0))
    still = [name for name in origin.latent if name.endswith("torgb")]
    assert still
    for latent in (origin.first, *(step.latent for step in steps)):
        for name, style in latent.items():
            assert torch.equal(style, origin.latent[name]) == (name in still)


def test_variation_is_in_standard_deviations_of_w(models, subject):
    moves = []
    for variation in (0.2, 0.6):
        settings = edit_settings(PROMPT, seed=5, variation=variation)
        moves.append(origin_of(models, subject.w, settings).first - subject.w)
    torch.testing.assert_close(moves[1], 3 * moves[0], rtol=1e-3, atol=1e-5)
    z = torch.randn(4000, 16, generator=torch.Generator().manual_seed(1))
    deviation = models.generator.mapping.single(z).std(0)
    draws = torch.stack(
        [origin_of(models, subject.w, edit_settings(PROMPT, seed=s)).first[0, 0] for s in range(1, 61)]
    )
    ratio = draws.std(0) / (0.2 * deviation)
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.15)


def test_between_is_a_straight_line():
    a, b = torch.zeros(1, 3), torch.tensor([[1.0, 2.0, -4.0]])
    assert between(a, b, 0.25).tolist() == [[0.25, 0.5, -1.0]]
    assert between(a, b, 2.0).tolist() == [[2.0, 4.0, -8.0]]
    mixed = between({"x": a}, {"x": b}, 0.5)
    assert mixed["x"].tolist() == [[0.5, 1.0, -2.0]]
    with pytest.raises(TypeError):
        between(a, {"x": b}, 0.5)


def test_random_views_repeat_with_the_seed(models, subject):
    def losses(seed: int) -> list[float]:
        settings = edit_settings(PROMPT, clip_loss="similarity", cutouts=3, steps=3, seed=seed, variation=0.0)
        return [float(step.losses["similarity"]) for step in steps_of(models, subject, settings)[0]]

    assert losses(4) == losses(4)
    assert losses(4)[0] != losses(5)[0]


def test_a_prompt_that_is_the_start_has_no_direction(models, subject):
    with pytest.raises(UsageError, match="a picture"):
        steps_of(models, subject, edit_settings("a picture", clip_loss="directional"))


def test_pictures_come_in_float32_whatever_the_precision(models, tiny_pack, subject):
    coarse = Models(ModelChoice(pack=str(tiny_pack), device="cpu", precision="bfloat16"))
    fine, rough = decoder(models)(subject.w), decoder(coarse)(subject.w)
    assert isinstance(rough, Tensor)
    assert rough.dtype == torch.float32
    assert 0 < float((fine - rough).abs().max()) < 0.1


@pytest.mark.parametrize("space", ["w", "w+", "s"])
def test_a_learning_rate_in_deviations_means_the_same_for_every_generator(models, subject, space):
    """All of w ten times as large, and what reads it a tenth: the same pictures, step by step."""
    settings = edit_settings(PROMPT, steps=4, space=space, lr=0.1, explore=0)
    wanted, _ = steps_of(models, subject, settings)
    generator = copy.deepcopy(models.generator)
    last = list(generator.mapping.modules())[-1]
    with torch.no_grad():
        last.weight.mul_(10)
        last.bias.mul_(10)
        generator.w_avg.mul_(10)
        for layer in generator.modules():
            if hasattr(layer, "affine"):
                layer.affine.weight.div_(10)
    scaled = Models(models.choice, generator=generator)
    found, _ = steps_of(scaled, replace(subject, w=10 * subject.w), settings)
    for mine, theirs in zip(wanted, found, strict=True):
        torch.testing.assert_close(mine.images, theirs.images, atol=2e-3, rtol=0)
        for name in mine.losses:
            torch.testing.assert_close(mine.losses[name], theirs.losses[name], atol=2e-3, rtol=1e-2)
    assert float((wanted[-1].images - wanted[0].images).abs().max()) > 0.01
