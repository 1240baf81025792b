"""Inversion: nearer than the encoder alone, near to it, on its own for each picture, and without an encoder."""

import pytest
import torch
import torch.nn.functional as F
from promptbrush import UsageError
from promptbrush.editing.edit import Step
from promptbrush.editing.framing import paste_back
from promptbrush.editing.inversion import InversionSettings, invert
from promptbrush.generators.encoder import Encoder, EncoderConfig
from promptbrush.generators.pyramid import reconstruction_loss
from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pydantic import ValidationError
from torch import Tensor, nn

CONFIG = StyleGAN2Config(
    resolution=32,
    channels={4: 16, 8: 16, 16: 16, 32: 8},
    mapping_layers=2,
    lr_multiplier=1.0,
    z_dim=8,
    w_dim=12,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        made = StyleGAN2(CONFIG).eval().requires_grad_(False)
    for block in made.synthesis.blocks():
        # Random colours would be out of range nearly everywhere.
        block.torgb.weight *= 0.3
    z = torch.randn(500, CONFIG.z_dim, generator=torch.Generator().manual_seed(0))
    made.w_avg.copy_(made.mapping.single(z).mean(0))
    return made


@pytest.fixture(scope="module")
def encoder(generator: StyleGAN2) -> Encoder:
    """Untrained: a guess near the average w."""
    config = EncoderConfig(CONFIG.resolution, CONFIG.num_ws, CONFIG.w_dim, width=8, hidden=16)
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        made = Encoder(config, generator.w_avg, torch.full((CONFIG.w_dim,), 0.9))
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def own(generator: StyleGAN2) -> Tensor:
    """Pictures that the generator can draw, (3,3,32,32)."""
    return generator.decode(generator.init(3, torch.Generator().manual_seed(4)))


def test_steps_bring_the_picture_nearer_than_the_encoder(
    generator: StyleGAN2, encoder: Encoder, own: Tensor
) -> None:
    alone = invert(generator, encoder, own, InversionSettings(steps=0))
    torch.testing.assert_close(alone.latent, encoder(own))
    torch.testing.assert_close(alone.image, generator.decode(encoder(own)))
    found = invert(generator, encoder, own)
    assert (found.distance < 0.8 * alone.distance).all()
    assert found.latent.shape == (3, CONFIG.num_ws, CONFIG.w_dim)
    assert found.latent.dtype == found.image.dtype == torch.float32
    assert not found.latent.requires_grad
    assert (alone.steps, found.steps) == (0, InversionSettings().steps)


def test_latent_image_and_distance_belong_together(
    generator: StyleGAN2, encoder: Encoder, own: Tensor
) -> None:
    found = invert(generator, encoder, own)
    torch.testing.assert_close(generator.decode(found.latent), found.image, atol=1e-5, rtol=0)
    torch.testing.assert_close(reconstruction_loss(found.image, own), found.distance, atol=1e-4, rtol=0)
    assert 0 <= found.image.min() <= found.image.max() <= 1


def test_weights_keep_the_latent_near_the_guess_and_near_w(
    generator: StyleGAN2, encoder: Encoder, own: Tensor
) -> None:
    def moved(**weights: float) -> tuple[float, float]:
        move = invert(generator, encoder, own, InversionSettings(**weights)).latent - encoder(own)
        together = move.mean(1, keepdim=True)
        return together.norm().item(), (move - together).norm().item()

    free, near_w, near_guess = moved(anchor=0, own=0), moved(anchor=0, own=10), moved(anchor=100, own=100)
    assert near_w[1] < 0.5 * free[1]
    assert near_w[0] > 0.5 * free[0]
    assert near_guess[0] < 0.2 * free[0]


class Corner(nn.Module):
    """Sees the mean colour of the upper left corner alone."""

    def forward(self, images: Tensor) -> Tensor:
        return images[..., :8, :8].mean((2, 3))


def test_a_network_of_features_counts_besides_the_pixels(generator: StyleGAN2, encoder: Encoder) -> None:
    # Not to be drawn, so that pixels and features disagree about what is nearest.
    picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) ** 3

    def apart(weight: float) -> tuple[float, set[str]]:
        names = set[str]()
        settings = InversionSettings(content=weight)
        found = invert(
            generator, encoder, picture, settings, lambda step: names.update(step.losses), Corner()
        )
        here, there = (F.normalize(Corner()(each), dim=1) for each in (found.image, picture))
        return float((1 - (here * there).sum(1)).mean()), names

    (far, without), (near, given) = apart(0), apart(100)
    assert near < 0.5 * far
    assert given - without == {"content"}


def test_pictures_of_a_batch_do_not_influence_each_other(
    generator: StyleGAN2, encoder: Encoder, own: Tensor
) -> None:
    for chosen in (encoder, None):
        settings = InversionSettings(search_steps=10, steps=8)
        together = invert(generator, chosen, own, settings)
        single = invert(generator, chosen, own[1:2], settings)
        torch.testing.assert_close(single.latent[0], together.latent[1], atol=2e-3, rtol=0)
        torch.testing.assert_close(single.distance[0], together.distance[1], atol=2e-3, rtol=0)
        again = invert(generator, chosen, own, settings)
        assert torch.equal(again.latent, together.latent)


