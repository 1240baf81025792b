"""The nouns of WordNet 3.0: which words go together, and what is a kind of what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...._base import InputFileError
from .files import deb_command, read_text

WORDNET = Path("usr", "share", "wordnet")


@dataclass(frozen=True)
class Noun:
    """A synset: its lemmas as WordNet writes them, with spaces, and its hypernyms' offsets."""

    lemmas: tuple[str, ...]
    hypernyms: tuple[str, ...]


def read_nouns(data: Path) -> dict[str, Noun]:
    """Eight-digit offset -> synset, from usr/share/wordnet/data.noun below `data` (format: wndb(5WN)).

    Raises:
        MissingError: the file is not there.
        InputFileError: it holds something else.
    """
    path, command = data / WORDNET / "data.noun", deb_command(data, "wordnet-base")
    nouns = {}
    for number, line in enumerate(read_text(path, command).splitlines(), 1):
        if line.startswith("  "):  # the licence
            continue
        try:
            offset, noun = _parse(line)
        except (ValueError, IndexError) as error:
            raise InputFileError(
                f"{path}:{number}: not a line of WordNet ({error}); get it again with: {command}"
            ) from error
        nouns[offset] = noun
    return nouns


def words(data: Path) -> frozenset[str]:
    """The nouns and adjectives that are written in lower case, so no person's name; "fire engine" counts as one.

    Raises:
        MissingError: a file of WordNet is not there.
        InputFileError: a file holds something else.
    """
    lemmas = {lemma for noun in read_nouns(data).values() for lemma in noun.lemmas}
    index = read_text(data / WORDNET / "index.adj", deb_command(data, "wordnet-base"))
    adjectives = {line.split(" ", 1)[0].replace("_", " ") for line in index.splitlines()}
    return frozenset({lemma for lemma in lemmas if lemma == lemma.lower()} | adjectives - {""})


def genera(nouns: dict[str, Noun]) -> frozenset[str]:
    """The names of genera, in WordNet's spelling: "Felis"."""
    lemmas = (lemma for noun in nouns.values() for lemma in noun.lemmas)
    return frozenset(match.group(1) for lemma in lemmas if (match := re.match(r"genus ([A-Z]\w+)$", lemma)))


def _parse(line: str) -> tuple[str, Noun]:
    """offset file-number "n" count{hex} (word id)* count (symbol offset kind source/target)* | gloss"""
    fields = line.split(" | ")[0].split()
    if len(fields[0]) != 8 or fields[2] != "n":
        raise ValueError(f"starts with {' '.join(fields[:3])}")
    end = 4 + 2 * int(fields[3], 16)
    lemmas = tuple(word.replace("_", " ") for word in fields[4:end:2])
    pointers = fields[end + 1 : end + 1 + 4 * int(fields[end])]
    hypernyms = [
        pointers[i + 1] for i in range(0, len(pointers), 4) if pointers[i] == "@" and pointers[i + 2] == "n"
    ]
    return fields[0], Noun(lemmas, tuple(hypernyms))
