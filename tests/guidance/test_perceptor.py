"""One path from picture to feature: exact resizing, parity with the published input, clear errors."""

from __future__ import annotations

import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from promptbrush import InputFileError, MissingError, UsageError
from promptbrush._resize import fit, resample
from promptbrush.guidance import clip_models
from promptbrush.guidance.perceptor import Ensemble, Perceptor, load_ensemble, load_perceptor
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(8, 32), (100, 37), (31, 31), (7, 90)])
def test_resize_is_the_antialiased_filter_that_torch_and_pillow_have(kind, size):
    images = noise(2, 3, *size)
    expected = F.interpolate(images, (32, 20), mode=kind, antialias=True, align_corners=False)
    assert torch.allclose(resample(images, 32, 20, kind), expected, atol=1e-5)


def test_fit_keeps_the_aspect_and_repeats_the_edges():
    fitted = fit(noise(1, 3, 20, 40), 32)
    assert torch.allclose(fitted[..., 8:24, :], resample(noise(1, 3, 20, 40), 16, 32, "bicubic"), atol=1e-6)
    assert torch.equal(fitted[..., 0, :], fitted[..., 8, :])
    assert torch.equal(fitted[..., 31, :], fitted[..., 23, :])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(["bicubic", "bilinear", "box"]))
def test_a_flat_picture_stays_flat_at_every_size(height, width, kind):
    fitted = fit(torch.full((1, 3, height, width), 0.37), 24, kind)
    assert fitted.shape == (1, 3, 24, 24)
    assert torch.allclose(fitted, torch.full_like(fitted, 0.37), atol=1e-6)


class LargestTensor(TorchDispatchMode):
    """Remembers the largest result of any operation."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numel = max(self.numel, result.numel())
        return result


@pytest.mark.parametrize("preprocessing", ["standard", "reference"])
def test_nothing_larger_than_the_picture_is_ever_made(tiny_clip, preprocessing):
    perceptor = load_perceptor(tiny_clip, preprocessing=preprocessing)
    images = noise(1, 3, 40, 6000)
    with LargestTensor() as largest:
        perceptor.preprocess(images)
    assert 0 < largest.numel <= images.numel()


@pytest.mark.parametrize("size", [32, 64, 128])
def test_reference_input_loss_and_gradient_are_styleclips(golden, size):
    data = golden("styleclip_clip_loss")
    perceptor = stub_perceptor(data["A"])
    images = torch.from_numpy(data[f"u8_{size}"]).float().div(255).requires_grad_()
    pixels = perceptor.preprocess(images)
    assert list(pixels.shape) == data[f"clip_input_shape_{size}"].tolist()
    assert np.allclose(pixels[:, :, ::5, ::5].detach(), data[f"clip_input_sub_{size}"], atol=1e-6)
    loss = 1 - perceptor.encode_image(images) @ F.normalize(torch.from_numpy(data["text"]), dim=-1).T
    assert np.allclose(loss.detach(), data[f"loss_{size}"], rtol=1e-5)
    (gradient,) = torch.autograd.grad(loss.sum(), images)
    # The recorded gradient is with respect to the picture in [-1,1].
    expected = data[f"grad_sub_{size}"]
    assert np.abs(gradient[:, :, ::7, ::7].numpy() / 2 - expected).max() < 1e-5 * np.abs(expected).max()


class StubModel(torch.nn.Module):
    """Linear stand-in of the recording: 4x4 averages times a matrix."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = torch.from_numpy(matrix)
        self.visual = torch.nn.Module()
        self.visual.image_size = 224
        self.logit_scale = torch.tensor(100.0).log()

    def encode_image(self, pixels):
        return F.adaptive_avg_pool2d(pixels, 4).flatten(1) @ self.matrix.T


def stub_perceptor(matrix):
    return Perceptor(StubModel(matrix), None, preprocessing="reference")


