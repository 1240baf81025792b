"""What every package shares: tables of names, also those that other packages bring along."""

from __future__ import annotations

from pathlib import Path

import pytest
from promptbrush._base import Entry, MissingError, NameTable, UsageError

GROUP = "promptbrush.tests"
PLUGIN = """
[promptbrush.tests]
brush = fake_plugin:Brush
own = fake_plugin:Brush
absent = fake_nowhere:Brush
nameless = fake_plugin:Pencil
crooked = fake plugin!
throws = fake_throwing:Brush
wrong = fake_wrong:Brush
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NameTable:
    """A table that a package which is installed in a folder of its own adds to."""
    info = tmp_path / "fake_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(PLUGIN)
    (tmp_path / "fake_plugin.py").write_text("class Brush: pass\n")
    (tmp_path / "fake_throwing.py").write_text("raise RuntimeError('no\\nluck')\n")
    (tmp_path / "fake_wrong.py").write_text("def (:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return NameTable("brush", {"own": Entry("._base:Entry")}, GROUP)


def test_names_of_other_packages_are_listed_and_loaded(table: NameTable) -> None:
    assert table.names() == ["absent", "brush", "crooked", "nameless", "own", "throws", "wrong"]
    assert table.load("brush").__module__ == "fake_plugin"
    # Nobody takes the place of what is built in.
    assert table.load("own") is Entry


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "No module named 'fake_nowhere'"),
        ("nameless", "has no attribute 'Pencil'"),
        ("crooked", ""),
        ("throws", "no luck"),
        ("wrong", "invalid syntax"),
    ],
)
def test_a_broken_package_is_told_in_one_line(table: NameTable, name: str, why: str) -> None:
    with pytest.raises(
        MissingError, match=rf"^brush '{name}' of the package fake-package cannot .*{why}"
    ) as told:
        table.load(name)
    assert "\n" not in str(told.value)
    assert str(told.value).endswith("; install that package again, or remove it")


def test_unknown_names_are_told_with_the_closest(table: NameTable) -> None:
    with pytest.raises(
        UsageError, match=r"no brush is called 'brusch' \(did you mean 'brush'\?\); known: absent"
    ):
        table.load("brusch")


def test_an_extra_that_is_not_installed_is_told_with_its_command() -> None:
    table = NameTable("brush", {"far": Entry("fake_far_away:Brush", "video")})
    with pytest.raises(
        MissingError, match=r"brush 'far' needs fake_far_away, .*: pip install 'promptbrush\[video\]'"
    ):
        table.load("far")
