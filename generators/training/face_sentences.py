"""Sentences from phrases about a face: frames, orders and joints as people vary them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .face_words import Words, with_article

# How a phrase joins a sentence. "bare" is a noun phrase of something absent, "unworn" something not worn, "state" a
# part and what it is like.
Form = Literal["adjective", "with", "bare", "wearing", "in", "without", "unworn", "on", "state", "whose"]

_JOINTS: dict[str, Words] = {
    "with": ("with", "with", "with", "with", "who has", "having"),
    "bare": ("with", "with", "with", "who has"),
    "wearing": ("wearing", "wearing", "wearing", "with", "who wears"),
    "in": ("in",),
    "without": ("without", "without", "with no"),
    "unworn": ("without", "without", "not wearing", "with no"),
    "on": ("on", "on", "on", "against", "in front of"),
    "whose": ("whose",),
}
_VERBS: dict[str, Words] = {
    "with": ("has",),
    "bare": ("has",),
    "wearing": ("wears", "is wearing"),
    "in": ("wears", "is dressed in"),
    "without": ("has no", "does not have"),
    "unworn": ("does not wear", "is not wearing", "has no"),
    "on": ("is on", "is shown on", "is seen against"),
    "adjective": ("is",),
}
_ORDERS: dict[str, Words] = {  # what a picture is asked to become, and other short forms, of one phrase
    "with": ("give them {}", "give the person {}", "with {}", "now with {}", "has {}", "and {}"),
    "bare": ("with {}", "now with {}", "has {}"),
    "wearing": ("add {}", "put on {}", "wearing {}", "give them {}", "with {}", "wear {}", "now wearing {}"),
    "in": ("dressed in {}", "put on {}", "wearing {}", "in {}"),
    "without": ("no {}", "without {}", "remove the {}", "with no {}", "get rid of the {}"),
    "unworn": ("no {}", "without {}", "remove the {}", "not wearing {}", "take off the {}"),
    "on": ("on {}", "against {}", "with {}", "put them on {}", "in front of {}"),
    "adjective": ("make them {}", "make the person {}", "now {}", "{} person", "{} face", "looking {}"),
}
_STATE_ORDERS: Words = (
    "{part}: {state}",
    "the {part} {verb} {state}",
    "their {part} {verb} {state}",
    "{part} that {verb} {state}",
    "{part} {state}",
    "make the {part} {state}",
    "make their {part} {state}",
)
_FRAMES: Words = (
    *("", "", "", "", "", ""),
    *("a portrait of ", "a picture of ", "a drawing of ", "an image of ", "a sketch of ", "a photo of "),
    *("a cartoon of ", "an illustration of ", "a close-up of ", "this is ", "here is ", "an avatar of "),
)
_SUBJECTS: Words = ("the person", "this person", "the character", "the cartoon character", "someone")


@dataclass(frozen=True)
class Phrase:
    """One thing that is true of a face, and how it joins a sentence.

    `about` is the attribute, or the topic where several are said together. For a state, `part` is what it is of.
    """

    text: str
    form: Form
    about: str
    part: str = ""


def _bare(noun: str) -> str:
    return noun.removeprefix("an ").removeprefix("a ").removeprefix("any ")


def _verb(part: str) -> str:
    return "are" if part.endswith("s") else "is"


def _about_part(phrase: Phrase, form_of: Callable[[str, str], Form], rng: random.Random) -> Phrase:
    """A state as a clause: "hair that is pink", or "whose hair is pink"."""
    part = _bare(phrase.part)
    if phrase.form != "state":
        return phrase
    form = form_of(phrase.about, phrase.part)
    if form == "with" and rng.random() < 0.5:
        return replace(phrase, text=f"{part} {_verb(part)} {phrase.text}", form="whose")
    return replace(phrase, text=f"{phrase.part} that {_verb(part)} {phrase.text}", form=form)


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _by_form(phrases: Sequence[Phrase]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for phrase in phrases:
        groups.setdefault(phrase.form, []).append(phrase.text)
    return groups


def _joined(form: str, texts: list[str], joints: Sequence[str], rng: random.Random) -> str:
    joint = rng.choice(joints)
    if joint.endswith(" no"):
        texts = [_bare(text) for text in texts]
    negative = form in ("without", "unworn")
    return f"{joint} {_listed(texts, 'or' if negative else 'and')}"


def _segments(groups: Mapping[str, list[str]], rng: random.Random) -> list[str]:
    """What is attached to the noun, in any order, and no joint twice."""
    segments: list[str] = []
    for form in rng.sample(list(groups), len(groups)):
        fresh = [j for j in _JOINTS[form] if not any(s.startswith(f"{j} ") for s in segments)]
        segments.append(_joined(form, groups[form], fresh or _JOINTS[form], rng))
    return segments


def _who(adjectives: Sequence[str], said: str, nouns: Words, rng: random.Random) -> str:
    """The noun and what stands before it; a person where a face would have a face, a head or a "who"."""
    if not adjectives and rng.random() < 0.08:
        return "someone"
    before = rng.choice((", ", " ")).join(adjectives)
    noun = rng.choice(nouns)
    if any(word in f"{before} {said}" for word in ("face", "head", "who ")):
        noun = noun.replace("face", "person")
    return f"a {before} {noun}" if before else f"a {noun}"


def _framed(body: str, rng: random.Random) -> str:
    frame = rng.choice(_FRAMES)
    return body if "cartoon" in frame and "cartoon" in body else frame + body


def described(phrases: Sequence[Phrase], nouns: Words, rng: random.Random) -> str:
    """A noun with everything attached to it, the parts in any order but the background mostly last."""
    groups = _by_form(phrases)
    adjectives, backdrop = groups.pop("adjective", []), groups.pop("on", [])
    segments = _segments(groups, rng)
    behind = _joined("on", backdrop, _JOINTS["on"], rng) if backdrop else ""
    first = bool(behind) and rng.random() < 0.12
    if behind and not first:
        segments.append(behind)
    who = _who(adjectives, " ".join(segments), nouns, rng)
    body = rng.choice((", ", " ", " ")).join([who, *segments])
    return with_article(f"{behind}, {body}" if first else _framed(body, rng))


def stated(phrases: Sequence[Phrase], rng: random.Random) -> str:
    """A whole sentence: "the person has pink hair and wears glasses"."""
    groups = list(_by_form(phrases).items())
    rng.shuffle(groups)
    return with_article(
        f"{rng.choice(_SUBJECTS)} {_listed([_joined(form, texts, _VERBS[form], rng) for form, texts in groups])}"
    )


def listed(phrases: Sequence[Phrase], rng: random.Random) -> str:
    """Bare words between commas."""
    texts = []
    for phrase in phrases:
        part = _bare(phrase.part)
        if phrase.form == "state":
            texts.append(f"{part}: {phrase.text}" if rng.random() < 0.5 else f"{part} {phrase.text}")
        elif phrase.form in ("without", "unworn"):
            texts.append(f"no {_bare(phrase.text)}" if rng.random() < 0.5 else f"without {phrase.text}")
        else:
            texts.append(phrase.text)
    return ", ".join(texts)


def ordered(phrase: Phrase, rng: random.Random) -> str:
    """One phrase as somebody asks for it: "add glasses", "make the hair pink"."""
    if phrase.form == "state":
        part = _bare(phrase.part)
        text = rng.choice(_STATE_ORDERS).format(part=part, state=phrase.text, verb=_verb(part))
        return text.replace("make the", "put the") if phrase.text.startswith("in ") else text
    template = rng.choice(_ORDERS[phrase.form])
    bare = template.startswith(("no ", "with no ")) or " the {}" in template
    return with_article(template.format(_bare(phrase.text) if bare else phrase.text))


def sentence(
    phrases: Sequence[Phrase], nouns: Words, form_of: Callable[[str, str], Form], rng: random.Random
) -> str:
    """Any of the above; `form_of` says how a noun phrase about an attribute joins."""
    roll = rng.random()
    if len(phrases) == 1 and roll < 0.3:
        return ordered(phrases[0], rng)
    if roll < (0.4 if len(phrases) == 1 else 0.12):
        return listed(phrases, rng)
    clauses = [_about_part(phrase, form_of, rng) for phrase in phrases]
    if roll > 0.9 and all(phrase.form in _VERBS for phrase in clauses):
        return stated(clauses, rng)
    return described(clauses, nouns, rng)
