"""What a training is: the identity in its checkpoint, by which another training is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ._base import InputFileError

LAYOUT = 1
"""Version of the checkpoints, which hold: layout, identity, done, modules, optimizers, average, extra."""
_SHOWN = 40


def identity_of(kind: str, seed: int, settings: Mapping[str, object], **facts: object) -> dict[str, str]:
    """What a training is, as a flat mapping of texts; a checkpoint is resumed only by the same training.

    Args:
        kind: of the training, such as "judge".
        settings: those that begin with the name of a stage and "_" count once the stage has begun.
        facts: data and models, these by `digest_of`.
    """
    known = {"kind": kind, "seed": seed, **facts, **settings}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in known.items()}


def digest_of(state: Mapping[str, Tensor]) -> str:
    """The first digits of the SHA-256 of some tensors and their names, in hex."""
    digest = hashlib.sha256()
    for key, value in sorted(state.items()):
        digest.update(key.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def check_identity(path: Path, state: Mapping[str, Any], identity: Mapping[str, str], mend: str) -> None:
    """Whether a checkpoint is of this training; the settings of a stage that has not begun may differ.

    Args:
        mend: what to do besides moving it away.

    Raises:
        InputFileError: it is of another training. KeyError, TypeError, ValueError: it is no checkpoint of a trainer.
    """
    if state["layout"] != LAYOUT:
        raise ValueError(f"layout {state['layout']}, not {LAYOUT}")
    kept, done = dict(state["identity"]), dict(state["done"])
    for key in dict.fromkeys(("kind", *kept, *identity)):
        if kept.get(key) == identity.get(key) or done.get(key.split("_")[0]) == 0:
            continue
        old, new = (str(each.get(key, "none"))[:_SHOWN] for each in (kept, identity))
        raise InputFileError(
            f"{path}: a checkpoint of {key} {old}, this training has {key} {new}; move it away or {mend}"
        )
