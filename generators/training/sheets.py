"""Sheets of pictures that show how a training goes."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..._files import atomic_file
from .face_latents import Z_DIM
from .face_set import FaceSet
from .fit import PairedModel

_COLUMNS = 16


@torch.no_grad()
def fit_rows(model: PairedModel, faces: FaceSet, seed: int = 0) -> list[Tensor]:
    """Rows of pictures (B,3,H,W) in [0,1]: drawn faces, their fit, midpoints in W, and two rows of random z."""
    device = next(model.parameters()).device
    rows = torch.arange(min(_COLUMNS, len(faces.vectors)))
    w = model.attributes(torch.from_numpy(faces.vectors[: len(rows)]).to(device))
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(2 * len(rows), Z_DIM, generator=rng).to(device)
    generator = model.generator
    codes = [w, torch.lerp(w, w.roll(1, 0), 0.5), *generator.mapping.single(z).chunk(2)]
    made = [generator.decode(code[:, None].expand(-1, generator.num_ws, -1), noise="none") for code in codes]
    return [faces.pictures(rows).to(device) / 2 + 0.5, *made]


def save_sheet(rows: list[Tensor], path: Path, zoom: int = 1) -> None:
    """Write rows of equally large pictures (B,3,H,W) in [0,1] as one PNG."""
    picture = torch.cat([torch.cat(list(row.cpu()), dim=2) for row in rows], dim=1)
    array = picture.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    image = Image.fromarray(array)
    enlarged = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    with atomic_file(path) as temporary:
        enlarged.save(temporary, format="PNG")
