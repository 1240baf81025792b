"""The preset `paper`, through the command's own composition, takes the published steps of StyleCLIP."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from edits import edit_settings
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.drivers import Latent
from promptbrush.editing.edit import Step
from promptbrush.editing.latent.compose import latent_edit, origin_of
from promptbrush.editing.models import Models
from promptbrush.guidance import Perceptor
from torch import Tensor, nn

DATA = np.load(Path(__file__).parents[2] / "golden" / "editing" / "styleclip_latent_optimisation.npz")
RGB = {1, *range(4, 26, 3)}
STYLES = [f"layer{i}.{'torgb' if i in RGB else 'conv'}" for i in range(26)]


def array(name: str) -> Tensor:
    return torch.from_numpy(DATA[name])


class Towers(nn.Module):
    """The stub encoders that the trajectories were recorded with."""

    visual = SimpleNamespace(image_size=224)

    def encode_image(self, pixels: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(pixels, 4).flatten(1) @ array("clip_A").T

    def encode_text(self, tokens: Tensor) -> Tensor:
        return array("clip_text").expand(len(tokens), -1)


class Tokens:
    context_length = 4

    def __call__(self, texts: list[str], context_length: int) -> Tensor:
        return torch.zeros(len(texts), context_length, dtype=torch.long)


class Drawing:
    """The stub generators: W+ and styles to pictures."""

    style_names = STYLES
    num_ws = 18

    @property
    def latent_space(self) -> Any:
        """Starts are given in the space that is edited, and the colours' styles stay."""
        return SimpleNamespace(
            start=lambda latent, space: latent,
            fixed=lambda space: [name for name in STYLES if name.endswith("torgb")] if space == "s" else [],
        )

    def decode(self, latent: Latent) -> Tensor:
        if isinstance(latent, Mapping):
            parts = [
                (i % 5 + 1) * 0.2 * latent[name].mean(1, keepdim=True) * array("PS")[i]
                for i, name in enumerate(STYLES)
            ]
            flat = torch.stack(parts).sum(0)
        else:
            flat = torch.einsum("bld,l->bd", latent, array("LW"))
        return torch.tanh(flat @ array("P")).reshape(-1, 3, 32, 32) / 2 + 0.5


class Eyes(nn.Module):
    """The stub of the face network: every 97th pixel."""

    def forward(self, images: Tensor) -> Tensor:
        return (images * 2 - 1).flatten(1)[:, ::97]


def models() -> Models:
    drawing: Any = Drawing()
    faces: Any = Eyes()
    perceptor = Perceptor(Towers(), Tokens(), preprocessing="reference")
    choice = ModelChoice(device="cpu", precision="float32")
    return Models(choice, generator=drawing, perceptor=lambda clip_input: perceptor, face_encoder=faces)


def published(start: Latent, **chosen: Any) -> list[Step]:
    settings = edit_settings(
        "anything", "paper", steps=int(DATA["steps"]), latent_weight=float(DATA["l2_lambda"]), **chosen
    )
    loaded = models()
    return list(latent_edit(loaded, origin_of(loaded, start, settings), settings).run())


def check(steps: list[Step], name: str) -> None:
    losses = torch.stack([step.losses["similarity"][0] for step in steps]).double()
    assert torch.allclose(losses, array(f"{name}_clip_losses"), atol=1e-4)
    latent = steps[-1].latent
    flat = torch.cat(list(latent.values()), dim=1) if isinstance(latent, Mapping) else latent
    assert torch.allclose(flat, array(f"{name}_last_forward_latent"), atol=1e-4)
    shown = steps[-1].image()[:, :, ::4, ::4] * 2 - 1
    assert torch.allclose(shown, array(f"{name}_result_sub")[-1:], atol=1e-4)


@pytest.mark.parametrize(("name", "weight"), [("edit", 0.0), ("edit_id", float(DATA["id_lambda"]))])
def test_w_plus_is_the_published_one(name: str, weight: float) -> None:
    check(published(array("W0"), identity_weight=weight), name)


def test_style_space_is_the_published_one() -> None:
    start = dict(zip(STYLES, array("S0").split(4, dim=1), strict=True))
    check(published(start, space="s"), "edit_s")
