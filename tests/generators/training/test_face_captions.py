"""Captions of faces: true, varied, short, and without the words and pairs that are held out."""

import random
import re
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from open_clip.tokenizer import SimpleTokenizer
from promptbrush._base import UsageError
from promptbrush.generators.training.face_additions import ADDED, added_words
from promptbrush.generators.training.face_captions import (
    SYNONYMS,
    attribute_prompt,
    caption,
    held_out_additions,
    held_out_pairs,
    held_out_synonyms,
    is_held_out,
    named_prompt,
)
from promptbrush.generators.training.face_modes import (
    ABSENT,
    ADJECTIVES,
    COMPARATIVES,
    GENERAL,
    PARTS,
    STATES,
)
from promptbrush.generators.training.face_words import COLOURS
from promptbrush.generators.training.faces import CHOICES, CONTINUOUS, Face, resolve, sample_face
from promptbrush.guidance.training.bpe import train_bpe, write_merges

PLAIN = {
    **{name: next(iter(values)) for name, values in CHOICES.items()},
    **{"hair_length": "short", "beard": "none", "glasses": "none", "hat": "none", "earrings": "none"},
}
NEGATIONS = ("without", "no ", "not ", "remove ", "take off ", "get rid ")
LONG_HAIR = set(CHOICES["hair_length"]) - {"short"}


def face(**choices):
    return Face({**PLAIN, **choices}, dict.fromkeys(CONTINUOUS, 0.0))


def faces(count, seed=0):
    rng = random.Random(seed)
    return [sample_face(rng) for _ in range(count)]


@pytest.fixture(scope="module")
def captioned():
    """What ten thousand faces show, and a caption of each."""
    rng = random.Random(0)
    return [(resolve(one), caption(one, rng)) for one in faces(10_000)]


def held_out():
    return {w for values in held_out_synonyms().values() for words in values.values() for w in words}


def _pattern(phrases):
    longest_first = sorted(map(re.escape, phrases), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(longest_first)})(?![\w-])")


def _says(text, phrase):
    return _pattern([phrase]).search(text) is not None


def _states():
    for (attribute, value), words in STATES.items():
        part = re.sub("^a ", "", PARTS[attribute])
        for word in words:
            for joint in (" that is ", " that are ", " is ", " are ", ": ", " "):
                yield attribute, value, f"{part}{joint}{word}"


@cache
def wordings():
    """What each wording of the tables may be said of: {wording: {attribute: values}}."""
    meant = defaultdict(lambda: defaultdict(set))
    for attribute, values in SYNONYMS.items():
        for value, words in values.items():
            for word in words:
                meant[word][attribute].add(value)
    for table in (ADJECTIVES, COMPARATIVES, GENERAL):
        for (attribute, value), words in table.items():
            for word in words:
                meant[word][attribute].add(value)
    for attribute, value, word in _states():
        meant[word][attribute].add(value)
    return {word: dict(kinds) for word, kinds in meant.items()}


def test_every_value_has_words():
    for name, odds in CHOICES.items():
        assert SYNONYMS[name].keys() == odds.keys()
        assert all(len(set(words)) == len(words) >= 6 for words in SYNONYMS[name].values())


@pytest.mark.parametrize("table", [ADJECTIVES, STATES, COMPARATIVES, GENERAL])
def test_every_other_way_to_say_something_is_of_a_value(table):
    assert all(value in CHOICES[attribute] for attribute, value in table)


def test_training_captions_avoid_held_out_words_and_test_captions_use_them():
    held, rng = held_out(), random.Random(0)
    assert len(held) == 2 * sum(len(values) for values in SYNONYMS.values())
    drawn, pattern = faces(3000), _pattern(held)
    everything = " / ".join(caption(one, rng) for one in drawn for _ in range(5))
    asked = " / ".join(attribute_prompt(a, v, rng) for a in CHOICES for v in CHOICES[a] for _ in range(50))
    assert pattern.findall(everything + " / " + asked) == []
    for one in drawn[:200]:
        text = caption(one, rng, held_out=True)
        assert pattern.search(text), text


