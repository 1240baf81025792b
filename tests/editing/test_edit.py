"""The optimisation loop: StyleCLIP's published trajectories, the schedule, resuming, samples on their own."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from promptbrush import UsageError
from promptbrush._resize import resample
from promptbrush._schedules import styleclip
from promptbrush.editing.drivers import Gradient, Latent
from promptbrush.editing.edit import Edit, Step
from promptbrush.guidance.objective import Context
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "editing"
DATA = np.load(GOLDEN / "styleclip_latent_optimisation.npz")
STEPS, LR = int(DATA["steps"]), float(DATA["lr"])
RGB = [1, *range(4, 26, 3)]


def array(name: str) -> Tensor:
    return torch.from_numpy(DATA[name])


def decode_w(latent: Latent) -> Tensor:
    assert isinstance(latent, Tensor)
    raw = torch.tanh(torch.einsum("bld,l->bd", latent, array("LW")) @ array("P"))
    return raw.reshape(-1, 3, 32, 32) / 2 + 0.5


def decode_s(latent: Latent) -> Tensor:
    assert isinstance(latent, Mapping)
    parts = [(j % 5 + 1) * 0.2 * latent[f"s{j}"].mean(1, keepdim=True) * array("PS")[j] for j in range(26)]
    return torch.tanh(torch.stack(parts).sum(0) @ array("P")).reshape(-1, 3, 32, 32) / 2 + 0.5


def clip_loss(images: Tensor) -> Tensor:
    """1 - cosine with the golden stub encoder, on StyleCLIP's own input."""
    seen = F.adaptive_avg_pool2d(resample(images * 2 - 1, 224, 224, "box"), 4).flatten(1)
    features = F.normalize(seen @ array("clip_A").T, dim=-1)
    return 1 - features @ F.normalize(array("clip_text"), dim=-1)[0]


def distance(latent: Latent, origin: Latent) -> Tensor:
    if isinstance(latent, Tensor):
        assert isinstance(origin, Tensor)
        return (latent - origin).square().flatten(1).sum(1)
    assert isinstance(origin, Mapping)
    return torch.stack([(latent[name] - origin[name]).square().sum(1) for name in latent]).sum(0)


def identity(images: Tensor) -> Tensor:
    return F.normalize((images * 2 - 1).flatten(1)[:, ::97], dim=-1)


def run(
    decode: Callable[[Latent], Tensor], start: Latent, l2: float, identity_weight: float, fixed: list[str]
) -> list[Step]:
    with torch.no_grad():
        reference = identity(decode(start))

    def objective(images: Tensor, context: Context) -> dict[str, Tensor]:
        assert isinstance(context.latent, (Tensor, Mapping))
        losses = {"clip": clip_loss(images), "latent": l2 * distance(context.latent, start)}
        losses["identity"] = identity_weight * (1 - (identity(images) * reference).sum(1))
        return losses

    return list(Edit(decode, objective, Gradient(start, STEPS, LR, styleclip, fixed), STEPS).run())


def check(steps: list[Step], name: str, flat: Tensor) -> None:
    losses = torch.stack([step.losses["clip"][0] for step in steps])
    assert torch.allclose(losses.double(), array(f"{name}_clip_losses"), atol=1e-5)
    assert torch.allclose(flat, array(f"{name}_last_forward_latent"), atol=1e-4)
    shown = steps[-1].image()[:, :, ::4, ::4] * 2 - 1
    assert torch.allclose(shown, array(f"{name}_result_sub")[-1:], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "start", "l2", "identity_weight"),
    [
        ("edit", "W0", 1.0, 0.0),
        ("edit_id", "W0", 1.0, 1.0),
        ("free_generation", "MEAN", 0.0, 0.0),
    ],
)
def test_w_plus_trajectory_is_the_published_one(
    name: str, start: str, l2: float, identity_weight: float
) -> None:
    origin = array(start) if start == "W0" else array(start)[:, None].repeat(1, 18, 1)
    weights = float(DATA["l2_lambda"]) * l2, float(DATA["id_lambda"]) * identity_weight
    steps = run(decode_w, origin, *weights, [])
    latent = steps[-1].latent
    assert isinstance(latent, Tensor)
    check(steps, name, latent)


def test_style_space_trajectory_is_the_published_one() -> None:
    chunks = array("S0").split(4, dim=1)
    start = {f"s{j}": chunk for j, chunk in enumerate(chunks)}
    steps = run(decode_s, start, float(DATA["l2_lambda"]), 0.0, [f"s{j}" for j in RGB])
    latent = steps[-1].latent
    assert isinstance(latent, Mapping)
    check(steps, "edit_s", torch.cat(list(latent.values()), dim=1))


def test_schedule_is_the_published_one() -> None:
    golden = np.load(GOLDEN / "styleclip_lr.npz")
    count, lr = int(golden["steps"]), float(golden["lr"])
    rates = [lr * styleclip(i / count) for i in range(count)]
    assert np.abs(np.array(rates) - golden["lrs"]).max() < 1e-9


def quadratic(images: Tensor, context: Context) -> dict[str, Tensor]:
    assert isinstance(context.latent, Tensor)
    return {"to one": (context.latent - 1).square().flatten(1).sum(1)}


def edit(latent: Tensor, steps: int = 12) -> Edit:
    return Edit(lambda x: x.reshape(-1, 3, 1, 1), quadratic, Gradient(latent, steps, 0.3), steps)  # type: ignore[union-attr]


def test_samples_of_a_batch_do_not_influence_each_other() -> None:
    batch = torch.tensor([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]])
    together = list(edit(batch).run())[-1].latent
    for i in range(2):
        alone = list(edit(batch[i : i + 1]).run())[-1].latent
        assert torch.equal(together[i : i + 1], alone)  # type: ignore[index]


def test_best_names_the_lowest_loss() -> None:
    steps = list(edit(torch.tensor([[0.9, 1.0, 1.2]])).run())
    totals = [step.losses["to one"].item() for step in steps]
    assert steps[-1].best.item() == int(np.argmin(totals))


def test_a_resumed_driver_goes_on_to_the_same_bits() -> None:
    whole = list(edit(torch.zeros(1, 3)).run())[-1].latent
    first = edit(torch.zeros(1, 3))
    running = first.run()
    for _ in range(5):
        next(running)
    running.close()
    state = first.driver.state_dict()
    second = edit(torch.zeros(1, 3))
    second.driver.load_state_dict(state)
    for _ in range(state["done"], 12):
        latent = second.driver.ask()
        last = latent.detach().clone()  # type: ignore[union-attr]
        second.driver.tell(quadratic(torch.zeros(1), Context(latent)))
    assert torch.equal(last, whole)  # type: ignore[arg-type]


def test_a_first_loss_that_is_not_finite_is_told_not_followed() -> None:
    with pytest.raises(
        UsageError, match=r"first step is not finite \(to one\); give smaller weights"
    ) as told:
        next(edit(torch.tensor([[0.0, 1.0, 2.0], [1.0, float("inf"), 1.0]])).run())
    assert "\n" not in str(told.value)


def test_nothing_to_move_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="fixed"):
        Gradient({"a": torch.zeros(1, 2)}, 3, 0.1, fixed=["a"])
    with pytest.raises(UsageError, match="steps is 0"):
        Gradient(torch.zeros(1, 2), 0, 0.1)
