"""CLIP losses against recorded values and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from promptbrush import UsageError
from promptbrush.guidance.clip import (
    Directional,
    DirectionSettings,
    Progress,
    ProgressSettings,
    Similarity,
    SimilaritySettings,
    cosine_distance,
    fitness,
    shown_direction,
    spherical_distance,
    text_direction,
)
from promptbrush.guidance.objective import Context, Start
from promptbrush.guidance.perceptor import Ensemble
from promptbrush.guidance.prompts import load_templates, parse_prompts


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class Recorded(torch.nn.Module):
    """StyleGAN-NADA's recording: template features of two texts, a linear image encoder."""

    device = torch.device("cpu")

    def __init__(self, data):
        super().__init__()
        self.texts = {
            str(data[which]): torch.from_numpy(data[f"text_{which}"]) for which in ("source", "target")
        }
        self.matrix = torch.from_numpy(data["encoder_matrix"])
        self.members = ((self, 1.0),)

    def truncates(self, _text):
        return False

    def encode_text(self, texts, normalise=True):
        which = next(name for name in sorted(self.texts, key=len, reverse=True) if name in texts[0])
        rows = self.texts[which]
        assert len(texts) == len(rows)
        return F.normalize(rows, dim=1) if normalise else rows

    def encode_image(self, images):
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
        std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
        features = F.adaptive_avg_pool2d((images - mean) / std, 4).flatten(1) @ self.matrix.T
        return F.normalize(features, dim=1)


