"""How a CLIP is trained: how long, how fast, and what counts how much."""

from __future__ import annotations

from dataclasses import dataclass

STAGES = ("learn", "harden")


@dataclass(frozen=True)
class ClipSettings:
    """AdamW with warm-up and cosine, in both stages.

    Args:
        steps, harden_steps: of the two stages.
        times: how many times the pictures that a step usually has, for devices that a small step leaves idle; the
            rates grow with its square root.
        early, early_size: the share of a stage, at its start, whose pictures are smaller, and their size in pixels,
            where the tower starts from the teacher's: words come first, details later.
        captions: share of the pictures of a step that have captions: words cost as much as pictures here.
        questions: how many of a part's questions are put in words a step, and `values` how many of their values.
        contrast_weight, question_weight: of the captions' loss and of the questions' in words (as in Yang et al. 2022,
            UniCL), in `learn` and in `harden`.
        anchor_weight: of the anchors, a free vector for every value, to which pictures and texts are drawn: both
            towers learn from them at once, where each would else wait for the other.
        teach_weight, name_weight: of what the teacher takes pictures for, and of texts that name its classes.
        first_scale: multiplies cosines at the start. A unit vector that tells twenty things at once has cosines of
            about 0.2 with each: CLIP's usual 14 leaves the smaller ones no room, and grows only slowly.
        lr, tower_lr, harden_lr: of words and anchors, of the picture tower, and of the picture tower in `harden`.
        radius: of the largest L2 ball in [-1,1] units around a picture of the whole size, of which every picture has a
            random share; it grows from a tenth to the whole over the first half of `harden`. Of any size, for the
            largest take small things (earrings, mouths) away altogether.
    """

    steps: int = 5_000
    harden_steps: int = 5_000
    times: int = 1
    early: float = 0.5
    early_size: int = 64
    captions: float = 0.6
    questions: int = 5
    values: int = 24
    names: int = 48
    contrast_weight: tuple[float, float] = (1.0, 0.5)
    question_weight: tuple[float, float] = (2.0, 3.0)
    anchor_weight: float = 3.0
    teach_weight: float = 1.0
    name_weight: float = 1.0
    first_scale: float = 40.0
    lr: float = 1e-3
    tower_lr: float = 4e-4
    harden_lr: float = 2e-4
    weight_decay: float = 0.05
    attack_steps: int = 2
    radius: float = 16.0
    text_groups: int = 4
    save_seconds: float = 180.0
