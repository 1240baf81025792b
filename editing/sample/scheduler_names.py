"""Names of the diffusion samplers, and what they are in diffusers; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._base import unknown_name

PAPER = "paper"


@dataclass(frozen=True)
class SchedulerSpec:
    """A scheduler of diffusers, and its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    noisy: bool = False


_UNCLIPPED = {"clip_sample": False}


class Schedulers(Mapping[str, SchedulerSpec]):
    """Names of schedulers."""

    def __init__(self, kinds: Mapping[str, SchedulerSpec]) -> None:
        self._kinds = dict(kinds)

    def __getitem__(self, name: str) -> SchedulerSpec:
        self.check(name)
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def check(self, name: str) -> None:
        """Raises ValueError for a name that is not known."""
        if name not in self._kinds:
            raise ValueError(unknown_name("scheduler", name, [*self._kinds, PAPER]))


SCHEDULERS = Schedulers(
    {
        "dpm++": SchedulerSpec("DPMSolverMultistepScheduler"),
        "dpm++sde": SchedulerSpec(
            "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, noisy=True
        ),
        "ddpm": SchedulerSpec("DDPMScheduler", {**_UNCLIPPED, "timestep_spacing": "trailing"}, noisy=True),
        "ddim": SchedulerSpec("DDIMScheduler", {**_UNCLIPPED, "timestep_spacing": "trailing"}),
        "euler": SchedulerSpec("EulerDiscreteScheduler"),
        "unipc": SchedulerSpec("UniPCMultistepScheduler"),
    }
)
