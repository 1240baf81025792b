"""Our networks compute what the original implementations computed (see tests/golden/README.md)."""

import dataclasses

import numpy as np
import pytest
import torch
from promptbrush.generators.stylegan2 import StyleGAN2, load_generator
from promptbrush.generators.stylegan2.losses import path_lengths, r1_penalty


def close(ours, recorded, relative):
    limit = relative * max(1.0, float(recorded.abs().max()))
    difference = float((ours.detach() - recorded).abs().max())
    assert difference <= limit, f"differs by {difference:.2e}, allowed {limit:.2e}"


def test_mapping_is_exact(official):
    def mapped(psi=1.0, cutoff=None):
        return official.generator.mapping(official["z"], official.labels, psi, cutoff)

    close(mapped(), official["w_psi1"], 1e-6)
    close(mapped(0.7), official["w_psi0.7"], 1e-6)
    close(mapped(0.7, int(official["truncation_cutoff"])), official["w_psi0.7_cutoff"], 1e-6)


@pytest.mark.parametrize(
    ("latent", "noise", "expected"),
    [
        ("w_psi1", "const", "img_const"),
        ("w_psi1", "none", "img_none"),
        ("w_psi0.7_cutoff", "const", "img_const_psi0.7_cutoff"),
        ("wplus", "const", "img_wplus_const"),
    ],
)
def test_pictures(official, latent, noise, expected):
    close(official.generator.synthesis(official[latent], noise), official[expected], 1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_both_ways_to_modulate(official, fused):
    original = official.generator
    other = StyleGAN2(dataclasses.replace(original.config, fused=fused))
    other.load_state_dict(original.state_dict())
    close(other.synthesis(official["w_psi1"]), official["img_const"], 1e-5)
    close(other.synthesis(official["w_psi1"][:2]), official["img_const_nonfused"], 1e-5)


def test_one_picture_without_gradients(official):
    # Takes the path with scaled weights, see SynthesisLayer.
    with torch.no_grad():
        close(official.generator.synthesis(official["w_psi1"][1:2]), official["img_const"][1:2], 1e-5)


def test_styles_and_synthesis_from_them(official):
    model = official.generator
    styles = model.styles(official["wplus"])
    for name, style in zip(model.style_names, styles, strict=True):
        close(style, official[f"s_{name.replace('.', '_')}"], 1e-6)
    by_name = dict(zip(model.style_names, styles, strict=True))
    direct = model.synthesis(official["wplus"])
    assert torch.equal(model.synthesis_from_styles(styles), direct)
    assert torch.equal(model.synthesis_from_styles(by_name), direct)


def test_decode_is_the_picture_in_unit_range(official):
    expected = (official["img_const"] / 2 + 0.5).clamp(0, 1)
    close(
        official.generator.decode(official["w_psi1"]),
        expected,
        1e-5 * float(official["img_const"].abs().max()),
    )


def test_gradient_of_the_picture(official):
    w = official["w_psi1"][:1].clone().requires_grad_()
    (official.generator.synthesis(w) * official["grad_dir"]).sum().backward()
    close(w.grad, official["grad_w"], 1e-5)


def test_path_lengths(official):
    w = official["w_psi1"][:2].clone().requires_grad_()
    lengths = path_lengths(official.generator.synthesis(w), w, official["pl_noise"])
    close(lengths, official["pl_lengths"], 1e-5)


def test_logits(official):
    labels = official.labels
    one = None if labels is None else labels[:1]
    close(official.discriminator(official["img_const"], labels), official["logits_gen"], 1e-5)
    close(official.discriminator(official["real_img"], labels), official["logits_real"], 1e-5)
    close(official.discriminator(official["img_const"][:1], one), official["logits_gen_one"], 1e-5)


def test_r1(official):
    penalty = r1_penalty(lambda x: official.discriminator(x, official.labels), official["real_img"])
    recorded = official["r1_penalty"]
    torch.testing.assert_close(penalty, recorded, rtol=1e-5, atol=1e-8)


def test_tracking_the_average_w(official):
    model = load_generator(official.path)
    assert torch.equal(model.w_avg, official["w_avg_before"])
    model.mapping.track(model.mapping(official["z"], official.labels))
    close(model.w_avg, official["w_avg_after_train_step"], 1e-6)


def test_rosinality_mapping_and_pictures(rosinality):
    model = rosinality.generator
    ws = model.mapping(rosinality["z"])
    close(ws[:, 0], rosinality["w"], 1e-6)
    close(model.synthesis(ws), rosinality["img_fixed_noise"], 1e-5)
    close(model.synthesis(rosinality["w"], "none"), rosinality["img_zero_noise"], 1e-5)
    truncated = model.mapping(rosinality["z"], truncation_psi=0.7)
    close(model.synthesis(truncated), rosinality["img_trunc0.7_fixed_noise"], 1e-5)
    close(model.synthesis(rosinality["wplus"]), rosinality["img_wplus_fixed_noise"], 1e-5)


def test_rosinality_styles_and_logits(rosinality):
    model = rosinality.generator
    styles = model.styles(rosinality["wplus"])
    for index, style in enumerate(styles):
        close(style, rosinality[f"s_{index:02}"], 1e-6)
    shaped = [style[:, None, :, None, None] for style in styles]
    close(model.synthesis_from_styles(shaped), rosinality["img_from_styles"], 1e-5)
    close(rosinality.discriminator(rosinality["img_fixed_noise"][:4]), rosinality["logits"], 1e-5)


def fill(shape, k, scale=1.0, offset=0.0):
    """The recorder's pseudo-random array: offset + scale * (2u - 1), u from a hash of the element's index."""
    with np.errstate(over="ignore"):
        x = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(1 + 1000003 * k)
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    u = ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return torch.from_numpy((offset + scale * (2 * u - 1)).astype(np.float32).reshape(shape))


def filled_weight(key, shape, k):
    if key.startswith("style."):
        return fill(shape, k, 173 if key.endswith("weight") else 20)
    if key.endswith("modulation.bias"):
        return fill(shape, k, 0.2, 1)
    if key.endswith("noise.weight"):
        return fill(shape, k, 0.1)
    return fill(shape, k, 0.2 if key.endswith("bias") else 1.7)


@pytest.fixture(scope="module")
def full_width(golden_folder, tmp_path_factory):
    """The 512-wide generator of the editing arrays, through a checkpoint file, and the arrays."""
    arrays = dict(np.load(golden_folder / "rosinality_generator.npz"))
    weights = {}
    for index, (key, shape) in enumerate(zip(arrays["keys"], arrays["shapes"], strict=True)):
        dims = tuple(int(n) for n in str(shape).strip("()").split(",") if n.strip())
        if not key.endswith("kernel"):
            weights[str(key)] = filled_weight(str(key), dims, int(arrays["k_first"]) + index)
    path = tmp_path_factory.mktemp("full") / "generator.pt"
    torch.save({"g_ema": weights, "latent_avg": torch.full((512,), 0.1)}, path)
    return load_generator(path), arrays


def test_full_width_rosinality(full_width):
    model, arrays = full_width
    ws = fill((1, model.num_ws, 512), int(arrays["k_w"]), 1.5)
    styles = model.styles(ws)
    assert [style.shape[1] for style in styles] == arrays["s_dims"].tolist()
    close(torch.cat(styles, 1), torch.from_numpy(arrays["s_flat"]), 1e-6)
    close(model.synthesis(ws), torch.from_numpy(arrays["image"]), 1e-5)
    close(model.synthesis_from_styles(styles), torch.from_numpy(arrays["image_from_s"]), 1e-5)
    styles[0][0, 7] += 3
    styles[3][0, 11] -= 4
    close(model.synthesis_from_styles(styles), torch.from_numpy(arrays["image_s_edit"]), 1e-5)


def test_full_width_mapping(full_width):
    model, arrays = full_width
    z = fill((1, 512), int(arrays["k_z"]), 1.7)
    close(model.mapping(z)[:, 0], torch.from_numpy(arrays["w"]), 1e-6)
    truncated = model.synthesis(model.mapping(z, truncation_psi=0.7))
    close(truncated, torch.from_numpy(arrays["image_trunc"]), 1e-5)
