"""Drawings and their files: the SVG shows what the picture shows, and reads back."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import resvg_py
import torch
from PIL import Image
from promptbrush._base import InputFileError, UsageError
from promptbrush.generators.shapes import (
    KINDS,
    Drawing,
    Limits,
    Shapes,
    drawing_of,
    from_json,
    from_svg,
    to_json,
    to_svg,
)
from torch import Tensor


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawing(kind: str = "triangle", count: int = 20, seed: int = 0) -> Drawing:
    generator = Shapes(kind, count, (60, 90), background=(0.8, 0.9, 0.7))
    return drawing_of(generator, generator.init(1, rng(seed))[0])


def opened(png: bytes) -> Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(png)).convert("RGB"))).permute(2, 0, 1) / 255


def by_resvg(text: str, height: int) -> Tensor:
    return opened(bytes(resvg_py.svg_to_bytes(svg_string=text, height=height)))


@pytest.mark.parametrize("height", [60, 240])
@pytest.mark.parametrize("kind", KINDS)
def test_the_svg_shows_what_the_picture_shows(kind: str, height: int) -> None:
    made = drawing(kind)
    away = (by_resvg(to_svg(made), height) - made.picture(height)[0]).abs()
    assert float(away.mean()) < 0.006
    assert float((away > 0.1).float().mean()) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_files_read_back(kind: str) -> None:
    made = drawing(kind)
    for again in (from_svg(to_svg(made), "a.svg"), from_json(to_json(made), "a.json")):
        assert (again.kind, again.size, len(again.numbers)) == (made.kind, made.size, 20)
        assert float((again.picture() - made.picture()).abs().max()) < 0.01


def test_published_triangles_become_a_drawing() -> None:
    generator = Shapes(count=30, size=(48, 64), mode="pillow")
    latent = torch.randn(1, 300, generator=rng())
    exact, smooth = generator.decode(latent), drawing_of(generator, latent[0]).picture()
    assert float((exact - smooth).abs().mean()) < 0.02


def test_limits_are_in_the_drawing() -> None:
    palette = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])
    generator = Shapes(count=9, size=(8, 8), limits=Limits((0.2, 0.4), palette))
    numbers = drawing_of(generator, 3 * generator.init(1, rng())[0]).numbers
    assert float(numbers[:, -1].min()) >= 0.2
    assert float(numbers[:, -1].max()) <= 0.4 + 1e-6
    assert {tuple(row) for row in numbers[:, -4:-1].tolist()} <= {(1, 0, 0), (0, 0, 1)}


def test_any_size() -> None:
    made = drawing()
    assert made.picture(7).shape == (1, 3, 7, 10)
    assert made.picture(1).shape == (1, 3, 1, 2)
    with pytest.raises(UsageError, match="12288 x 8192 is too large; give at most 8,192 pixels a side"):
        made.picture(8192)


HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.svg: not SVG"),
        ("<svg><", "a.svg: not SVG"),
        ("<html/>", "a.svg: not an SVG with a viewBox"),
        (HEAD + "</svg>", "a.svg: holds 0 shapes"),
        (
            HEAD + "<text>hello</text></svg>",
            "a.svg: holds <text>, where only polygon, ellipse, rect, path are",
        ),
        (HEAD + '<g><polygon points="1,1 2,2 3,1"/></g></svg>', "holds <g>, where only"),
        (
            HEAD + '<polygon points="1,1 2,2" fill="#000000"/></svg>',
            "a <polygon> cannot be read .2 corners where",
        ),
        (
            HEAD + '<polygon points="1,1 2,2 3,1" fill="red"/></svg>',
            "the colour 'red' is not written as #rrggbb",
        ),
        (
            HEAD + '<ellipse cx="1" cy="2" rx="1" fill="#000000"/></svg>',
            "a <ellipse> cannot be read .ry is missing",
        ),
        (HEAD + '<path d="M 1,1 C 2,2 3,3 4,4" stroke="#000000"/></svg>', "the path 'M 1,1 C 2,2 3,3 4,4'"),
        (
            HEAD + '<polygon points="1,1 2,2 3,1" fill="#000000"/>'
            '<path d="M 1,1 L 2,2" stroke="#000000" stroke-width="1"/></svg>',
            "shapes of several kinds .line, triangle.",
        ),
        (HEAD.replace("9 9", "99999 9") + "</svg>", "its viewBox is 0 0 99999 9"),
    ],
)
def test_other_svgs(text: str, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        from_svg(text, "a.svg")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 9}, "not a drawing of shapes .format 9"),
        ({"kind": "triangel"}, "did you mean 'triangle'"),
        ({"shapes": [[0.5, 0.5]]}, "its shapes do not fit its kind or canvas"),
        ({"shapes": []}, "its shapes do not fit its kind or canvas"),
        ({"height": 0}, "its shapes do not fit its kind or canvas"),
        ({"background": [0, float("nan"), 0]}, "holds a number that is not finite"),
    ],
)
def test_other_jsons(change: dict[str, object], message: str) -> None:
    content = json.loads(to_json(drawing(count=2)))
    with pytest.raises(InputFileError, match=message):
        from_json(json.dumps({**content, **change}), "a.json")


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", "nothing"])
def test_no_jsons(text: str) -> None:
    with pytest.raises(InputFileError, match="a.json: not a drawing of shapes"):
        from_json(text, "a.json")
