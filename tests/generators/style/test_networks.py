"""The style networks compute what the published ones do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.style.adain import decoder, encoder, load_decoder, load_encoder, mixed
from promptbrush.generators.style.stylenet import StyleNet
from promptbrush.generators.style.transformer import (
    StyleTransformer,
    TextToStyle,
    load_text_to_style,
    load_transformer,
)
from torch import Tensor, nn

GOLDEN = Path(__file__).parents[2] / "golden" / "style"


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    arrays = np.load(GOLDEN / "clipstyler.npz")
    return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def fill(network: nn.Module, base: int, more: float = 1.0) -> nn.Module:
    """Weights by the rule of the golden arrays."""
    state = {}
    for index, (key, value) in enumerate(network.state_dict().items()):
        deep = value.ndim > 1
        scale = 1 / np.sqrt(np.prod(value.shape[1:])) if deep else 0.1
        drawn = (np.random.RandomState(base + index).standard_normal(tuple(value.shape)) * scale).astype(
            np.float32
        )
        state[key] = torch.from_numpy(drawn * np.float32(more) if deep else drawn)
    network.load_state_dict(state)
    return network.requires_grad_(False)


def close(found: Tensor, wanted: Tensor) -> None:
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_stylenet_has_the_published_size() -> None:
    assert sum(each.numel() for each in StyleNet().parameters()) == 615_267


@pytest.mark.parametrize(("sigmoid", "name"), [(True, "unet16_out"), (False, "unet16_out_logits")])
def test_stylenet(golden: dict[str, Tensor], sigmoid: bool, name: str) -> None:
    network = fill(StyleNet(sigmoid=sigmoid), 1000)
    close(network(golden["unet16_in"]), golden[name])


def test_stylenet_of_stored_weights_and_its_gradient(golden: dict[str, Tensor]) -> None:
    arrays = np.load(GOLDEN / "clipstyler_unet4_weights.npz")
    network = StyleNet(4)
    network.load_state_dict(
        {key.removeprefix("unet4."): torch.from_numpy(arrays[key]) for key in arrays.files}
    )
    images = golden["unet4_in"].clone().requires_grad_()
    made = network(images)
    close(made, golden["unet4_out"])
    (gradient,) = torch.autograd.grad((made * golden["unet4_outgrad"]).sum(), images)
    close(gradient, golden["unet4_ingrad"])


def test_the_feed_forward_styler(golden: dict[str, Tensor]) -> None:
    found = fill(encoder(), 1800, np.sqrt(2))(golden["fast_in"])
    close(found, golden["fast_relu4_1"])
    made = fill(decoder(), 1900, np.sqrt(2))(found)
    close(made, golden["fast_out"])


def test_checkpoints_with_the_published_keys_are_loaded(tmp_path: Path) -> None:
    whole = encoder(53)
    assert max(int(key.split(".")[0]) for key in whole.state_dict()) == 51
    torch.save(whole.state_dict(), tmp_path / "vgg_normalised.pth")
    torch.save(decoder().state_dict(), tmp_path / "clip_decoder_iter_200.pth.tar")
    images = torch.rand(1, 3, 20, 28)
    features = load_encoder(tmp_path / "vgg_normalised.pth")(images)
    assert torch.equal(features, whole[:31](images))
    assert load_decoder(tmp_path / "clip_decoder_iter_200.pth.tar")(features).shape == (1, 3, 24, 32)


def test_a_mixture_lies_between_two_decoders() -> None:
    first, second = decoder(), decoder()
    middle = mixed([first, second], [1, 3]).state_dict()
    for key, value in first.state_dict().items():
        assert torch.allclose(middle[key], value.lerp(second.state_dict()[key], 0.75), atol=1e-6)


def test_other_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "decoder.pth"
    with pytest.raises(InputFileError, match="no such file"):
        load_decoder(path)
    torch.save({"1.weight": torch.zeros(2)}, path)
    with pytest.raises(InputFileError, match=r"decoder\.pth: '1\.weight' is \(2,\)"):
        load_decoder(path)
    path.write_text("not weights")
    with pytest.raises(InputFileError, match="cannot be read"):
        load_encoder(path)


def test_the_transformer_has_the_published_size_and_follows_its_style() -> None:
    network = StyleTransformer().requires_grad_(False)
    assert sum(each.numel() for each in network.parameters()) == 1_954_593
    images, style = torch.rand(2, 3, 32, 40), torch.randn(2, 100)
    made = network(images, style)
    assert made.shape == images.shape
    assert made.min() >= 0 and made.max() <= 1
    assert not torch.allclose(made, network(images, style.flip(0)), atol=1e-3)


@pytest.mark.parametrize("widths", [(512, 256, 256, 150, 150, 100), (768, 512, 256, 256, 150, 150, 100)])
def test_published_files_of_the_transformer_are_loaded(tmp_path: Path, widths: tuple[int, ...]) -> None:
    network, texts = StyleTransformer(), TextToStyle(widths)
    torch.save({"state_dict_ghiasi": network.state_dict()}, tmp_path / "ghiasi.pth")
    torch.save(texts.state_dict(), tmp_path / "text.pth")
    features = torch.randn(2, widths[0])
    assert torch.equal(load_text_to_style(tmp_path / "text.pth")(features), texts(features))
    style, images = texts(features), torch.rand(2, 3, 16, 16)
    assert torch.equal(load_transformer(tmp_path / "ghiasi.pth")(images, style), network(images, style))
    with pytest.raises(InputFileError, match="not a file of StyleTransformer"):
        load_transformer(tmp_path / "text.pth")