def test_direction_is_nadas(golden):
    data = golden("nada_clip_loss")
    perceptor = Recorded(data)
    x = torch.from_numpy(data["x_u8"]).float() / 255
    y = torch.from_numpy(data["y"]).requires_grad_()
    target, source = str(data["target"]), str(data["source"])
    direction = text_direction(perceptor, target, source, load_templates("imagenet79"))
    assert np.allclose(direction, data["text_direction"][0], atol=1e-6)
    start = Start(image=x, perceptor=perceptor, prompts=parse_prompts(target), source=source)
    losses = Directional(start, DirectionSettings(floor=1e-12))((y + 1) / 2)["directional"]
    assert losses.mean().item() == pytest.approx(float(data["direction_loss"]), rel=1e-5)
    (gradient,) = torch.autograd.grad(losses.mean(), y)
    expected = data["direction_grad"]
    assert np.abs(gradient.numpy() - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_three_conventions_differ_where_features_have_lengths(golden):
    data = golden("nada_clip_loss")
    perceptor, templates = Recorded(data), load_templates("imagenet79")
    raw = {which: torch.from_numpy(data[f"text_{which}"]) for which in ("source", "target")}
    unit = {which: F.normalize(rows, dim=1).mean(0) for which, rows in raw.items()}
    expected = {
        "nada": unit["target"] - unit["source"],
        "global": F.normalize(unit["target"], dim=0) - F.normalize(unit["source"], dim=0),
        "clipstyler": F.normalize(raw["target"].mean(0), dim=0) - F.normalize(raw["source"].mean(0), dim=0),
    }
    for convention, difference in expected.items():
        found = text_direction(perceptor, str(data["target"]), str(data["source"]), templates, convention)
        assert torch.allclose(found, F.normalize(difference, dim=0), atol=1e-6), convention
    assert not torch.allclose(expected["global"], expected["clipstyler"], atol=1e-3)


def test_similarity_by_hand(perceptor):
    images = noise(2, 3, 32, 32)
    start = Start(perceptor=perceptor, prompts=parse_prompts("red hair:3 | glasses:-1"))
    losses = Similarity(start, SimilaritySettings())(images)["similarity"]
    cosines = perceptor.encode_image(images) @ perceptor.encode_text(["red hair", "glasses"]).T
    assert torch.allclose(losses, (3 * (1 - cosines[:, 0]) - (1 - cosines[:, 1])) / 4, atol=1e-6)


def test_an_ensemble_averages_by_weight(perceptor, other_clip):
    from promptbrush.guidance.perceptor import load_perceptor

    second = load_perceptor(other_clip)
    prompts, images = parse_prompts("red hair"), noise(2, 3, 32, 32)
    alone = [
        Similarity(Start(perceptor=p, prompts=prompts), SimilaritySettings())(images)
        for p in (perceptor, second)
    ]
    both = Start(perceptor=Ensemble([perceptor, second], [1, 3]), prompts=prompts)
    expected = alone[0]["similarity"] * 0.25 + alone[1]["similarity"] * 0.75
    assert torch.allclose(Similarity(both, SimilaritySettings())(images)["similarity"], expected, atol=1e-6)


def test_views_are_averaged(perceptor):
    from promptbrush.guidance.cutouts import Cutouts

    images = noise(2, 3, 40, 40)
    start = Start(perceptor=perceptor, prompts=parse_prompts("red hair"))
    losses = Similarity(start, SimilaritySettings(cutouts=5))(images, Context(seeds=[1, 2]))["similarity"]
    views, _ = Cutouts(5, perceptor.image_size)(images, [1, 2])
    cosines = perceptor.encode_image(views) @ perceptor.encode_text(["red hair"])[0]
    assert torch.allclose(losses, 1 - cosines.view(2, 5).mean(1), atol=1e-6)


def test_a_cut_prompt_is_flagged_not_printed(perceptor, capsys):
    long = " ".join(["word"] * 40)
    start = Start(image=noise(1, 3, 8, 8), perceptor=perceptor, prompts=parse_prompts(f"red hair | {long}"))
    assert Similarity(start, SimilaritySettings()).truncated == (long,)
    assert long in Directional(start, DirectionSettings(templates="none")).truncated
    assert capsys.readouterr().out == ""


def test_spherical_distance_is_half_the_squared_angle():
    angle = torch.tensor([0.0, 0.3, math.pi / 2, 3.0])
    a = torch.tensor([1.0, 0.0]).expand(4, 2).clone().requires_grad_()
    b = torch.stack([angle.cos(), angle.sin()], dim=1)
    distance = spherical_distance(a, b)
    assert torch.allclose(distance, angle.square() / 2, atol=1e-4)
    distance.sum().backward()
    assert a.grad.isfinite().all()
    assert spherical_distance(-b, b).max().item() == pytest.approx(math.pi**2 / 2, rel=1e-2)
    assert torch.allclose(cosine_distance(a, b), 1 - angle.cos(), atol=1e-6)


def test_direction_begins_at_one_and_rewards_the_right_way(perceptor):
    image = noise(1, 3, 32, 32)
    start = Start(image=image, perceptor=perceptor, prompts=parse_prompts("red hair"), source="glasses")
    objective = Directional(start, DirectionSettings(templates="none"))
    pixels = image.clone().requires_grad_()
    value = objective(pixels)["directional"]
    assert value.item() == pytest.approx(1, abs=1e-3)
    value.backward()
    better = (image - 0.02 * pixels.grad / pixels.grad.abs().max()).detach()
    worse = (image + 0.02 * pixels.grad / pixels.grad.abs().max()).detach()
    assert objective(better)["directional"] < 1 < objective(worse)["directional"]


def test_a_direction_from_a_text_to_itself_is_refused(perceptor):
    start = Start(image=noise(1, 3, 8, 8), perceptor=perceptor, prompts=parse_prompts("a photo"))
    with pytest.raises(UsageError, match="no direction"):
        Directional(start, DirectionSettings())


def test_an_image_prompt_gives_a_direction_between_pictures(perceptor):
    here, there = noise(1, 3, 16, 16), noise(1, 3, 16, 16, seed=1)
    start = Start(
        image=here, perceptor=perceptor, prompts=parse_prompts("@there.png"), load_image=lambda _: there
    )
    losses = Directional(start, DirectionSettings())(there)
    assert losses["directional"].item() == pytest.approx(0, abs=1e-5)


class Moved(torch.nn.Module):
    """Features are the pictures' three mean colours, texts stand for moves along red and along green."""

    device = torch.device("cpu")
    members = property(lambda self: ((self, 1.0),))

    def truncates(self, _text):
        return False

    def encode_text(self, texts, normalise=True):  # noqa: ARG002
        return torch.tensor(
            [{"red": [1.0, 0, 0], "green": [0, 1.0, 0]}.get(text, [0.0, 0, 0]) for text in texts]
        )

    def encode_image(self, images):
        return images.mean((2, 3))


def moved(red, green, blue, prompts="red"):
    """The loss of a move, with the settings' own reach."""
    start = Start(
        image=torch.zeros(1, 3, 4, 4), perceptor=Moved(), prompts=parse_prompts(prompts), source="black"
    )
    objective = Progress(start, ProgressSettings(templates="none"))
    images = torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    return objective(images)["progress"].item()


def test_progress_by_hand():
    own = ProgressSettings()
    for red in (-0.1, 0.0, 0.1, 0.5):
        missing = math.log1p(math.exp(own.sharpness * (1 - red / own.reach))) / own.sharpness
        assert moved(red, 0.0, 0.0) == pytest.approx(missing, rel=1e-4, abs=1e-6)
        assert moved(red, 0.1, 0.2) == pytest.approx(missing + own.aside * 0.05, rel=1e-4)
    # Behind the reach there is next to nothing to win, so nothing is worth a step aside.
    assert moved(2 * own.reach, 0.0, 0.0) - moved(3 * own.reach, 0.0, 0.0) < 0.01


def test_moving_away_is_enough_as_far_as_the_reach():
    own = ProgressSettings()
    for red in (0.1, 0.0, -0.1, -0.5):
        missing = math.log1p(math.exp(own.sharpness * (1 + red / own.reach))) / own.sharpness
        assert moved(red, 0.0, 0.0, "red:-1") == pytest.approx(missing, rel=1e-4, abs=1e-6)
    assert moved(-2 * own.reach, 0.0, 0.0, "red:-1") - moved(-3 * own.reach, 0.0, 0.0, "red:-1") < 0.01
    # Beside a positive prompt neither outbids the other.
    enough = moved(own.reach, -own.reach, 0.0, "red | green:-1")
    assert enough - moved(own.reach, -9 * own.reach, 0.0, "red | green:-1") < 0.06


@pytest.mark.parametrize(("red", "reach"), [(0.5, 1.0), (0.0, 0.1)])
def test_away_from_a_prompt_the_reach_is_the_way_to_the_mean_of_all(red, reach):
    fitting = F.normalize(torch.tensor([0.9, 0.0, 0.19**0.5]), dim=0)
    start = Start(
        image=torch.tensor([red, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4),
        perceptor=Moved(),
        prompts=parse_prompts("red:-1"),
        source="black",
        population=(torch.stack([fitting, -fitting]),),
    )
    objective = Progress(start, ProgressSettings(templates="none", shown=0.0, beyond=2.0))
    assert objective.members[0].reach.flatten().tolist() == pytest.approx([reach], rel=1e-4)


def test_progress_along_one_prompt_is_not_aside_of_the_other():
    own = ProgressSettings()
    both = moved(0.2, 0.1, 0.3, "red | green")
    missing = [math.log1p(math.exp(own.sharpness * (1 - way / own.reach))) for way in (0.2, 0.1)]
    assert both == pytest.approx(sum(missing) / 2 / own.sharpness + own.aside * 0.09, rel=1e-4)


def test_fitness_is_a_softmax_of_cosines():
    features = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), dim=1)
    counts = fitness(features, torch.tensor([1.0, 0.0]))
    assert float(counts.sum()) == pytest.approx(1)
    lead = float(features[0, 0] - features[1, 0])
    assert float(counts[0] / counts[1]) == pytest.approx(math.exp(lead / 0.03), rel=1e-4)
    assert float(counts[2]) < 1e-6


