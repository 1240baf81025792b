"""Labels are what is visible, and what is hidden does not count."""

import random

import torch
from promptbrush.generators.training.faces import CHOICES, resolve, sample_face
from promptbrush.generators.training.labels import HIDDEN, accuracy, attribute_loss, labels_of

NAMES = list(CHOICES)


def test_labels_say_what_resolve_says() -> None:
    for seed in range(50):
        face = sample_face(random.Random(seed))
        for name, label in zip(NAMES, labels_of(face), strict=True):
            values = list(CHOICES[name])
            assert (values[label] if label != HIDDEN else "none") == resolve(face)[name]


def test_hidden_values_do_not_count() -> None:
    logits = {name: torch.randn(2, len(odds)) for name, odds in CHOICES.items()}
    labels = torch.zeros(2, len(NAMES), dtype=torch.long)
    labels[1, NAMES.index("eyes")] = HIDDEN
    before = attribute_loss(logits, labels)
    logits["eyes"][1] += torch.randn(len(CHOICES["eyes"]))
    assert attribute_loss(logits, labels) == before
    logits["eyes"][0, 0] = 100
    assert accuracy(logits, labels)["eyes"] == 1.0