def test_without_an_encoder_the_picture_is_searched(generator: StyleGAN2) -> None:
    ws = generator.init(2, torch.Generator().manual_seed(4))
    # Half of the layers of one w and half of another: not in W, so that W+ has something to add.
    mixed = generator.decode(torch.cat([ws[:, :4], ws.flip(0)[:, 4:]], dim=1))
    start = reconstruction_loss(generator.decode(generator.w_avg.expand(2, -1)), mixed)
    searched = invert(generator, None, mixed, InversionSettings(steps=0, search_steps=40))
    assert (searched.distance < 0.7 * start).all()
    assert torch.equal(searched.latent, searched.latent[:, :1].expand_as(searched.latent))
    refined = invert(generator, None, mixed, InversionSettings(search_steps=40))
    assert (refined.distance < 0.9 * searched.distance).all()
    assert refined.steps == 40 + InversionSettings().steps


def test_w_has_one_vector_for_all_layers(generator: StyleGAN2, encoder: Encoder, own: Tensor) -> None:
    found = invert(generator, encoder, own, InversionSettings(space="w"))
    assert torch.equal(found.latent, found.latent[:, :1].expand_as(found.latent))
    assert (found.distance < invert(generator, encoder, own, InversionSettings(steps=0)).distance).all()
    wide = invert(generator, encoder, own)
    assert not torch.equal(wide.latent, wide.latent[:, :1].expand_as(wide.latent))


def test_a_long_picture_is_letterboxed_and_pasted_back(generator: StyleGAN2, encoder: Encoder) -> None:
    picture = torch.rand(1, 3, 40, 90, generator=torch.Generator().manual_seed(0))
    found = invert(generator, encoder, picture, InversionSettings(steps=2))
    assert found.target.shape == found.image.shape == (1, 3, 32, 32)
    assert (found.placement.height, found.placement.width) == (40, 90)
    assert paste_back(picture, found.image, found.placement).shape == picture.shape


def test_large_generators_are_compared_at_256_px(encoder: Encoder) -> None:
    channels = {4: 4, 8: 4, 16: 4, 32: 4, 64: 2, 128: 2, 256: 2, 512: 1}
    large = StyleGAN2(StyleGAN2Config(512, channels, mapping_layers=1, z_dim=4, w_dim=12))
    config = EncoderConfig(32, large.num_ws, 12, width=8, hidden=16)
    picture = torch.rand(1, 3, 700, 500, generator=torch.Generator().manual_seed(0))
    found = invert(large, Encoder(config).eval(), picture, InversionSettings(steps=1))
    assert found.image.shape == (1, 3, 512, 512)
    half = [torch.nn.functional.avg_pool2d(images, 2) for images in (found.image, found.target)]
    torch.testing.assert_close(found.distance, reconstruction_loss(*half), atol=1e-4, rtol=0)
    # The weights were trainable, and no gradient was left in them.
    assert all(value.requires_grad and value.grad is None for value in large.parameters())


def test_labels_are_not_needed(own: Tensor) -> None:
    conditional = StyleGAN2(
        StyleGAN2Config(32, CONFIG.channels, c_dim=3, mapping_layers=1, z_dim=4, w_dim=12)
    ).requires_grad_(False)
    found = invert(conditional, None, own[:1], InversionSettings(steps=1, search_steps=2))
    assert found.latent.isfinite().all()


def test_every_step_is_shown(generator: StyleGAN2, encoder: Encoder, own: Tensor) -> None:
    seen: list[Step] = []
    found = invert(generator, encoder, own, InversionSettings(steps=4), see=seen.append)
    assert [step.index for step in seen] == [0, 1, 2, 3, 4]
    assert set(seen[0].losses) == set(seen[0].latent) | {"picture"} == {"picture", "shared", "own"}
    assert not seen[0].losses["shared"].any()
    lowest = torch.stack([sum(step.losses.values()) for step in seen]).argmin(0)
    for sample, index in enumerate(lowest.tolist()):
        assert torch.equal(found.image[sample], seen[index].images[sample])
        assert found.distance[sample] == seen[index].losses["picture"][sample]


def test_what_cannot_be_inverted(generator: StyleGAN2, encoder: Encoder, own: Tensor) -> None:
    for wrong in (own[0], own[:, :1], own[:0]):
        with pytest.raises(UsageError, match="can be inverted"):
            invert(generator, encoder, wrong)
    other = Encoder(EncoderConfig(32, CONFIG.num_ws - 1, CONFIG.w_dim, width=8, hidden=16))
    with pytest.raises(UsageError, match=r"\(7, 12\).*\(8, 12\)"):
        invert(generator, other, own)


def test_settings_are_checked() -> None:
    for wrong in (
        {"steps": -1},
        {"lr": 0},
        {"lr": float("nan")},
        {"space": "s"},
        {"anchor": -1},
        {"more": 1},
    ):
        with pytest.raises(ValidationError):
            InversionSettings(**wrong)
