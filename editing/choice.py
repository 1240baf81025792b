"""Which models to use: one group of flags, the same for every command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import field_validator

from .._settings import TEMPLATES, Settings, setting


def _model(default: Any, description: str) -> Any:
    return setting(default, description, panel="Models")


class ModelChoice(Settings):
    """A pack, what takes the place of its parts, and where they run."""

    pack: str = _model("mini", "embedded pack, or the folder of one")
    generator: str | None = _model(None, "another generator: .pkl, .pt, .safetensors, or NAME=FILE")
    clip: str | None = _model(
        None, "another CLIP: ARCH/tag, hf-hub:..., a file or a folder; several with commas"
    )
    encoder: str | None = _model(None, "the inversion encoder of that generator")
    face_encoder: str | None = _model(None, "a face recognition network for identity: model_ir_se50.pth")
    prior: str | None = _model(None, "another diffusion prior: .safetensors, or a published .ckpt")
    device: str = _model("auto", "auto, cpu, cuda, cuda:1 or mps")
    precision: str = _model("auto", "auto, float32, bfloat16 or float16")
    offline: bool = _model(False, "never download a model")

    @field_validator("*", mode="before")
    @classmethod
    def _paths_are_texts_too(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    def described(self) -> str:
        """The pack and what takes the place of its parts, in a few words."""
        own = [spec for role in ROLES if (spec := getattr(self, role))]
        return f"{self.pack} pack" + (f" with {', '.join(own)}" if own else "")


# Those that a recipe holds as they were given.
ROLES = ("generator", "clip", "encoder", "face_encoder", "prior")


class ScoreOptions(Settings):
    """What `score` can be asked for, besides its models."""

    templates: str = setting("none", TEMPLATES, panel="Prompt", role="templates")
