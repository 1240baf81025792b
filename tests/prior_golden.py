"""The recorded numbers, and the small networks that they were recorded from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush.generators.prior.published import PublishedPrior

GOLDEN = Path(__file__).parent / "golden" / "prior"


def state_of(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """A state with the whole table of time embeddings; rows that were not recorded are 0."""
    state = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    if "time_rows" in state:
        rows, found = state.pop("time_rows"), state.pop("to_time_embeds.0.weight.rows")
        table = torch.zeros(1000, found.shape[1])
        table[rows] = found
        state["to_time_embeds.0.weight"] = table
    return state


@pytest.fixture(scope="session")
def golden() -> dict[str, torch.Tensor]:
    loaded = np.load(GOLDEN / "clip2latent.npz")
    return {name: torch.from_numpy(np.asarray(each)) for name, each in loaded.items()}


@pytest.fixture(scope="session")
def weights() -> dict[str, torch.Tensor]:
    loaded = np.load(GOLDEN / "clip2latent_weights.npz")
    return {name: torch.from_numpy(each) for name, each in loaded.items()}


@pytest.fixture(scope="session")
def network(weights: dict[str, torch.Tensor]) -> PublishedPrior:
    """Of one latent."""
    made = PublishedPrior(32, 2, 4, 16)
    made.load_state_dict(state_of(weights, "net."))
    return made.eval()


@pytest.fixture(scope="session")
def triple(weights: dict[str, torch.Tensor]) -> PublishedPrior:
    """Of three latents."""
    made = PublishedPrior(24, 1, 2, 8, steps=8, latents=3)
    made.load_state_dict(state_of(weights, "wplus."))
    return made.eval()
