"""The phrases of a prompt, each as a prompt of its own.

A text tower sees a sentence as a whole: of "an orange top and a yellow background" it hardly knows which is which, and
what it never saw together it takes for something else. Guided by each phrase alone as well, a picture shows them all
(Liu et al. 2022; noun phrases, Feng et al. 2023).
"""

from __future__ import annotations

import re

_LEADS = (
    *("who has", "who wears", "who is", "that has", "that is", "having", "wearing", "holding", "dressed in"),
    *("with", "without", "in front of", "against"),
)
_LEAD = "|".join(_LEADS)
_ARTICLES = ("a", "an", "the", "no", "some", "two")
# What a sentence may begin with before it says what it is of: "on a blue background, a face with ...".
_FIRST = re.compile(rf"(?:{_LEAD}|on|in|at)\s", re.IGNORECASE)
_CUT = re.compile(rf"\s*(,)\s*(?:(and)\s+)?|\s+(and)\s+|\s+(?=(?:{_LEAD})\s)", re.IGNORECASE)


def phrases_of(text: str) -> list[str]:
    """What a prompt names, one by one, each with what it is of.

    Returns:
        "a man with a hat and green eyes" gives "a man with a hat" and "a man with green eyes"; the text alone where
        there is but one phrase, or none that can be told.
    """
    before, rest = _turned(" ".join(text.split()).strip(" ,"))
    subject, found, lead = "", list(before), ""
    for mark, piece in _pieces(rest):
        told = re.match(rf"({_LEAD})\s+(.*)", piece, re.IGNORECASE)
        if not subject:
            subject = piece
        elif told:
            lead = told[1]
            found.append((f" {lead} ", told[2]))
        elif mark == "and" and found and _is_apart(found[-1][1], piece):
            found.append((f" {lead} " if lead else " with ", piece))
        elif mark == ",":
            found.append((", ", piece))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {mark} {piece}")
        else:
            subject = f"{subject} {mark} {piece}"
    return [f"{subject}{joint}{phrase}" for joint, phrase in found] if len(found) > 1 else [text]


def _turned(text: str) -> tuple[list[tuple[str, str]], str]:
    """Phrases before the subject, and the rest."""
    first, comma, rest = text.partition(",")
    return ([(" ", first)], rest.strip()) if comma and rest.strip() and _FIRST.match(first) else ([], text)


def _pieces(text: str) -> list[tuple[str, str]]:
    """What stands before each piece ("", "and" or ","), and the piece."""
    found, at, mark = [], 0, ""
    for cut in _CUT.finditer(text):
        if piece := text[at : cut.start()]:
            found.append((mark, piece))
        at, mark = cut.end(), (cut[2] or cut[3] or cut[1] or "").lower()
    return [*found, (mark, text[at:])]


def _is_apart(before: str, after: str) -> bool:
    """Whether "and" joins two things: not in "black and white clothes"."""
    return len(before.split()) > 1 or after.split()[0].lower() in _ARTICLES
