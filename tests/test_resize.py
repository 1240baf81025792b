"""Resizing of pictures."""

from __future__ import annotations

import torch
from promptbrush._resize import resize
from torchvision.transforms.v2.functional import InterpolationMode
from torchvision.transforms.v2.functional import resize as reference


def test_a_picture_from_a_file_keeps_its_layout_in_memory() -> None:
    """The last digits of every convolution depend on it, and so do all results that were ever recorded."""
    picture = torch.rand(41, 57, 3, generator=torch.Generator().manual_seed(0)).permute(2, 0, 1)[None]
    assert picture.stride() != (picture.numel(), 1, 57 * 3, 3)
    made = resize(picture, 12, 16)
    wanted = reference(picture, [12, 16], interpolation=InterpolationMode.BICUBIC, antialias=True).clamp(0, 1)
    assert torch.equal(made, wanted)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert resize(picture.contiguous(), 12, 16).is_contiguous()