def test_held_out_wordings_are_made_of_words_that_training_has(captioned):
    known = set(re.findall(r"\w+", " ".join(text for _, text in captioned)))
    assert {word for phrase in held_out() for word in re.findall(r"\w+", phrase)} - known == set()


def test_captions_name_every_attribute_often(captioned):
    texts = [text for _, text in captioned]
    for attribute in CHOICES:
        words = {word for word, kinds in wordings().items() if attribute in kinds}
        pattern = _pattern(words | set(ABSENT.get(attribute, ())))
        assert np.mean([pattern.search(text) is not None for text in texts]) > 0.08, attribute


def test_captions_are_short_and_seldom_the_same(captioned):
    texts = [text for _, text in captioned]
    assert len(set(texts)) > 0.8 * len(texts)
    words = np.array([len(text.split()) for text in texts])
    assert np.mean(words) > 8 and np.percentile(words, 99) <= 32


def test_captions_fit_into_forty_tokens(captioned, tmp_path):
    texts = [text for _, text in captioned]
    write_merges(train_bpe(texts, 4096), tmp_path / "bpe.txt.gz")
    tokenizer = SimpleTokenizer(bpe_path=str(tmp_path / "bpe.txt.gz"), context_length=40)
    lengths = [len(tokenizer.encode(text)) + 2 for text in texts]
    assert np.percentile(lengths, 99) <= 36
    assert np.mean(np.array(lengths) <= 40) > 0.998


def _true(wording, shown, text):
    """Whether a wording of the tables may be said of a face; a thing that is denied may be absent."""
    kinds = wordings()[wording]
    denied = any(word in text for word in NEGATIONS)
    return any(
        shown[attribute] in values
        or (denied and wording in ABSENT.get(attribute, ()) and shown[attribute] in ("none", "no"))
        for attribute, values in kinds.items()
    )


@pytest.mark.parametrize("held", [False, True])
def test_every_wording_in_a_caption_is_true_of_the_face(held):
    shades = {
        shade for words in COLOURS.values() for kinds in words.values() for shade in " ".join(kinds).split()
    }
    rng, pattern = random.Random(1), _pattern(set(wordings()) - shades)
    told = 0
    for one in faces(4000, seed=1):
        text, shown = caption(one, rng, held).replace("top hat", "hat"), resolve(one)  # no "black top"
        for wording in pattern.findall(text):
            told += 1
            assert _true(wording, shown, text), (text, wording, shown)
    assert told > 4000


@pytest.mark.parametrize(
    ("word", "name", "values"),
    [
        ("sunglasses", "glasses", {"sunglasses"}),
        ("without glasses", "glasses", {"none"}),
        ("moustache", "beard", {"moustache"}),
        ("clean-shaven", "beard", {"none"}),
        ("bald", "hair_style", {"bald"}),
        ("pink hair", "hair_colour", {"pink"}),
        ("pink-haired", "hair_colour", {"pink"}),
        ("a smiling", "mouth", {"smile"}),
        ("wider smile", "mouth", {"laugh"}),
        ("crown", "hat", {"crown"}),
        ("no hat", "hat", {"none"}),
        ("hatless", "hat", {"none"}),
        ("braids", "hair_length", {"braids"}),
        ("longer hair", "hair_length", {"shoulder-length", "long straight", "long wavy"}),
        ("shorter hair", "hair_length", {"short", "none"}),
        ("bigger beard", "beard", {"full beard", "long beard"}),
        ("darker skin", "skin", {"brown", "dark"}),
        ("lighter skin", "skin", {"light"}),
        ("winking", "eyes", {"winking"}),
        ("two earrings", "earrings", {"hoop", "stud"}),
        ("one raised eyebrow", "eyebrows", {"raised"}),
        ("striped", "background", {"stripes"}),
        ("old", "age", {"old"}),
        ("older", "age", {"old"}),
        ("man", "beard", set(CHOICES["beard"]) - {"none"}),
        ("woman", "beard", {"none"}),
        ("woman", "hair_length", LONG_HAIR),
        (
            "short hair",
            "hair_style",
            {*CHOICES["hair_style"], "none"} - {"bald", "afro", "bob", "bun", "mohawk"},
        ),
    ],
)
def test_captions_are_true(captioned, word, name, values):
    said = [shown[name] for shown, text in captioned if _says(text, word)]
    assert len(said) > 3
    assert set(said) <= values


