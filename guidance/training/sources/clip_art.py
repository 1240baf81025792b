"""Clip art of the Open Clip Art Library, with names from keywords, files and folders.

Titles are not used: many are those of the sheet from which a picture was cut. Keywords come in no order and with
noise; only what WordNet knows as words is kept, so that names of people and slips of the pen fall out.
"""

from __future__ import annotations

import html
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...._base import InputFileError, MissingError
from .clip_art_words import (
    BROAD,
    COLOURS,
    FOLDERS,
    FOLDERS_LEFT_OUT,
    FOREIGN_AUTHORS,
    JOINING,
    NOISE,
    SEEN,
    SHORT_WORDS,
    SPELLING,
    WORDS_LEFT_OUT,
)
from .drawings import CLIP_ART, Drawing
from .files import deb_command
from .wordnet import words

MAX_BYTES = 300_000
MAX_NAMES = 8

# The metadata is cut out by patterns: no XML parser, so no entity is ever expanded here.
_KEYWORDS = re.compile(r"<dc:subject\b[^>]*>(.*?)</dc:subject>", re.DOTALL)
_KEYWORD = re.compile(r"<rdf:li\b[^>]*>([^<]*)</rdf:li>")
_AUTHOR = re.compile(r"<dc:creator\b[^>]*>.*?<dc:title\b[^>]*>([^<]*)</dc:title>", re.DOTALL)
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class _File:
    """A picture as found: path below the root without ending, text, raw keywords and author in lower case."""

    path: str
    svg: str
    keywords: tuple[str, ...]
    author: str

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        return self.path.rpartition("/")[2]


def clip_art(data: Path) -> list[Drawing]:
    """The pictures that show something with a name, in the order of their paths; some of them may not be drawable.

    Raises:
        MissingError: the clip art or WordNet is not in `data`.
        InputFileError: a file cannot be read.
    """
    known = words(data) | set(SPELLING) | set(SPELLING.values())
    files = [each for each in _files(data) if _is_wanted(each)]
    cleaned = [[word for raw in each.keywords if (word := _keyword(raw, known))] for each in files]
    common = Counter(word for found in cleaned for word in set(found))
    named = [(each, _names(each, found, known, common)) for each, found in zip(files, cleaned, strict=True)]
    return [Drawing(each.svg, each.path, CLIP_ART, names) for each, names in named if names]


def _files(data: Path) -> Iterator[_File]:
    """Every file once: links and copies are left out, and what is too large to be a simple picture."""
    root = data / "usr" / "share" / "openclipart" / "svg"
    if not root.is_dir():
        raise MissingError(f"{root}: not there; get it with: {deb_command(data, 'openclipart-svg')}")
    seen: set[str] = set()
    for path in sorted(root.rglob("*.svg")):
        below = path.relative_to(root).with_suffix("").as_posix()
        if below.startswith(tuple(f"{folder}/" for folder in FOLDERS_LEFT_OUT)) or path.is_symlink():
            continue
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise InputFileError(f"{path}: cannot be read ({error}); mend its permissions") from error
        if len(text) <= MAX_BYTES and text not in seen:
            seen.add(text)
            yield _file(below, text)


def _file(path: str, text: str) -> _File:
    subject = _KEYWORDS.search(text)
    keywords = _KEYWORD.findall(subject.group(1)) if subject else []
    author = _AUTHOR.search(text)
    return _File(
        path,
        text,
        tuple(dict.fromkeys(_tidy(word) for word in keywords)),
        _tidy(author.group(1)) if author else "",
    )


def _tidy(text: str) -> str:
    return " ".join(html.unescape(text).lower().replace("_", " ").split())


def _is_wanted(file: _File) -> bool:
    spoken = {word for keyword in file.keywords for word in _LETTERS.findall(keyword)}
    return WORDS_LEFT_OUT.isdisjoint(spoken | set(_LETTERS.findall(file.path.lower().replace("_", " "))))


def _is_word(token: str, known: frozenset[str]) -> bool:
    """Whether it is English, in the singular or the plural."""
    if len(token) < 3:
        return token in SHORT_WORDS
    return token in known or (token.endswith("s") and len(token) > 3 and token[:-1] in known)


def _keyword(raw: str, known: frozenset[str]) -> str | None:
    """A keyword as it may be shown, or None for noise and for what is not English."""
    word = SPELLING.get(raw, raw)
    parts = word.split()
    if word in NOISE or word in COLOURS:
        return None
    if word in known:
        return word
    is_spelt = 0 < len(parts) <= 2 and all(_is_word(part, known) for part in parts)
    return word if is_spelt and NOISE.isdisjoint(parts) else None


def _names(file: _File, keywords: list[str], known: frozenset[str], common: Counter[str]) -> tuple[str, ...]:
    """Best first: the file's own name, the keywords that most pictures share, its folders, broad words.

    A frequent keyword is mostly the thing itself, a rare one a thought about it ("frog" before "quagmire").
    Broad words alone will do where they are seen, but not for what an author named in another language: those
    files lie in wrong folders too often.
    """
    is_foreign = any(author in file.author for author in FOREIGN_AUTHORS)
    stem = None if is_foreign else _stem_name(file, known)
    parts = file.folder.split("/")
    folders = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    shown = [FOLDERS[folder] for folder in folders if folder in FOLDERS]
    ranked = sorted(keywords, key=lambda word: (-common[word], word))
    narrow = [word for word in [*ranked, *shown] if word not in BROAD]
    broad = [word for word in [*shown, *ranked] if word in BROAD]
    names = tuple(dict.fromkeys([*([stem] if stem else []), *narrow, *broad]))[:MAX_NAMES]
    alone = frozenset() if is_foreign else SEEN
    return names if any(name not in BROAD or name in alone for name in names) else ()


def _stem_name(file: _File, known: frozenset[str]) -> str | None:
    """ "sleeping_cat_ron_golan_01" by Ron Golan -> "sleeping cat"; None if no English words lead it."""
    tokens = _without_author(_LETTERS.findall(_split_humps(file.stem).lower().replace("_", " ")), file.author)
    lead = list(itertools.takewhile(lambda token: token in JOINING or _is_word(token, known), tokens))
    lead = [SPELLING.get(token, token) for token in lead if token not in NOISE]
    while lead and lead[-1] in JOINING:
        lead.pop()
    while lead and lead[0] in JOINING - {"no", "two", "three"}:
        lead.pop(0)
    if len(lead) > 1 and lead[-1] in COLOURS:
        lead.insert(0, lead.pop())
    return " ".join(lead) or None


def _split_humps(name: str) -> str:
    """ "BusStop" -> "Bus Stop"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _without_author(tokens: list[str], author: str) -> list[str]:
    """The tokens before those that begin the author's name; file names are cut to a length, within a word too."""
    letters = "".join(_LETTERS.findall(author))
    for start in range(1, len(tokens)):
        rest = "".join(tokens[start:]).removesuffix("r") or tokens[start]
        if letters.startswith(rest):
            return tokens[:start]
    own = set(_LETTERS.findall(author))
    return [token for token in tokens if token not in own]