def test_the_shown_direction_leads_to_the_pictures_that_fit():
    features = torch.eye(3)
    found = shown_direction(features, torch.tensor([1.0, 0.0, 0.0]))
    assert torch.allclose(found, F.normalize(torch.tensor([2 / 3, -1 / 3, -1 / 3]), dim=0), atol=1e-4)


@pytest.mark.parametrize("shown", [0.0, 0.25, 1.0])
def test_progress_goes_partly_the_way_that_pictures_show(shown):
    start = Start(
        image=torch.zeros(1, 3, 4, 4),
        perceptor=Moved(),
        prompts=parse_prompts("red"),
        source="black",
        population=(torch.eye(3),),
    )
    objective = Progress(start, ProgressSettings(templates="none", shown=shown))
    way = F.normalize(torch.tensor([2 / 3, -1 / 3, -1 / 3]), dim=0) * shown
    way[0] += 1 - shown
    assert torch.allclose(objective.members[0].rows[0], F.normalize(way, dim=0), atol=1e-4)


@pytest.mark.parametrize(("red", "reach"), [(0.0, 1.8), (0.5, 0.8), (0.88, 0.1), (1.0, 0.1)])
def test_progress_goes_as_far_as_the_pictures_that_fit(red, reach):
    fitting = F.normalize(torch.tensor([0.9, 0.0, 0.19**0.5]), dim=0)
    start = Start(
        image=torch.tensor([red, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4),
        perceptor=Moved(),
        prompts=parse_prompts("red"),
        source="black",
        population=(torch.stack([fitting, -fitting]),),
    )
    objective = Progress(start, ProgressSettings(templates="none", shown=0.0, beyond=2.0))
    assert objective.members[0].reach.flatten().tolist() == pytest.approx([reach], rel=1e-4)


def test_progress_refuses_a_share_that_is_none():
    start = Start(image=torch.zeros(1, 3, 4, 4), perceptor=Moved(), prompts=parse_prompts("red"), source="a")
    with pytest.raises(UsageError, match=r"shown of 'progress' must be between 0 and 1, not 1\.5"):
        Progress(start, ProgressSettings(templates="none", shown=1.5))


@pytest.mark.parametrize("field", ["reach", "beyond", "sharpness"])
def test_progress_needs_a_reach(perceptor, field):
    start = Start(image=noise(1, 3, 8, 8), perceptor=perceptor, prompts=parse_prompts("red hair"), source="a")
    with pytest.raises(UsageError, match=field):
        Progress(start, ProgressSettings(**{field: 0.0}))
