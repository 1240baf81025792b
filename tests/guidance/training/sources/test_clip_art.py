"""Clip art's names must say what is seen, whatever its keywords and file names are mixed with."""

from __future__ import annotations

import shutil

import pytest
from promptbrush._base import InputFileError, MissingError
from promptbrush.guidance.training.sources.clip_art import MAX_BYTES, clip_art


def names(data):
    return {each.concept: each.names for each in clip_art(data)}


def test_names_come_from_file_keywords_and_folder_without_author_and_noise(data, art):
    art(
        "animals/mammals/housecats/sleeping_cat_ron_gol_01",
        ("", "hash(0x8a3ccf8)", "HASH", "kitten", "mucca", "animal", "clip art", "Golan", "svg"),
        "Ron Golan",
    )
    found = names(data)
    assert found == {
        "animals/mammals/housecats/sleeping_cat_ron_gol_01": ("sleeping cat", "kitten", "cat", "animal")
    }


def test_titles_are_not_names(data, art):
    art("unsorted/xyz_01", ("cat",))
    assert names(data) == {"unsorted/xyz_01": ("cat",)}


def test_the_commoner_keyword_goes_first_and_broad_ones_last(data, art):
    art("unsorted/aa1", ("animal", "balloon", "kitten"))
    art("unsorted/aa2", ("kitten",), radius=21)
    assert names(data)["unsorted/aa1"] == ("kitten", "balloon", "animal")


def test_colours_go_before_the_thing_and_spelling_is_mended(data, art):
    art("recreation/party/balloon-red-aj", ("xmas",))
    assert names(data)["recreation/party/balloon-red-aj"] == ("red balloon", "christmas")


def test_entities_in_keywords_stay_text(data, art):
    path = art("unsorted/aa1", ("fire&#95;engine",))
    bomb = '<!DOCTYPE svg [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>\n<svg '
    path.write_text(path.read_text().replace("<svg ", bomb, 1))
    assert names(data) == {"unsorted/aa1": ("fire engine",)}


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("shapes/stars/cat1", ("cat",)),
        ("computer/icons/lemon-theme/apps/cat", ("cat",)),
        ("signs_and_symbols/flags/cat", ("cat",)),
        ("recreation/games/cards/cat", ("cat",)),
        ("people/cat", ("cat", "sexy")),
        ("people/sexy_cat", ("cat",)),
        ("shapes/cat_logo", ("cat",)),
        ("shapes/cat", ("cat", "logo")),
        ("shapes/xyz", ("symbol", "shape")),
        ("unsorted/xyz", ()),
    ],
)
def test_what_shows_nothing_or_should_not_be_shown_is_left_out(data, art, name, keywords):
    art(name, keywords)
    assert names(data) == {}


def test_copies_links_and_large_files_are_left_out(data, art):
    first = art("animals/cat", ("cat",))
    shutil.copy(first, first.with_name("cat_copy.svg"))
    first.with_name("cat_link.svg").symlink_to(first)
    large = art("animals/cat_large", ("cat",), radius=22)
    large.write_text(large.read_text() + " " * MAX_BYTES)
    assert list(names(data)) == ["animals/cat"]


def test_a_foreign_authors_file_name_is_not_taken_for_english(data, art):
    art("animals/balloon_01", ("kitten",), "Architetto Francesco Rollandin")
    art("people/balloon_02", (), "Architetto Francesco Rollandin")
    assert names(data) == {"animals/balloon_01": ("kitten", "animal")}


def test_missing_clip_art_or_wordnet_is_answered_with_the_command(data, art):
    with pytest.raises(
        MissingError, match=r"svg: not there; get it with: .*apt-get download openclipart-svg"
    ):
        clip_art(data)
    art("animals/cat", ("cat",))
    (data / "usr/share/wordnet/data.noun").unlink()
    with pytest.raises(MissingError, match=r"data\.noun: not there; .*apt-get download wordnet-base"):
        clip_art(data)


def test_a_broken_line_of_wordnet_names_its_number(data, art):
    art("animals/cat", ("cat",))
    with (data / "usr/share/wordnet/data.noun").open("a") as file:
        file.write("what is this\n")
    with pytest.raises(InputFileError, match=r"data\.noun:11: not a line of WordNet"):
        clip_art(data)
