"""Figures live in one place: the card of the embedded pack leads there and repeats none."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CARD = ROOT / "generators" / "packs" / "mini" / "README.md"


def test_the_card_links_to_the_measured_figures_and_has_no_table_of_its_own() -> None:
    card = CARD.read_text(encoding="utf-8")
    measured = card.partition("## Measured")[2].partition("\n## ")[0]
    assert "(../../../README.md#measured)" in measured
    assert not re.search(r"\d\.\d", measured)


def test_links_of_the_card_lead_to_headings_that_exist() -> None:
    for target in re.findall(r"\]\((\.\./[^)]+)\)", CARD.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        text = (CARD.parent / file).read_text(encoding="utf-8")
        headings = [
            line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line[:1] == "#"
        ]
        assert not heading or heading in headings, target
