"""Drawings become whole, centred pictures, and a set of them is drawn once."""

from __future__ import annotations

import numpy as np
import pytest
from promptbrush._base import InputFileError
from promptbrush.guidance.training.sources import rendering
from promptbrush.guidance.training.sources.drawings import CLIP_ART, Drawing, draw, is_visible
from promptbrush.guidance.training.sources.rendering import drawable, rendered


def drawing(body: str, view: str = "0 0 20 10", origin: str = "noto", concept: str = "1") -> Drawing:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}">{body}</svg>'
    return Drawing(svg, concept, origin, ("thing",))


RED = '<rect width="20" height="10" fill="red"/>'
DOT = '<circle cx="5" cy="5" r="1" fill="blue"/>'


def test_a_wide_icon_is_centred_and_not_stretched():
    picture = draw(drawing(RED), 16)
    assert picture.shape == (16, 16, 4) and picture.dtype == np.uint8
    assert (picture[4:12] == [255, 0, 0, 255]).all()
    assert not picture[:4, :, 3].any() and not picture[12:, :, 3].any()


def test_clip_art_fills_the_picture_and_an_icon_keeps_its_margin():
    page = "0 0 10 10"
    small = draw(drawing(DOT, page), 32)[..., 3] > 128
    filled = draw(drawing(DOT, page, CLIP_ART), 32)[..., 3] > 128
    assert small.any(axis=0).sum() <= 7
    assert filled.any(axis=0).sum() >= 31 and filled.any(axis=1).sum() >= 31
    assert filled[16, 16] and not filled[0, 0]


def test_points_are_a_length_and_entities_are_known():
    svg = (
        '<!DOCTYPE svg [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
        '<svg xmlns="&ns_svg;" width="8pt" height="8pt"><rect width="99" height="99"/></svg>'
    )
    assert (draw(Drawing(svg, "a", CLIP_ART, ()), 8)[..., 3] == 255).all()


@pytest.mark.parametrize(
    "svg", ["", "<svg", "<html/>", "<svg xmlns='http://www.w3.org/2000/svg' width='0'/>"]
)
def test_a_broken_svg_is_one_line_with_its_name(svg):
    with pytest.raises(InputFileError, match=r"^noto 1f408: cannot be drawn \(.*\); leave it out$"):
        draw(Drawing(svg, "1f408", "noto", ()), 16)


def test_white_and_empty_pictures_are_not_visible():
    assert is_visible(draw(drawing(RED), 16))
    assert not is_visible(draw(drawing(RED.replace("red", "#fefefe")), 16))
    assert not is_visible(np.zeros((16, 16, 4), np.uint8))


def test_a_set_is_drawn_once_and_again_when_it_changes(tmp_path, monkeypatch):
    drawings = [drawing(RED), drawing(DOT)]
    first = rendered(drawings, tmp_path, "set", 16)
    assert first.shape == (2, 16, 16, 4) and (first[1] == draw(drawings[1], 16)).all()
    monkeypatch.setattr(rendering, "_at_size", lambda *_: pytest.fail("drawn again"))
    assert (rendered(drawings, tmp_path, "set", 16) == first).all()
    monkeypatch.undo()
    changed = rendered([drawings[1], drawings[0]], tmp_path, "set", 16)
    assert (changed[0] == first[1]).all()
    assert len(list(tmp_path.iterdir())) == 2


def test_several_processes_draw_what_one_draws(tmp_path):
    drawings = [drawing(f'<rect width="{i}" height="9" fill="red"/>') for i in range(1, 20)]
    many = rendered(drawings, tmp_path / "many", "set", 8, processes=2)
    assert (many == rendered(drawings, tmp_path / "one", "set", 8, processes=1)).all()


def test_drawable_drops_the_broken_the_empty_and_the_copies(tmp_path):
    good, other = drawing(RED), drawing(RED, origin="twemoji")
    broken = Drawing("<svg", "2", "noto", ("thing",))
    copy = drawing(RED.replace("red", "#ff0000"), concept="3")
    assert drawable([good, broken, drawing(""), copy, other], tmp_path, "set") == [good, other]
    assert drawable([], tmp_path, "none") == []


def test_a_damaged_cache_and_a_broken_drawing_are_told(tmp_path):
    with pytest.raises(InputFileError, match="cannot be drawn"):
        rendered([Drawing("<svg", "2", "noto", ())], tmp_path, "bad", 16)
    assert not list(tmp_path.iterdir())
    rendered([drawing(RED)], tmp_path, "set", 16)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"no")
    with pytest.raises(InputFileError, match=r"\.npy: not an array of pictures .*; delete it"):
        rendered([drawing(RED)], tmp_path, "set", 16)
    np.save(path, np.zeros((3, 3)))
    with pytest.raises(InputFileError, match="holds float64 .*; delete it"):
        rendered([drawing(RED)], tmp_path, "set", 16)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputFileError, match="cannot be written"):
        rendered([drawing(RED)], tmp_path / "file", "set", 16)