def test_held_out_pairs():
    for (a, x), (b, y) in held_out_pairs():
        shown = {"hair_style": "fringe"} if "hair_length" in (a, b) else {}
        assert is_held_out(face(**{**shown, a: x, b: y}))
    assert not is_held_out(face())
    assert not is_held_out(face(hair_style="bald", hair_colour="green", glasses="sunglasses"))


def test_captions_can_keep_held_out_pairs_apart():
    """Of a face that shows a pair, they name the one value or the other."""
    one, rng = face(hair_style="fringe", hair_colour="green", glasses="sunglasses"), random.Random(0)
    green, dark = (
        _pattern([*SYNONYMS[a][x], x]) for a, x in (("hair_colour", "green"), ("glasses", "sunglasses"))
    )

    def named(apart):
        texts = [caption(one, rng, apart=apart).lower() for _ in range(2000)]
        return [sum(bool(p.search(text)) for text in texts) for p in (green, dark)] + [
            sum(bool(green.search(text) and dark.search(text)) for text in texts)
        ]

    both, never = named(apart=False), named(apart=True)
    assert both[2] > 20 and never[2] == 0
    assert min(never[:2]) > 100


def test_prompts_name_values_by_words_of_their_own():
    rng = random.Random(0)
    for attribute, value, shared in (
        ("glasses", "round glasses", r"\b(with|wearing|wears) glasses( |$)(?!with)"),
        ("mouth", "laugh", "happy expression"),
        ("beard", "full beard", r"\b(a|big) beard"),
    ):
        texts = [named_prompt({attribute: value}, rng) for _ in range(300)]
        assert len(set(texts)) > 50
        assert [text for text in texts if re.search(shared, text)] == []


def test_attribute_prompts():
    assert attribute_prompt("hair_colour", "pink") == "a person with pink hair"
    assert attribute_prompt("glasses", "none") == "a face without glasses"
    assert attribute_prompt("glasses", "sunglasses") == "a person wearing sunglasses"
    assert attribute_prompt("background_colour", "orange") == "a person on an orange background"
    with pytest.raises(UsageError, match="no hat 'turban'"):
        attribute_prompt("hat", "turban")


def test_attribute_prompts_are_as_varied_as_captions():
    rng = random.Random(0)
    for attribute, odds in CHOICES.items():
        for value in odds:
            texts = {attribute_prompt(attribute, value, rng) for _ in range(100)}
            assert len(texts) > 60, (attribute, value)
            assert all(texts)


def test_added_values_are_named_in_their_own_words():
    rng = random.Random(0)
    plain = {**PLAIN, "hair_style": "fringe", "glasses": "round glasses", "earrings": "stud"}
    held = {text for each in held_out_additions().values() for words in each.values() for text in words}
    for attribute, values in ADDED.items():
        for value in values:
            words = added_words()[attribute][value]
            assert len(set(words)) == len(words) >= 6
            one = Face(plain, dict.fromkeys(CONTINUOUS, 0.0), {attribute: value})
            texts = " / ".join(caption(one, rng) for _ in range(250))
            assert _pattern(words[:-2]).search(texts), (attribute, value)
            assert _pattern(held).findall(texts) == []
            asked = " / ".join(caption(one, rng, held_out=True) for _ in range(250))
            assert _pattern(words[-2:]).search(asked), (attribute, value)


def test_no_added_wording_is_said_of_another_value():
    for attribute, values in added_words().items():
        for value, words in values.items():
            for word in words:
                others = wordings().get(word, {})
                assert not {name for name in others if name != attribute}, (value, word)
