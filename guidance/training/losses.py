"""The losses of a CLIP's training: pictures against captions, values in words, and the attack that raises them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Far below every scaled cosine, but finite.
_NEVER = -1e4


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor, keys: Sequence[str] = ()) -> Tensor:
    """Symmetric cross-entropy of normalised features (B,D): the mean over pictures and captions.

    Args:
        keys: what each pair is about, if some may be about the same: these are not each other's negatives.
    """
    logits = scale * image @ text.T
    if keys:
        index = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        about = torch.tensor([index[key] for key in keys], device=image.device)
        same = (about[:, None] == about[None]) & ~torch.eye(len(keys), dtype=torch.bool, device=image.device)
        logits = logits.masked_fill(same, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def answered(
    logits: Tensor, first: Tensor, second: Tensor, share: Tensor, unasked: Tensor | None = None
) -> Tensor:
    """Cross-entropy of pictures that lie between two answers, the mean over those that have both; 0 if none has.

    Args:
        logits: (B,V).
        first, second: int64 (B,), -1 where there is no answer.
        share: (B,) in [0,1], the weight of the second.
        unasked: bool (B,V), answers that do not count against a picture.
    """
    if unasked is not None:
        logits = logits.masked_fill(unasked, _NEVER)
    known = (first >= 0) & (second >= 0)
    if not bool(known.any()):
        return logits.sum() * 0
    chances = F.log_softmax(logits[known], dim=1)
    picked = [chances.gather(1, each[known, None])[:, 0] for each in (first, second)]
    return -torch.lerp(picked[0], picked[1], share[known]).mean()


def attacked(
    images: Tensor, loss_of: Callable[[Tensor], Tensor], start: Tensor, radius: float | Tensor, steps: int
) -> Tensor:
    """Pictures moved within an L2 ball to where the loss is higher (Madry et al. 2018).

    Args:
        images: (B,C,H,W).
        loss_of: pictures -> the loss, a scalar.
        start: the direction of the first move, in the form of `images`; its length does not count.
        radius: of the ball, in the pictures' units, or (B,1,1,1) of one for each.
        steps: of gradient ascent, three quarters of the radius each.
    """
    delta = _to_length(start, radius / 2)
    for _ in range(steps):
        delta.requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(images + delta), delta)
        moved = delta.detach() + _to_length(gradient, 0.75 * radius)
        lengths = moved.flatten(1).norm(dim=1)[:, None, None, None]
        delta = moved * (radius / lengths.clamp(min=radius))
    return images + delta


def _to_length(x: Tensor, length: float | Tensor) -> Tensor:
    norms: Tensor = x.flatten(1).norm(dim=1)
    return x * (length / norms.clamp(min=1e-12)[:, None, None, None])
