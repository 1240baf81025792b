"""Behaviour of the networks beyond the recorded arrays."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from promptbrush import UsageError
from promptbrush.generators import GENERATORS, Generator
from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config, default_channels, load_generator
from promptbrush.generators.stylegan2 import discriminator as discriminator_module
from promptbrush.generators.stylegan2 import generator as generator_module
from promptbrush.generators.stylegan2.resample import blur, conv_up2, downsample2, upsample2


def zero_stuffed(x, pads, gain):
    """Upsampling as defined: zeros between the pixels, padding, convolution with the 4x4 filter."""
    batch, channels, height, width = x.shape
    stuffed = x.new_zeros(batch, channels, 2 * height, 2 * width)
    stuffed[:, :, ::2, ::2] = x
    return filtered(F.pad(stuffed, pads), gain)


def filtered(x, gain):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype)
    kernel = torch.outer(taps, taps) * gain / 64
    return F.conv2d(x.flatten(0, 1)[:, None], kernel[None, None]).unflatten(0, x.shape[:2])[:, :, 0]


def test_resampling_by_its_definition(rng):
    x = torch.randn(2, 3, 6, 4, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(upsample2(x), zero_stuffed(x, (2, 1, 2, 1), 4))
    torch.testing.assert_close(downsample2(x), filtered(F.pad(x, (1, 1, 1, 1)), 1)[:, :, ::2, ::2])
    torch.testing.assert_close(blur(x, 2, 4.0), filtered(F.pad(x, (2, 2, 2, 2)), 4))


@pytest.mark.parametrize(
    "operation", [upsample2, downsample2, lambda x: blur(x, 1, 4.0), lambda x: blur(x, 2)]
)
def test_resampling_derivatives(operation, rng):
    x = torch.randn(1, 1, 4, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(operation, x)
    assert torch.autograd.gradgradcheck(lambda t: operation(t).square(), x)


def test_upsampling_convolution_with_groups_is_one_per_sample(rng):
    x = torch.randn(3, 4, 5, 5, generator=rng)
    weight = torch.randn(3, 2, 4, 3, 3, generator=rng)
    together = conv_up2(x.reshape(1, 12, 5, 5), weight.flatten(0, 1), groups=3).view(3, 2, 10, 10)
    apart = torch.cat([conv_up2(x[i : i + 1], weight[i]) for i in range(3)])
    torch.testing.assert_close(together, apart)


def test_samples_of_a_batch_do_not_mix(make_generator, rng):
    model = make_generator(conv_clamp=3.0)
    ws = model.init(4, rng)
    apart = torch.cat([model.synthesis(w[None]) for w in ws])
    torch.testing.assert_close(model.synthesis(ws), apart, rtol=1e-5, atol=1e-5)


def test_random_noise_follows_its_generator(make_generator):
    model = make_generator()
    ws = torch.zeros(2, model.num_ws, model.w_dim)

    def draw(seed):
        return model.synthesis(ws, "random", torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert not torch.equal(*draw(1))
    # Without one, every picture is another.
    assert not torch.equal(model.synthesis(ws, "random"), model.synthesis(ws, noise="random"))
    with pytest.raises(UsageError, match="'loud'"):
        model.synthesis(ws, "loud")


def test_a_conditional_generator_starts_without_labels(make_generator, rng):
    model = make_generator(c_dim=3)
    latent = model.init(2, rng.manual_seed(3))
    rng.manual_seed(3)
    z = torch.stack([torch.randn(10, generator=rng) for _ in range(2)])
    assert torch.equal(latent, model.mapping(z, torch.zeros(2, 3)))
    assert not torch.equal(latent, model.mapping(z, torch.eye(3)[:2]))
    assert model(z).shape == (2, 3, 16, 16)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (1, 3), (2, 3, 1)])
def test_wrong_labels_are_told(make_generator, make_discriminator, shape):
    with pytest.raises(UsageError, match=r"labels are \(.*\); this conditional network takes \(2, 3\)"):
        make_generator(c_dim=3).mapping(torch.ones(2, 10), torch.zeros(shape))
    if shape != (1, 3):
        with pytest.raises(UsageError, match=r"takes \(B, 3\), one row per sample"):
            make_discriminator(c_dim=3, cmap_dim=4)(torch.zeros(2, 3, 16, 16), torch.zeros(shape))
    with pytest.raises(UsageError, match="labels are none; this conditional network takes"):
        make_discriminator(c_dim=3, cmap_dim=4)(torch.zeros(2, 3, 16, 16))


def test_starting_latents_do_not_depend_on_the_batch(make_generator):
    model = make_generator()
    few, many = (model.init(n, torch.Generator().manual_seed(3)) for n in (2, 5))
    torch.testing.assert_close(few, many[:2], rtol=1e-6, atol=1e-6)
    assert many.shape == (5, model.num_ws, model.w_dim)
    assert many.std(0).min() > 0


def test_w_is_w_plus_with_equal_rows(make_generator, rng):
    model = make_generator()
    ws = model.init(2, rng)
    torch.testing.assert_close(model.decode(ws[:, 0]), model.decode(ws), rtol=0, atol=1e-5)


def test_decode_lets_gradients_pass_the_range(make_generator, rng):
    model = make_generator()
    ws = (model.init(1, rng) * 5).requires_grad_()
    images = model.decode(ws)
    outside = (images == 0) | (images == 1)
    assert outside.float().mean() > 0.2
    assert 0 <= float(images.detach().min()) <= float(images.detach().max()) <= 1
    (gradient,) = torch.autograd.grad(images[outside].sum(), ws)
    assert gradient.abs().sum() > 0


def test_wrong_latents_are_named(make_generator, rng):
    model = make_generator()
    with pytest.raises(UsageError, match=r"\(2, 3, 6\).*\(B, 6, 6\)"):
        model.decode(torch.zeros(2, 3, 6))
    styles = model.styles(model.init(1, rng))
    with pytest.raises(UsageError, match="widths"):
        model.synthesis_from_styles(styles[:-1])
    with pytest.raises(UsageError, match=r"lacks the styles b4\.torgb"):
        named = dict(zip(model.style_names, styles, strict=True))
        named.pop("b4.torgb")
        model.synthesis_from_styles(named)


def test_style_space_at_full_size():
    with torch.device("meta"):
        model = StyleGAN2(StyleGAN2Config(resolution=1024, channels=default_channels(1024)))
    widths = [layer.affine.bias.numel() for _, _, layer in model.synthesis.layers()]
    assert (len(widths), sum(widths), model.num_ws) == (26, 9088, 18)
    rgb = [i for i, name in enumerate(model.style_names) if name.endswith("torgb")]
    assert rgb == list(range(1, 26, 3))
    assert [index for _, index, _ in model.synthesis.layers()][:5] == [0, 1, 1, 2, 3]
    assert sum(p.numel() for p in model.parameters()) == 30_370_060


@pytest.mark.parametrize("architecture", ["skip", "orig", "resnet"])
def test_every_architecture_trains(make_generator, make_discriminator, rng, architecture):
    generator = make_generator(architecture=architecture).requires_grad_()
    discriminator = make_discriminator(architecture=architecture).requires_grad_()
    images = generator.synthesis(generator.init(2, rng))
    assert images.shape == (2, 3, 16, 16)
    discriminator(images).sum().backward()
    trained = [*generator.synthesis.named_parameters(), *discriminator.named_parameters()]
    assert [name for name, p in trained if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_autocast_stays_close_and_ends_in_float32(make_generator, make_discriminator, rng):
    generator, discriminator = make_generator(conv_clamp=256.0), make_discriminator()
    ws = generator.init(3, rng)
    exact = generator.synthesis(ws)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images, logits = generator.synthesis(ws), discriminator(exact)
        mapped = generator.mapping(torch.ones(1, 10))
    assert images.dtype == logits.dtype == mapped.dtype == torch.float32
    assert torch.equal(mapped, generator.mapping(torch.ones(1, 10)))
    assert (images - exact).square().mean().sqrt() < 0.02 * exact.std()
    assert (images - exact).abs().max() > 0
    expected = discriminator(exact)
    assert (logits - expected).abs().max() < 0.05 * expected.abs().max().clamp(min=1)


def test_minibatch_deviation_of_any_batch_size(make_discriminator, rng):
    discriminator = make_discriminator(mbstd_group_size=4)
    images = torch.randn(6, 3, 16, 16, generator=rng)
    # 4 does not divide 6: groups of 3, so sample i is with i+2 and i+4.
    paired = discriminator(images[[0, 2, 4]])
    torch.testing.assert_close(discriminator(images)[[0, 2, 4]], paired, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"resolution": 12},
        {"resolution": 8192},
        {"channels": {4: 8}},
        {"channels": {4: 0, 8: 8, 16: 8}},
        {"z_dim": 0},
        {"conv_clamp": -1.0},
        {"conv_clamp": float("inf")},
        {"w_avg_beta": 1.5},
        {"mapping_layers": True},
    ],
)
def test_impossible_settings(settings):
    given = {"resolution": 16, "channels": {4: 8, 8: 8, 16: 8}, **settings}
    with pytest.raises(ValueError, match=next(iter(settings))):
        StyleGAN2Config(**given)


def test_configuration_round_trip():
    config = StyleGAN2Config(resolution=8, channels={4: 5, 8: 3}, conv_clamp=256, num_fp16_res=1, fused=True)
    assert StyleGAN2Config.from_json(config.to_json()) == config


def test_float16_blocks_are_the_last_ones():
    config = StyleGAN2Config(resolution=1024, channels=default_channels(1024), num_fp16_res=4)
    assert config.fp16_resolution == 128
    assert StyleGAN2Config(resolution=16, channels=default_channels(16), num_fp16_res=4).fp16_resolution == 8


def test_generator_protocol_and_table(make_generator):
    assert isinstance(make_generator(), Generator)
    assert GENERATORS.load("stylegan2") is load_generator


def test_listing_generators_does_not_import_torch():
    code = (
        "import sys; from promptbrush.generators import GENERATORS; "
        "assert 'stylegan2' in GENERATORS.names(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_float16_blocks_stay_close(official, monkeypatch):
    # On CPU they run in float32; this makes them run as on a GPU.
    monkeypatch.setattr(generator_module, "runs_in_half", lambda config, resolution, device: resolution >= 8)
    monkeypatch.setattr(
        discriminator_module, "runs_in_half", lambda config, resolution, device: resolution >= 8
    )
    images = official.generator.synthesis(official["w_psi1"])
    logits = official.discriminator(official["img_const"], official.labels)
    assert images.dtype == logits.dtype == torch.float32
    difference = (images - official["img_const"]).abs().max()
    assert 0 < difference < 3e-3 * official["img_const"].abs().max()
    assert (logits - official["logits_gen"]).abs().max() < 1e-2


def test_float16_survives_large_weights(make_generator, rng, monkeypatch):
    monkeypatch.setattr(generator_module, "runs_in_half", lambda config, resolution, device: resolution >= 8)
    model = make_generator()
    with torch.no_grad():
        model.synthesis.b16.conv0.affine.bias += 3e5
    assert model.synthesis(model.init(2, rng)).isfinite().all()
