"""The photographs of other packages' wheels."""

from __future__ import annotations

import numpy as np
import pytest
from promptbrush._base import MissingError
from promptbrush.guidance.training.sources import photographs as module
from promptbrush.guidance.training.sources.classes import photo_classes
from promptbrush.guidance.training.sources.photographs import photographs


def test_all_are_colour_pictures_with_a_subject(data):
    found = photographs()
    assert len({each.name for each in found}) == len(found) >= 15
    for each in found:
        assert each.image.dtype == np.uint8 and each.image.ndim == 3 and each.image.shape[2] == 3
        assert each.image.std() > 5 and each.subject
    classes = photo_classes(data)
    right = {each.name: [classes[i].names[0] for i in each.class_names] for each in found}
    assert right["chelsea"] == ["tabby", "tiger cat", "egyptian cat"]
    assert right["coffee"] == ["coffee mug", "espresso", "cup"]
    assert right["camera"] == ["tripod"] and right["grass"] == []


def test_a_missing_package_or_file_is_answered_with_the_command(monkeypatch):
    monkeypatch.setattr(module, "_SHIPPED", (("skimage/data", "none.png", "nothing", ()),))
    with pytest.raises(MissingError, match=r"none\.png: not there; pip install -U scikit-image"):
        photographs()
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(MissingError, match=r"need scikit-image: pip install 'promptbrush\[train\]'"):
        photographs()
