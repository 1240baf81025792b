"""Golden arrays and tiny networks for the StyleGAN2 tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush.generators.stylegan2 import (
    Discriminator,
    DiscriminatorConfig,
    StyleGAN2,
    StyleGAN2Config,
    load_discriminator,
    load_generator,
)
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "golden" / "stylegan2"
CHANNELS = {4: 12, 8: 12, 16: 8}


class Golden:
    """One recorded network: its file, our generator and discriminator of it, and the expected arrays."""

    def __init__(self, file: str):
        self.path = GOLDEN / file
        self.generator = load_generator(self.path)
        self.discriminator = load_discriminator(self.path)
        expected = GOLDEN / f"{self.path.stem}_expected.npz"
        self.arrays = {name: torch.from_numpy(array) for name, array in np.load(expected).items()}

    def __getitem__(self, name: str) -> Tensor:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    @property
    def labels(self) -> Tensor | None:
        return self.arrays.get("c")


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Networks this small only wait for each other's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return GOLDEN


@pytest.fixture(scope="session", params=["ada_tiny.pkl", "ada_cond_tiny.pkl", "sg3_tiny.pkl"])
def official(request) -> Golden:
    return Golden(request.param)


@pytest.fixture(scope="session")
def rosinality() -> Golden:
    return Golden("rosinality_tiny.pt")


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.fixture
def make_generator(rng) -> Callable[..., StyleGAN2]:
    """A 16 px generator with random weights, noise strengths, biases and average w."""

    def make(**settings) -> StyleGAN2:
        given = {"resolution": 16, "channels": CHANNELS, "z_dim": 10, "w_dim": 6, "mapping_layers": 2}
        return randomise(StyleGAN2(StyleGAN2Config(**{**given, **settings})), rng)

    return make


@pytest.fixture
def make_discriminator(rng) -> Callable[..., Discriminator]:
    def make(**settings) -> Discriminator:
        given = {"resolution": 16, "channels": CHANNELS}
        return randomise(Discriminator(DiscriminatorConfig(**{**given, **settings})), rng)

    return make


def randomise(network, rng):
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            scale = 1.0 if value.ndim > 1 else 0.3
            # The mapping stores its weights divided by its learning rate, 0.01.
            scale = 100.0 if ".fc" in name and name.startswith("mapping") else scale
            value.copy_(torch.randn(value.shape, generator=rng) * scale + (".affine.bias" in name))
    return network.eval()
