"""What a pack knows of prompts: phrases for each value of its attributes, and the parts that each attribute changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ..._base import InputFileError
from ..._files import read_text
from ..._settings import first_problem

_MOST_BYTES = 1 << 22
_ARTICLES = frozenset(("a", "an", "the"))


class Words(BaseModel):
    """The words of a pack.

    Attributes:
        values: attribute -> value -> phrases that say so.
        parts: attribute -> the parts of a picture, as the pack's parser names them, that change with it.
        neutral: words that ask for nothing, such as "person" and "with".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    values: dict[str, dict[str, list[str]]]
    parts: dict[str, list[str]]
    neutral: list[str] = []

    def asked(self, text: str) -> dict[str, frozenset[str]]:
        """What a prompt asks for: attribute -> the values that its phrases may stand for.

        Longer phrases are found first, and their words are not read again: "no hat" asks for none.
        """
        return self._read(text)[0]

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of a prompt that are in no phrase and not neutral."""
        return self._read(text)[1]

    def _read(self, text: str) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
        words = _words(text)
        taken = [False] * len(words)
        found: dict[str, frozenset[str]] = {}
        for phrase, meant in self._by_length:
            for start in range(len(words) - len(phrase) + 1):
                span = slice(start, start + len(phrase))
                if tuple(words[span]) == phrase and not any(taken[span]):
                    taken[span] = [True] * len(phrase)
                    for attribute, values in meant.items():
                        found[attribute] = found.get(attribute, frozenset()) | values
        left = (word for word, used in zip(words, taken, strict=True) if not used)
        return found, tuple(word for word in left if word not in self.neutral)

    def parts_of(self, attributes: Iterable[str]) -> tuple[str, ...]:
        """The parts that change with any of the attributes, each once."""
        return tuple(dict.fromkeys(part for name in attributes for part in self.parts.get(name, ())))

    @cached_property
    def _by_length(self) -> list[tuple[tuple[str, ...], Mapping[str, frozenset[str]]]]:
        meant: dict[tuple[str, ...], dict[str, frozenset[str]]] = {}
        for attribute, values in self.values.items():
            for value, phrases in values.items():
                for phrase in phrases:
                    own = meant.setdefault(tuple(_words(phrase)), {})
                    own[attribute] = own.get(attribute, frozenset()) | {value}
        return sorted(meant.items(), key=lambda each: -len(each[0]))


def _words(text: str) -> list[str]:
    """The words of a text in lower case, without articles."""
    return [word for word in re.findall(r"[a-z0-9'-]+", text.lower()) if word not in _ARTICLES]


def load_words(path: Path) -> Words:
    """The words in a file.

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    text = read_text(path, _MOST_BYTES, "the words of a pack")
    try:
        return Words.model_validate_json(text)
    except ValidationError as error:
        raise InputFileError(
            f"{path}: not the words of a pack ({first_problem(error)}); get the pack again"
        ) from error
