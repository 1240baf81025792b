"""The encoder's training: it learns, it resumes to the same bits, and what does not fit is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError, MissingError, UsageError
from promptbrush.cli import app
from promptbrush.generators.encoder import load_encoder
from promptbrush.generators.pyramid import reconstruction_loss
from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config, save_generator
from promptbrush.generators.training.degradation import degraded, jpeg_rounded, reframed
from promptbrush.generators.training.encoder import EncoderTrainer, encoder_schedule, load_attributes
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.fit import AttributeNetwork
from promptbrush.generators.training.reader import Reader, load_reader
from promptbrush.generators.training.settings import EncoderSettings
from torch import Tensor
from typer.testing import CliRunner

SETTINGS = EncoderSettings(steps=5, batch=4, drawn=2, sampled=2)
CONFIG = StyleGAN2Config(
    resolution=32,
    channels={4: 16, 8: 16, 16: 16, 32: 8},
    mapping_layers=2,
    lr_multiplier=1.0,
    z_dim=8,
    w_dim=12,
)
COUNT = 24


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(scope="module")
def faces(work: Path) -> FaceSet:
    return load_faces(work, COUNT, 32)


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        made = StyleGAN2(CONFIG).eval().requires_grad_(False)
    for layer in made.synthesis.blocks():
        # Random colours would be out of range nearly everywhere.
        layer.torgb.weight *= 0.3
    return made


@pytest.fixture(scope="module")
def attributes(faces: FaceSet) -> AttributeNetwork:
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        network = AttributeNetwork(faces.vectors.shape[1], CONFIG.w_dim).requires_grad_(False)
    # As far apart as the w of random z.
    network.layers[-1].weight *= 3
    return network


@pytest.fixture(scope="module")
def own_faces(faces: FaceSet, generator: StyleGAN2, attributes: AttributeNetwork) -> FaceSet:
    """Faces whose pictures this generator can draw, as after a perfect fit."""
    with torch.no_grad():
        images = generator.decode(attributes(torch.from_numpy(faces.vectors)))
    raw = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return dataclasses.replace(faces, images=raw.numpy())


@pytest.fixture(scope="module")
def reader() -> Reader:
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return Reader().eval().requires_grad_(False)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_it_learns(
    own_faces: FaceSet, generator: StyleGAN2, attributes: AttributeNetwork, reader: Reader, tmp_path: Path
) -> None:
    settings = EncoderSettings(steps=40, batch=12, drawn=6, sampled=1, lr=2e-3)
    trainer = EncoderTrainer(own_faces, generator, attributes, reader, tmp_path, settings)
    images = own_faces.pictures(torch.arange(COUNT)) / 2 + 0.5
    wanted = attributes(torch.from_numpy(own_faces.vectors))

    @torch.no_grad()
    def errors() -> tuple[float, float]:
        codes = trainer.encoder(images)
        away = (codes.mean(1) - wanted) / trainer.encoder.w_scale
        made = generator.decode(codes)
        return float(away.square().mean()), float(reconstruction_loss(made, images).mean())

    before = errors()
    steps = list(trainer.run())
    after = errors()
    for name in ("loss", "picture", "reading", "latent"):
        values = [step.loss if name == "loss" else step.terms[name] for step in steps]
        assert sum(values[-10:]) < 0.9 * sum(values[:10]), name
    assert after[0] < 0.75 * before[0]
    assert after[1] < 0.9 * before[1]
    assert 0 < steps[-1].terms["offset"] < 0.1 * settings.offset


def test_the_generator_stays_as_it_is(
    faces: FaceSet, attributes: AttributeNetwork, reader: Reader, tmp_path: Path
) -> None:
    generator = StyleGAN2(CONFIG)
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    list(EncoderTrainer(faces, generator, attributes, reader, tmp_path, SETTINGS).run())
    assert all(torch.equal(value, before[key]) for key, value in generator.state_dict().items())
    assert all(value.requires_grad and value.grad is None for value in generator.parameters())


def test_resuming_gives_the_same_bits(
    faces: FaceSet, generator: StyleGAN2, attributes: AttributeNetwork, reader: Reader, tmp_path: Path
) -> None:
    whole = EncoderTrainer(faces, generator, attributes, reader, tmp_path / "whole", SETTINGS)
    assert [step.index for step in whole.run()] == [0, 1, 2, 3, 4]
    half = EncoderTrainer(faces, generator, attributes, reader, tmp_path / "half", SETTINGS)
    steps = half.run()
    next(steps)
    next(steps)
    half.save()
    again = EncoderTrainer(faces, generator, attributes, reader, tmp_path / "half", SETTINGS)
    assert [step.index for step in again.run()] == [2, 3, 4]
    for key, value in whole.encoder.state_dict().items():
        assert torch.equal(value, again.encoder.state_dict()[key]), key
    other = EncoderTrainer(faces, generator, attributes, reader, tmp_path / "other", SETTINGS, seed=1)
    assert not torch.equal(other.encoder.hidden.weight, whole.encoder.hidden.weight)


def test_a_checkpoint_of_another_generator_is_not_continued(
    faces: FaceSet, generator: StyleGAN2, attributes: AttributeNetwork, reader: Reader, tmp_path: Path
) -> None:
    EncoderTrainer(faces, generator, attributes, reader, tmp_path, SETTINGS).save()
    with pytest.raises(InputFileError, match=r"encoder\.pt: a checkpoint of generator.*move it away"):
        EncoderTrainer(faces, StyleGAN2(CONFIG), attributes, reader, tmp_path, SETTINGS)
    torch.save([1, 2], tmp_path / "encoder.pt")
    with pytest.raises(InputFileError, match=r"encoder\.pt.*move it away"):
        EncoderTrainer(faces, generator, attributes, reader, tmp_path, SETTINGS)


def test_parts_that_do_not_fit_are_named(
    faces: FaceSet, generator: StyleGAN2, attributes: AttributeNetwork, reader: Reader, tmp_path: Path
) -> None:
    small = dataclasses.replace(faces, images=np.zeros((COUNT, 16, 16, 3), np.uint8))
    with pytest.raises(UsageError, match="16 px"):
        EncoderTrainer(small, generator, attributes, reader, tmp_path, SETTINGS)
    with pytest.raises(UsageError, match="face vectors"):
        EncoderTrainer(faces, generator, AttributeNetwork(7, 12), reader, tmp_path, SETTINGS)
    with pytest.raises(UsageError, match="w of 13"):
        other = AttributeNetwork(faces.vectors.shape[1], 13)
        EncoderTrainer(faces, generator, other, reader, tmp_path, SETTINGS)


def test_the_attribute_network_comes_from_the_fit(attributes: AttributeNetwork, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"paired\.pt.*train stylegan2"):
        load_attributes(tmp_path)
    _save_fit(attributes, tmp_path)
    again = load_attributes(tmp_path)
    vectors = torch.rand(3, attributes.layers[0].weight.shape[1])
    assert torch.equal(again(vectors), attributes(vectors))
    for wrong in (
        {"average": {}},
        {"average": torch.ones(3)},
        [1],
        {"average": {"attributes.layers.0.weight": 1}},
    ):
        torch.save(wrong, tmp_path / "paired.pt")
        with pytest.raises(InputFileError, match=r"paired\.pt: not a checkpoint"):
            load_attributes(tmp_path)


def test_the_reader_comes_from_the_fit(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"reader\.pt.*train stylegan2"):
        load_reader(tmp_path)
    torch.save({"modules": {"network": reader.state_dict()}}, tmp_path / "reader.pt")
    images = torch.rand(2, 3, 64, 64)
    for again, first in zip(load_reader(tmp_path).features(images), reader.features(images), strict=True):
        assert torch.equal(again, first)
    torch.save({"modules": {"network": {}}}, tmp_path / "reader.pt")
    with pytest.raises(InputFileError, match=r"reader\.pt: not a checkpoint"):
        load_reader(tmp_path)


def _save_fit(attributes: AttributeNetwork, folder: Path) -> None:
    state = {f"attributes.{key}": value for key, value in attributes.state_dict().items()}
    torch.save({"average": {**state, "generator.w_avg": torch.zeros(3)}}, folder / "paired.pt")


def test_the_command_writes_an_encoder(
    generator: StyleGAN2,
    attributes: AttributeNetwork,
    reader: Reader,
    faces: FaceSet,
    work: Path,
    tmp_path: Path,
) -> None:
    save_generator(generator, tmp_path / "g.safetensors")
    _save_fit(attributes, work)
    torch.save({"modules": {"network": reader.state_dict()}}, work / "reader.pt")
    words = f"train encoder --work {work} --generator {tmp_path}/g.safetensors -o {tmp_path}/e.safetensors"
    done = CliRunner().invoke(app, [*words.split(), "--faces", str(COUNT), "--steps", "2"])
    assert done.exit_code == 0, done.output
    encoder = load_encoder(tmp_path / "e.safetensors")
    assert (encoder.resolution, encoder.num_ws, encoder.w_dim) == (32, generator.num_ws, 12)
    (work / "paired.pt").unlink()
    failed = CliRunner().invoke(app, [*words.split(), "--faces", str(COUNT)])
    assert isinstance(failed.exception, MissingError)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [encoder_schedule(index / 1000) for index in range(1000)]
    assert 0 < rates[0] < 0.05
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] < 1e-4


def _smooth(rng: torch.Generator, batch: int) -> Tensor:
    coarse = torch.rand(batch, 3, 4, 4, generator=rng)
    return torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)


@pytest.mark.parametrize("change", [reframed, degraded])
def test_changes_are_by_sample_and_repeat_with_the_seed(change) -> None:
    images = _smooth(torch.Generator().manual_seed(1), 1).expand(6, -1, -1, -1)
    first = change(images, torch.Generator().manual_seed(0))
    assert torch.equal(first, change(images, torch.Generator().manual_seed(0)))
    assert first.shape == images.shape
    apart = (first[:-1] - first[1:]).abs().mean((1, 2, 3))
    assert (apart > 1e-3).all()
    assert ((first - images).abs().mean((1, 2, 3)) < 0.2).all()


def test_reframing_moves_the_picture(rng: torch.Generator) -> None:
    ramp = torch.linspace(0.2, 0.8, 32).expand(8, 3, 32, 32)
    middle = reframed(ramp, rng)[:, :, 16, 16] / ramp[:, :, 16, 16]
    assert middle.std() > 0.02
    assert (middle - 1).abs().max() < 0.5


def test_jpeg_rounding_follows_its_strength(rng: torch.Generator) -> None:
    images = torch.rand(3, 3, 32, 32, generator=rng)
    rounded = jpeg_rounded(images, torch.tensor([0.0, 0.3, 1.0]))
    error = (rounded - images).square().mean((1, 2, 3))
    assert error[0] < 1e-6
    assert 1e-5 < error[1] < error[2] < 0.02
    # One step of the constant coefficient, 16/255 over 8x8 pixels of norm 8, is 2/255 a pixel.
    flat = torch.full((1, 3, 8, 8), 0.4)
    assert (jpeg_rounded(flat, torch.ones(1)) - flat).abs().max() <= 1.01 / 255
