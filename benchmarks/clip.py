"""What a CLIP of the pack knows: faces, icons, styles and photographs, all unseen, in words.

    python benchmarks/clip.py --data DATA --work WORK [--clip FOLDER] [--faces 2000]

Every figure is the share of pictures (or words) whose right text is the best of those compared. DATA holds icons, clip
art and WordNet as for `promptbrush train clip`; WORK keeps what is drawn of them.

- attributes: one text for each value, in the plainest wording; `always` is what the commonest value would reach;
- held-out synonyms: the same with wordings that no training used;
- held-out pairs: faces with two values that never met in training, against texts with one of both changed;
- icons: drawings of a set that was held out for their concept, against the names of 100 concepts;
- styles: every style on photographs that no training saw, against all styles;
- photographs: against the main names of 100 ImageNet classes; synonyms: held-out names of classes against 100.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from faces import NAMES, Faces, drawn, unseen
from promptbrush.editing.training.clip_world import Sources, read_drawings, read_sources
from promptbrush.generators.training.face_captions import attribute_prompt, held_out_pairs, held_out_synonyms
from promptbrush.generators.training.faces import CHOICES, Face, resolve, sample_face
from promptbrush.guidance import load_perceptor
from promptbrush.guidance.perceptor import Perceptor
from promptbrush.guidance.training.pictures import held_out_photographs, with_article
from promptbrush.guidance.training.sources.classes import PhotoClass, held_out_names
from promptbrush.guidance.training.sources.photographs import photographs
from promptbrush.guidance.training.styles.table import STYLES, stylise
from promptbrush.guidance.training.views import composed, premultiplied
from torch import Tensor

FIRST_SEED = 26_000_000
BATCH, CANDIDATES, DRAWS = 100, 100, 20
PAIR_FACES, STYLE_SEEDS, SYNONYMS = 30, 5, 200
MINI = Path(__file__).parents[1] / "generators" / "packs" / "mini" / "clip"
GOALS = {
    **dict.fromkeys(("hair_colour", "hair_style", "skin", "background", "glasses", "hat"), 0.97),
    **dict.fromkeys(("beard", "mouth", "clothes_colour", "earrings"), 0.90),
}


def encoded(perceptor: Perceptor, images: Tensor) -> Tensor:
    """Unit features of pictures (N,3,H,W) in [0,1]."""
    return torch.cat([perceptor.encode_image(part) for part in images.split(BATCH)])


def share(found: Tensor) -> float:
    """Of true values."""
    return float(found.float().mean())


def attributes(perceptor: Perceptor, features: Tensor, faces: Faces) -> Iterator[tuple[str, float, float]]:
    """(attribute, right, always)."""
    for index, name in enumerate(NAMES):
        texts = perceptor.encode_text([attribute_prompt(name, value) for value in CHOICES[name]])
        seen = faces.visible[:, index]
        labels = faces.labels[seen, index]
        found = (features[seen] @ texts.T).argmax(dim=1)
        yield name, share(found == labels), float(labels.bincount().max() / len(labels))


def synonyms(perceptor: Perceptor, features: Tensor, faces: Faces) -> float:
    """Mean over the attributes of the share that held-out wordings name; values without any keep the plain one."""
    shares = []
    for index, name in enumerate(NAMES):
        spare = held_out_synonyms()[name]
        wordings = [
            [f"a person with {words}" for words in spare.get(value, ())] or [attribute_prompt(name, value)]
            for value in CHOICES[name]
        ]
        for turn in range(2):
            texts = perceptor.encode_text([words[turn % len(words)] for words in wordings])
            seen = faces.visible[:, index] & torch.tensor(
                [
                    label >= 0 and list(CHOICES[name])[label] in spare
                    for label in faces.labels[:, index].tolist()
                ]
            )
            if seen.any():
                shares.append(share((features[seen] @ texts.T).argmax(1) == faces.labels[seen, index]))
    return statistics.fmean(shares)


def pairs(perceptor: Perceptor, seed: int) -> float:
    """Mean over the held-out pairs."""
    rng, shares = random.Random(seed), []
    for first, second in held_out_pairs():
        faces: list[Face] = []
        while len(faces) < PAIR_FACES:
            face = sample_face(rng)
            face = replace(face, choices={**face.choices, **dict((first, second))})
            if all(resolve(face)[name] == value for name, value in (first, second)):
                faces.append(face)
        options = [(first, second)]
        options += [((first[0], value), second) for value in CHOICES[first[0]] if value != first[1]]
        options += [(first, (second[0], value)) for value in CHOICES[second[0]] if value != second[1]]
        texts = perceptor.encode_text(
            [" and ".join(attribute_prompt(*each) for each in option) for option in options]
        )
        shares.append(share((encoded(perceptor, drawn(faces).pictures) @ texts.T).argmax(1) == 0))
    return statistics.fmean(shares)


def icons(perceptor: Perceptor, sources: Sources, work: Path) -> tuple[float, int]:
    """Right share of the held-out drawings on white, and how many there are."""
    drawings, raw = read_drawings(sources.drawings, work, held_out=True)
    pictures = composed(premultiplied(raw), torch.ones(len(raw), 3, *raw.shape[1:3]))
    names = [with_article(each.names[0]) for each in drawings]
    scores = encoded(perceptor, pictures) @ perceptor.encode_text(names).T
    return statistics.fmean(among(scores, [[i] for i in range(len(names))])), len(drawings)


def among(scores: Tensor, right: Sequence[Sequence[int]], seed: int = 0) -> Iterator[float]:
    """For each row, the share of random candidate sets, one right and the others wrong, whose best is right."""
    rng = random.Random(seed)
    for row, good in zip(scores, right, strict=True):
        wrong = [column for column in range(scores.shape[1]) if column not in good]
        hits = []
        for _ in range(DRAWS):
            rivals = rng.sample(wrong, CANDIDATES - 1)
            hits.append(float(row[list(good)].max() > row[rivals].max()))
        yield statistics.fmean(hits)


def square(image: np.ndarray) -> np.ndarray:
    """The middle of a photograph."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def styles(perceptor: Perceptor) -> tuple[float, dict[str, float]]:
    """Mean over styles, and each one's share."""
    texts = perceptor.encode_text(list(STYLES))
    sources = [square(each.image) for each in held_out_photographs(photographs())]
    small = [perceptor_size(source, 128) for source in sources]
    shares = {}
    for index, name in enumerate(STYLES):
        made = [
            stylise(source, name, np.random.default_rng(seed))
            for source in small
            for seed in range(STYLE_SEEDS)
        ]
        images = torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)
        shares[name] = share((encoded(perceptor, images) @ texts.T).argmax(1) == index)
    return statistics.fmean(shares.values()), shares