def test_standard_preprocessing_is_resize_then_mean_and_deviation(perceptor):
    images = noise(2, 3, 50, 50)
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.3])
    expected = (resample(images, 32, 32, "bicubic") - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    assert torch.allclose(perceptor.preprocess(images), expected, atol=1e-5)


def test_features_are_open_clips_own(perceptor, tiny_clip):
    config = json.loads((tiny_clip / "clip.json").read_text())
    config.pop("preprocess")
    model = open_clip.model.CLIP(**config).eval()
    model.load_state_dict({k: v.float() for k, v in load_file(tiny_clip / "clip.safetensors").items()})
    tokenizer = open_clip.SimpleTokenizer(bpe_path=str(tiny_clip / "bpe.txt.gz"), context_length=12)
    images, texts = noise(3, 3, 32, 32), ["a woman with red hair", "café ☃"]
    pixels = (images - perceptor.mean) / perceptor.std
    with torch.no_grad():
        assert torch.allclose(
            perceptor.encode_image(images), model.encode_image(pixels, normalize=True), atol=1e-5
        )
        expected = model.encode_text(tokenizer(texts), normalize=True)
    assert torch.allclose(perceptor.encode_text(texts), expected, atol=1e-5)
    assert perceptor.logit_scale == pytest.approx(model.logit_scale.exp().item())


def test_gradient_reaches_the_picture_but_not_the_weights(perceptor):
    images = noise(1, 3, 17, 41).requires_grad_()
    perceptor.encode_image(images)[0, 0].backward()
    assert images.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in perceptor.parameters())


def test_a_sample_does_not_depend_on_its_batch(perceptor):
    images = noise(4, 3, 30, 20)
    alone = perceptor.encode_image(images[2:3])
    assert torch.allclose(perceptor.encode_image(images)[2:3], alone, atol=1e-5)


def test_texts_are_encoded_once_in_the_order_asked(perceptor, monkeypatch):
    first = perceptor.encode_text(["one word", "two words", "one word"])
    monkeypatch.setattr(perceptor.model, "encode_text", None)
    again = perceptor.encode_text(["two words", "one word"])
    assert torch.equal(again, first[[1, 0]])
    assert torch.equal(first[0], first[2])


def test_a_text_beyond_the_context_is_told(perceptor):
    assert not perceptor.truncates("a woman with red hair")
    # 10 tokens and the two marks fill the context of 12 exactly.
    assert not perceptor.truncates(" ".join(["a"] * 10))
    assert perceptor.truncates(" ".join(["a"] * 11))
    assert Ensemble([perceptor]).truncates(" ".join(["a"] * 11))


def test_bfloat16_towers_give_float32_features_near_the_exact_ones(perceptor, tiny_clip):
    images = noise(2, 3, 32, 32)
    half = load_perceptor(tiny_clip, precision="bfloat16")
    features = half.encode_image(images)
    assert features.dtype == torch.float32 and half.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(features, perceptor.encode_image(images)).min() > 0.999
    assert not torch.equal(features, perceptor.encode_image(images))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8)])
def test_what_is_no_picture_is_refused(perceptor, shape):
    with pytest.raises(UsageError, match=r"\(B,3,H,W\)"):
        perceptor.encode_image(torch.zeros(shape))


def test_ensemble_reads_weights(tiny_clip, other_clip):
    ensemble = load_ensemble(f"{tiny_clip}:3, {other_clip}")
    assert ensemble.weights == (0.75, 0.25)
    first, second = (perceptor for perceptor, _ in ensemble.members)
    assert not torch.equal(first.encode_text(["a"]), second.encode_text(["a"]))
    assert load_ensemble([tiny_clip]).weights == (1.0,)


@pytest.mark.parametrize("specs", ["", "{tiny},", "{tiny}:0", "{tiny}:-1"])
def test_ensemble_refuses(tiny_clip, specs):
    with pytest.raises(UsageError):
        load_ensemble(specs.format(tiny=tiny_clip))


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ("ViT-B-23/openai", UsageError, "did you mean 'ViT-B-32'"),
        ("ViT-B-32/openay", UsageError, "did you mean 'openai'"),
        ("ViT-B-32", UsageError, "known: openai"),
        ("no/such/clip.json", InputFileError, "no/such/clip.json"),
        ("ViT-B-32=no/such.pt", InputFileError, "no/such.pt"),
        ("hf-hub:a/b/c/d", UsageError, "a/b/c/d"),
        ("hf-hub:nobody/nothing", MissingError, "hf-hub:nobody/nothing"),
        ("ViT-B-32/openai", MissingError, "downloads are off"),
        ("RN50/yfcc15m", MissingError, "downloads are off"),
    ],
)
def test_a_wrong_spec_gets_one_line(tmp_path, spec, error, text):
    with pytest.raises(error) as caught:
        load_perceptor(spec, offline=True, cache_dir=str(tmp_path))
    assert text in str(caught.value) and "\n" not in str(caught.value)


