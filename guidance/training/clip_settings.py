"""How a CLIP is trained: how long, how fast, and how the losses are weighted. Nothing here imports torch."""

from __future__ import annotations

from ..._settings import Settings, setting

STAGES = ("learn", "harden")


class ClipSettings(Settings):
    """AdamW with a warm-up and a cosine, in both stages."""

    steps: int = setting(5_000, "steps in which pictures and words are learnt", ge=1)
    harden_steps: int = setting(
        5_000, "steps on attacked pictures; these need the generator that 'train stylegan2' made", ge=0
    )
    # For devices that a small step leaves idle.
    times: int = setting(
        1, "multiplies the pictures of a step; learning rates grow with its square root", ge=1
    )
    # Words come first, details later.
    early: float = setting(
        0.5,
        "fraction of a stage, at its start, that sees smaller pictures, where the tower is pretrained",
        ge=0,
        le=1,
    )
    early_size: int = setting(64, "side of the smaller pictures, in pixels", ge=32)
    # Words cost as much as pictures here.
    captions: float = setting(0.6, "fraction of the pictures of a step that have captions", gt=0, le=1)
    questions: int = setting(5, "questions per kind of picture that are put in words in a step", ge=1)
    values: int = setting(24, "answers per question that are put in words in a step", ge=1)
    names: int = setting(48, "names of photographs' classes in a step", ge=0)
    contrast_weight: tuple[float, float] = setting((1.0, 0.5), "weight of captions, in each stage")
    # As in Yang et al. 2022, UniCL.
    question_weight: tuple[float, float] = setting((2.0, 3.0), "weight of questions in words, in each stage")
    # Both towers learn from them at once, where each would else wait for the other.
    anchor_weight: float = setting(
        3.0, "weight of the anchors, one free vector per answer, that pictures and texts are drawn to", ge=0
    )
    teach_weight: float = setting(1.0, "weight of what the teacher takes pictures for", ge=0)
    name_weight: float = setting(1.0, "weight of texts that name the teacher's classes", ge=0)
    # A unit vector that tells twenty things at once has cosines of about 0.2 with each: CLIP's usual 14 leaves the
    # smaller ones no room, and grows only slowly.
    first_scale: float = setting(40.0, "factor of the similarities at the start", gt=0, le=100)
    lr: float = setting(1e-3, "learning rate of words and anchors", gt=0, le=1)
    tower_lr: float = setting(4e-4, "learning rate of the picture tower", gt=0, le=1)
    harden_lr: float = setting(2e-4, "learning rate of the picture tower on attacked pictures", gt=0, le=1)
    weight_decay: float = setting(0.05, "weight decay of AdamW", ge=0)
    attack_steps: int = setting(2, "steps of each attack", ge=0)
    # Of any length up to it, for the longest take small things (earrings, mouths) away altogether; it grows from a
    # tenth to the whole over the first half of the stage.
    radius: float = setting(
        16.0, "largest L2 length of an attack on a picture of full size, in [-1,1] units", ge=0
    )
    text_groups: int = setting(4, "groups of similar length that texts are encoded in", ge=1)
