"""The quick gradients of depthwise convolutions are those of float32, up to bfloat16's steps."""

import copy

import pytest
import timm
import torch
from promptbrush.guidance.depthwise import quicken
from torch import nn


def depthwise(kernel: int, stride: int) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(8, 8, kernel, stride, kernel // 2, groups=8, bias=False)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_results_and_gradients_are_those_of_float32(kernel: int, stride: int) -> None:
    plain, quick = depthwise(kernel, stride), quicken(depthwise(kernel, stride))
    x = torch.randn(2, 8, 9, 12, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    expected = plain(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = quick(y)
    assert made.dtype == torch.bfloat16
    grad = torch.randn_like(expected)
    expected.backward(grad)
    made.backward(grad.bfloat16())
    for ours, theirs in ((made, expected), (y.grad, x.grad), (quick.weight.grad, plain.weight.grad)):
        assert torch.allclose(ours.float(), theirs, atol=0.02 * float(theirs.abs().max()))


def test_without_autocast_nothing_changes() -> None:
    plain, quick = depthwise(3, 2), quicken(depthwise(3, 2))
    x = torch.randn(1, 8, 8, 8)
    assert torch.equal(plain(x), quick(x))


def test_padding_as_tensorflow_does_it_stays() -> None:
    torch.manual_seed(0)
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    quick = quicken(copy.deepcopy(network))
    x = torch.randn(1, 3, 65, 96)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(network(x), quick(x))


def test_other_convolutions_stay() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, groups=2, bias=False)
    )
    quicken(model)
    assert not [module for module in model if "forward" in vars(module)]


def test_a_copy_uses_its_own_filters() -> None:
    first = quicken(depthwise(3, 1))
    second = copy.deepcopy(first)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        second.weight.zero_()
        assert second(torch.ones(1, 8, 4, 4)).abs().max() == 0
        assert first(torch.ones(1, 8, 4, 4)).abs().max() > 0