def test_openai_weights_get_their_activation():
    config, preprocess = clip_models._find_published("ViT-B-32/openai", tag_needed=True)
    assert config["quick_gelu"] is True
    assert preprocess["mean"][0] == pytest.approx(0.48145466)


def damage_config(folder):
    (folder / "clip.json").write_text("{")


def drop_text_config(folder):
    (folder / "clip.json").write_text('{"embed_dim": 4, "vision_cfg": {}}')


def wrong_setting(folder):
    config = json.loads((folder / "clip.json").read_text())
    config["vision_cfg"]["colour"] = 3
    (folder / "clip.json").write_text(json.dumps(config))


def truncate_weights(folder):
    (folder / "clip.safetensors").write_bytes((folder / "clip.safetensors").read_bytes()[:1000])


def empty_weights(folder):
    (folder / "clip.safetensors").write_bytes(b"")


def drop_entry(folder):
    state = load_file(folder / "clip.safetensors")
    del state["visual.proj"]
    save_file(state, folder / "clip.safetensors")


def reshape_entry(folder):
    state = load_file(folder / "clip.safetensors")
    state["visual.proj"] = state["visual.proj"].T.contiguous()
    save_file(state, folder / "clip.safetensors")


def foreign_merges(folder):
    shutil.copy(open_clip.tokenizer.default_bpe(), folder / "bpe.txt.gz")


def garble_merges(folder):
    (folder / "bpe.txt.gz").write_text("not gzip")


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (damage_config, "clip.json"),
        (drop_text_config, "text_cfg"),
        (wrong_setting, "colour"),
        (truncate_weights, "clip.safetensors"),
        (empty_weights, "clip.safetensors"),
        (drop_entry, "visual.proj"),
        (reshape_entry, "visual.proj is (16, 32), the model's is (32, 16)"),
        (foreign_merges, "49408 tokens"),
        (garble_merges, "bpe.txt.gz"),
        (lambda folder: (folder / "bpe.txt.gz").unlink(), "bpe.txt.gz"),
        (lambda folder: (folder / "clip.safetensors").unlink(), "clip.safetensors"),
    ],
)
def test_a_broken_folder_names_its_file(tiny_clip, tmp_path, damage, text):
    folder = shutil.copytree(tiny_clip, tmp_path / "copy")
    damage(folder)
    with pytest.raises(InputFileError) as caught:
        load_perceptor(folder)
    assert text in str(caught.value) and "\n" not in str(caught.value)


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path):
    torch.save({"state_dict": Payload(tmp_path / "marker")}, tmp_path / "evil.pt")
    with pytest.raises(InputFileError, match=r"evil\.pt"):
        load_perceptor(f"RN50={tmp_path / 'evil.pt'}")
    assert not (tmp_path / "marker").exists()


def test_architecture_with_a_local_file_goes_the_same_way(tmp_path, monkeypatch, tiny_clip):
    config = json.loads((tiny_clip / "clip.json").read_text())
    config.pop("preprocess")
    config["text_cfg"]["vocab_size"] = 49408
    (tmp_path / "tiny-test-clip.json").write_text(json.dumps(config))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", list(open_clip.factory._MODEL_CONFIG_PATHS))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    open_clip.add_model_config(tmp_path / "tiny-test-clip.json")
    model = clip_models.build(config)
    torch.save(
        {"state_dict": {"module." + k: v for k, v in model.state_dict().items()}}, tmp_path / "weights.pt"
    )
    loaded = load_perceptor(f"tiny-test-clip={tmp_path / 'weights.pt'}")
    assert torch.equal(loaded.model.visual.proj, model.visual.proj)
    assert loaded.name == "tiny-test-clip"
    with pytest.raises(InputFileError, match="entries are"):
        load_perceptor(f"RN50={tmp_path / 'weights.pt'}")