def perceptor_size(image: np.ndarray, size: int) -> np.ndarray:
    """A square photograph as float32 (size,size,3) in [0,1]."""
    tensor = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    resized = torch.nn.functional.interpolate(tensor, size=(size, size), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()


def photos(perceptor: Perceptor, classes: Sequence[PhotoClass]) -> tuple[dict[str, float], float]:
    """Right share of each photograph, and that of held-out synonyms."""
    texts = perceptor.encode_text([f"a photo of {with_article(each.names[0])}" for each in classes])
    chosen = held_out_photographs(photographs())
    pictures = [
        torch.from_numpy(perceptor_size(square(each.image), 256)).permute(2, 0, 1)[None] for each in chosen
    ]
    scores = torch.cat([perceptor.encode_image(picture) for picture in pictures]) @ texts.T
    named = dict(
        zip([each.name for each in chosen], among(scores, [each.class_names for each in chosen]), strict=True)
    )
    spare = sorted(held_out_names(classes).items())
    spare = random.Random(0).sample(spare, min(SYNONYMS, len(spare)))
    words = perceptor.encode_text([f"a photo of {with_article(name)}" for _, name in spare])
    return named, statistics.fmean(among(words @ texts.T, [[index] for index, _ in spare]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", default=str(MINI))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    sources, perceptor = read_sources(arguments.data), load_perceptor(arguments.clip)
    faces = unseen(arguments.faces, arguments.first_seed)
    with torch.no_grad():
        features = encoded(perceptor, faces.pictures)
        rows = list(attributes(perceptor, features, faces))
        print(f"{'attribute':18s} {'right':>6s} {'always':>7s} {'goal':>6s}")
        for name, right, always in rows:
            print(f"{name:18s} {right:6.3f} {always:7.3f} {GOALS.get(name, ''):>6}")
        print(f"mean over {len(rows)} attributes {statistics.fmean(right for _, right, _ in rows):.3f}")
        print(f"held-out synonyms {synonyms(perceptor, features, faces):.3f} (goal 0.75)")
        print(f"held-out pairs {pairs(perceptor, arguments.first_seed):.3f} (goal 0.90)", flush=True)
        right, count = icons(perceptor, sources, arguments.work)
        print(f"icons, rank 1 of {CANDIDATES}, {count} drawings {right:.3f} (goal 0.60)")
        mean, each = styles(perceptor)
        print(f"styles, rank 1 of {len(each)} {mean:.3f} (goal 0.90)")
        print(
            "  lowest: "
            + ", ".join(f"{name} {each[name]:.2f}" for name in sorted(each, key=each.__getitem__)[:12])
        )
        named, words = photos(perceptor, sources.classes)
        print(f"photographs, rank 1 of {CANDIDATES} {statistics.fmean(named.values()):.3f} (goal 0.80)")
        print("  " + ", ".join(f"{name} {right:.2f}" for name, right in named.items()))
        print(f"held-out synonyms of classes, rank 1 of {CANDIDATES} {words:.3f} (goal 0.60)")


if __name__ == "__main__":
    sys.exit(main())
