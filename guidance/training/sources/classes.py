"""Names of the 1,000 ImageNet classes: synonyms from WordNet's synsets, and the kinds of things that they belong to.

The order of the classes comes with timm, what is a kind of what from WordNet 3.0, whose offsets ImageNet uses.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...._base import MissingError
from .wordnet import Noun, genera, read_nouns

MAX_BROADER = 5
# Share of common letters from which two names count as one: "grey whale" and "gray whale".
_SAME_SPELLING = 0.85

# Two classes have only one name, and it is the same for both; what the photographs show tells them apart.
_OWN_NAMES = {
    "n02012849": "crane bird",
    "n03126707": "construction crane",
    "n02113186": "cardigan welsh corgi",
    "n02963159": "cardigan sweater",
    "n03710637": "maillot leotard",
    "n03710721": "maillot swimsuit",
    "n04355933": "sunglass lens",
}
# Above these nothing is visible any more.
_ABSTRACT = frozenset(
    """
    entity|physical entity|abstraction|thing|object|whole|living thing|organism|causal agent|matter|substance|
    artifact|instrumentality|conveyance|commodity|consumer goods|article|creation|way|unit|part|piece|group|
    attribute|psychological feature|event|act|activity|communication|relation|natural object|geological formation|
    location|region|area|measure|shape|material|covering|system|line|surface|sheet|facility|product|
    solid|foodstuff|nutriment|instrument|means|representation|message|symbol|signal|collection|cognition|
    content|social group|body|body of water|opening|passage|passageway|obstruction|support|supporting structure|
    supporter|structure|restraint|implement|ware|decoration|padding|equipment|work|plaything|paper|web site|
    possession|property|reproductive structure|plant part|plant organ|natural phenomenon|fluid|liquid|mixture|
    computer network|fabric|sign|publication|device|mechanism
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
# Passed over: words of science, or of no picture, that stand below a visible one ("animal").
_PASSED_OVER = frozenset(
    """
    chordate|vertebrate|placental|invertebrate|arthropod|domestic animal|eutherian|aquatic vertebrate|diapsid|
    anapsid|gallinaceous bird|carnivore|soft-finned fish|spiny-finned fish|elasmobranch|cartilaginous fish|
    bony fish|teleost fish|ganoid|percoid fish|malacopterygian|cypriniform fish|odd-toed ungulate|
    even-toed ungulate|ruminant|bovid|canine|feline fur|working animal|metatherian|prototherian|mollusk genus|
    oscine|passerine|apodiform bird|piciform bird|coraciiform bird|cuculiform bird|lagomorph|leporid|
    coelenterate|cnidarian|anthozoan|hydrozoan|echinoderm|crustacean genus|decapod crustacean|homopterous insect|
    orthopterous insect|dictyopterous insect|hymenopterous insect|lepidopterous insect|dipterous insect|
    colubrid snake|saurian|agamid|iguanid|elapid|crocodilian reptile|pinniped mammal|musteline mammal|
    container|motor|equine|edentate|proboscidean|primate|plantigrade mammal|viverrine|anseriform bird|
    ratite|coraciiform|vascular plant|wheeled vehicle|self-propelled vehicle|public transport|starches|
    durables|furnishing|craft|mechanical device|protective covering|game|mercantile establishment|establishment|
    place of business|produce|white goods|course|angiosperm|archosaur|ingredient|flavorer|vessel|contestant|
    source of illumination|cutting implement|transducer|electro-acoustic transducer|acarine|chelonian|
    piece of cloth|natural elevation|communication system|electrical device|control|durable goods|bovine|
    horizontal surface
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)


@dataclass(frozen=True)
class PhotoClass:
    """One class, all names in lower case.

    Args:
        synset: WordNet's id, "n02123045".
        names: the plain main name first, then synonyms, scientific names last.
        broader: the kinds of things that it is, nearest first: ("domestic cat", "cat", "feline", ...).
        scientific: how many of the names, counted from the end, are scientific.
    """

    synset: str
    names: tuple[str, ...]
    broader: tuple[str, ...]
    scientific: int = 0

    @property
    def plain_names(self) -> tuple[str, ...]:
        """The names that are not scientific; never empty if there are names."""
        return self.names[: len(self.names) - self.scientific] or self.names[:1]


def photo_classes(data: Path) -> list[PhotoClass]:
    """All 1,000, in the order of a classifier's outputs.

    Raises:
        MissingError: WordNet is not in `data`, or timm is not installed.
        InputFileError: WordNet's file holds something else.
    """
    nouns = read_nouns(data)
    lemmas = _class_lemmas()
    shared = Counter(name.lower() for names in lemmas.values() for name in set(names))
    families = genera(nouns)
    return [_photo_class(synset, names, nouns, families, shared) for synset, names in lemmas.items()]


def held_out_names(classes: Sequence[PhotoClass]) -> dict[int, str]:
    """For each class with synonyms one of them, to keep out of training and ask for afterwards.

    It is the first that no other class has as a name or broader word, that is not just another spelling, and that
    is no part of another name of the class (the training would show it).
    """
    taken = Counter(name for each in classes for name in {*each.plain_names, *each.broader})
    found = {}
    for index, each in enumerate(classes):
        names = each.plain_names
        usable = [name for name in names[1:] if taken[name] == 1 and _is_another(name, names)]
        if usable:
            found[index] = usable[0]
    return found


def _class_lemmas() -> dict[str, list[str]]:
    """Synset id -> names as timm lists them, in the order of the classes."""
    try:
        from timm.data import ImageNetInfo
    except ModuleNotFoundError as error:
        raise MissingError(
            "the names of ImageNet's classes need timm: pip install 'promptbrush[train]'"
        ) from error
    info = ImageNetInfo()
    described = info.label_descriptions(as_dict=True)
    return {synset: _split(described[synset]) for synset in info.label_names()}


def _split(lemmas: str) -> list[str]:
    return [name for part in lemmas.split(",") if (name := " ".join(part.replace("_", " ").split()))]


def _photo_class(
    synset: str,
    lemmas: Sequence[str],
    nouns: Mapping[str, Noun],
    families: frozenset[str],
    shared: Mapping[str, int],
) -> PhotoClass:
    """Names that other classes have too come after those that are the class's own."""
    latin = [name.lower() for name in lemmas if _is_scientific(name, families)]
    plain = [name.lower() for name in lemmas if name.lower() not in latin]
    own = [_OWN_NAMES[synset]] if synset in _OWN_NAMES else []
    plain = [*own, *sorted(plain, key=lambda name: shared[name] > 1)]
    latin = latin if plain else []
    names = tuple(dict.fromkeys([*(plain or map(str.lower, lemmas)), *latin]))
    broader = tuple(word for word in _broader(synset[1:], nouns) if word not in names)
    return PhotoClass(synset, names, broader[:MAX_BROADER], len(latin))


def _is_scientific(name: str, families: frozenset[str]) -> bool:
    """ "Felis catus" but not "Egyptian cat": a genus, then words in lower case."""
    return re.match(r"[A-Z][a-z]+ [a-z]+", name) is not None and name.split()[0] in families


def _broader(offset: str, nouns: Mapping[str, Noun]) -> list[str]:
    """The first lemmas of the hypernyms, following the first of several, as long as they can be seen."""
    found: list[str] = []
    while offset in nouns and nouns[offset].hypernyms:
        offset = nouns[offset].hypernyms[0]
        if offset not in nouns or (word := nouns[offset].lemmas[0].lower()) in _ABSTRACT:
            break
        if word not in _PASSED_OVER:
            found.append(word)
    # The last one is the plainest ("animal"), so it stays when the list is cut.
    return found if len(found) <= MAX_BROADER else [*found[: MAX_BROADER - 1], found[-1]]


def _is_another(name: str, names: Sequence[str]) -> bool:
    """Whether it is more than another spelling, and no part, of the other names."""

    def bare(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text).removesuffix("s")

    def is_near(other: str) -> bool:
        return difflib.SequenceMatcher(None, bare(name), bare(other)).ratio() > _SAME_SPELLING

    others = [other for other in names if other != name]
    return not any(is_near(other) or f" {name} " in f" {other} " for other in others)
