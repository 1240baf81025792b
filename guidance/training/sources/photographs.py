"""Photographs that scikit-image and scikit-learn ship in their wheels, for looking at what CLIP sees in them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...._base import InputFileError, MissingError


@dataclass(frozen=True)
class Photograph:
    """A photograph and what it shows.

    Args:
        name: the file's name without its ending.
        image: uint8 (H,W,3), RGB.
        subject: what it shows, with an article: "a tabby cat".
        class_names: indices of the ImageNet classes that are right for it; empty if there is none.
    """

    name: str
    image: NDArray[np.uint8]
    subject: str
    class_names: tuple[int, ...] = ()


# Package and folder, file, subject, classes. Drawings, test patterns and pictures that nobody would recognise (a
# clock blurred by motion, a scrap of a retina) are left out; of the stereo pair the left half is enough.
_SHIPPED: tuple[tuple[str, str, str, tuple[int, ...]], ...] = (
    ("skimage/data", "astronaut.png", "an astronaut in an orange space suit", ()),
    ("skimage/data", "brick.png", "a brick wall", ()),
    ("skimage/data", "camera.png", "a man with a camera on a tripod", (872,)),
    ("skimage/data", "cell.png", "a cell under a microscope", ()),
    ("skimage/data", "chelsea.png", "a tabby cat", (281, 282, 285)),
    ("skimage/data", "coffee.png", "a cup of coffee", (504, 967, 968)),
    ("skimage/data", "coins.png", "ancient coins", ()),
    ("skimage/data", "grass.png", "grass", ()),
    ("skimage/data", "gravel.png", "gravel", ()),
    ("skimage/data", "hubble_deep_field.jpg", "galaxies in deep space", ()),
    ("skimage/data", "ihc.png", "stained tissue under a microscope", ()),
    ("skimage/data", "moon.png", "the surface of the moon", ()),
    ("skimage/data", "motorcycle_left.png", "a red motorcycle in a garage", (665, 670)),
    ("skimage/data", "page.png", "a page of printed text", ()),
    ("skimage/data", "retina.jpg", "the retina of an eye", ()),
    ("skimage/data", "rocket.jpg", "a rocket on a launch pad", (657, 744)),
    ("skimage/data", "text.png", "handwriting on paper", ()),
    ("sklearn/datasets/images", "china.jpg", "a chinese pagoda", (663, 698, 832)),
    ("sklearn/datasets/images", "flower.jpg", "an orange dahlia", ()),
)
_PROJECTS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def photographs() -> list[Photograph]:
    """All of them, always in the same order.

    Raises:
        MissingError: scikit-image or scikit-learn is not installed, or lacks one of the files.
        InputFileError: a file is damaged.
    """
    return [
        Photograph(Path(file).stem, _pixels(folder, file), subject, classes)
        for folder, file, subject, classes in _SHIPPED
    ]


def _pixels(folder: str, file: str) -> NDArray[np.uint8]:
    package, _, below = folder.partition("/")
    spec = find_spec(package)  # finds it without importing it
    if spec is None or spec.origin is None:
        raise MissingError(f"the photographs need {_PROJECTS[package]}: pip install 'promptbrush[train]'")
    path = Path(spec.origin).parent / below / file
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except FileNotFoundError as error:
        raise MissingError(f"{path}: not there; pip install -U {_PROJECTS[package]}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputFileError(
            f"{path}: cannot be read ({error}); install {_PROJECTS[package]} again"
        ) from error
