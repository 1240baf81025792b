"""The types of the Python functions follow the table, and a type checker reads them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import promptbrush
import pytest
from promptbrush.editing.stubs import stub

STUB = Path(promptbrush.__file__).with_name("__init__.pyi")

USE = """
import promptbrush

promptbrush.edit("a.png", "x", steps=3, space="s").save("b.png")
for result in promptbrush.sample("x", 2, seed=1):
    result.save("c.png")
promptbrush.edit("a.png", "x", steps="many")
promptbrush.edit("a.png", "x", space="z")
promptbrush.edit("a.png", "x", stepz=3)
"""


def test_the_file_is_what_the_table_says() -> None:
    assert STUB.read_text(encoding="utf-8") == stub(), (
        "run python -m promptbrush.editing.stubs > __init__.pyi"
    )


def test_every_public_name_is_in_it() -> None:
    text = stub()
    for name in promptbrush.__all__:
        assert f" as {name}\n" in text or f"def {name}(" in text or f"{name}: " in text, name
        assert name in dir(promptbrush)
        assert getattr(promptbrush, name) is not None


def test_a_type_checker_finds_wrong_words(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "promptbrush").mkdir()
    shutil.copy(STUB, tmp_path / "promptbrush")
    (tmp_path / "use.py").write_text(USE)
    # The stub alone: what it imports is of no concern here, and takes a minute.
    words = ["--follow-imports=skip", "--ignore-missing-imports", "--config-file=", "--cache-dir=cache"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words, "promptbrush/__init__.pyi", "use.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("use.py:")]
    assert [line.split(":")[1] for line in found if ": error:" in line] == ["7", "8", "9"], done.stdout
    assert '"steps"' in found[0]
    assert "str" in found[0]
