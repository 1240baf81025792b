"""Pictures in files: any picture in as sRGB floats, PNG, JPEG and WebP out, whole or not at all."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .._base import DECODER_ERRORS, InputFileError, OutOfMemoryError, UsageError
from .._files import atomic_file, input_file, memory_ran_out, prepare_folder, reason
from .._settings import InMemory
from . import metadata as meta
from .framing import Placement, letterbox, paste_back, strip
from .latents import load_latent, save_latent

__all__ = [
    "Picture",
    "Placement",
    "letterbox",
    "load_latent",
    "paste_back",
    "prepare_folder",
    "read_picture",
    "save_latent",
    "strip",
    "write_picture",
    "write_png",
]

# Pillow opens much more; EPS, for one, would run Ghostscript on the file.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "JPEG2000", "TGA", "ICO")
_MAX_ASPECT = 100


@dataclass(frozen=True)
class Picture:
    """A picture as it was read.

    Attributes:
        path: the file, or None for a picture that came from elsewhere.
        image: (1,3,H,W) float32 in [0,1], sRGB, turned upright. Where the file is partly transparent the colours
            are the file's own (not multiplied by alpha); where it is fully transparent, white.
        alpha: (1,1,H,W) in [0,1], to be put back on saving; None if every pixel is opaque.
        frames: how many the file holds; the first is in `image`.
        notes: one-line remarks for the user, e.g. "animated: first of 12 frames used".
    """

    path: Path | None
    image: torch.Tensor
    alpha: torch.Tensor | None = None
    frames: int = 1
    notes: tuple[str, ...] = ()


def read_picture(path: str | Path, max_pixels: int = 100_000_000) -> Picture:
    """Read a picture of any common kind, colour mode, bit depth and profile.

    Args:
        path: the file.
        max_pixels: larger pictures are refused from their header, before any memory is taken.

    Raises:
        InputFileError: missing, empty, broken, not a picture, larger than `max_pixels`, or longer than 100:1.
        OutOfMemoryError: there is not enough memory for its pixels.
    """
    path = input_file(path)
    with warnings.catch_warnings():
        # The limit on pixels is ours; Pillow's warnings (also on odd EXIF) would only frighten.
        warnings.simplefilter("ignore")
        with _open(path, max_pixels) as opened:
            return _decode(path, opened)


def load_image(path: str | Path) -> torch.Tensor:
    """The picture of an image prompt, (1,3,H,W) in [0,1]; as `read_picture`."""
    return read_picture(path).image


def _open(path: Path, max_pixels: int) -> Image.Image:
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    try:
        opened = Image.open(path, formats=formats)
    except Image.DecompressionBombError as error:
        pixels = next((word for word in str(error).replace("(", " ").split() if word.isdigit()), "too many")
        raise InputFileError(_too_large(path, f"{pixels} pixels", max_pixels)) from error
    except UnidentifiedImageError as error:
        raise InputFileError(
            f"{path}: unsupported image format, or the file is cut off at the start; "
            f"supported: {', '.join(formats)}; convert it to PNG"
        ) from error
    except DECODER_ERRORS as error:
        raise InputFileError(_broken(path, error)) from error
    _check_size(path, opened, max_pixels)
    return opened


def _check_size(path: Path, opened: Image.Image, max_pixels: int) -> None:
    width, height = opened.size
    if width * height > max_pixels:
        opened.close()
        raise InputFileError(_too_large(path, f"{width}x{height} pixels", max_pixels))
    if max(width, height) > _MAX_ASPECT * min(width, height):
        opened.close()
        raise InputFileError(
            f"{path}: {width}x{height} is too long and thin (the limit is {_MAX_ASPECT}:1); crop it"
        )


def _too_large(path: Path, found: str, max_pixels: int) -> str:
    return f"{path}: {found} are more than the limit of {max_pixels}; make the picture smaller first"


def _broken(path: Path, error: BaseException) -> str:
    return f"{path}: the picture is cut off or damaged ({reason(error)[:120]}); copy or download it again"


def _decode(path: Path, opened: Image.Image) -> Picture:
    try:
        frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
        deep = opened.mode.startswith(("I", "F"))
        notes = _frame_note(frames) + _depth_note(opened)
        opened.load()
        upright, turn_note = _upright(opened)
        rgb, alpha, colour_note = _grey_floats(upright) if deep else _colours(upright)
    except (MemoryError, *DECODER_ERRORS) as error:
        if memory_ran_out(error):  # a picture was measured before
            width, height = opened.size
            raise OutOfMemoryError(
                f"{path}: memory ran out while its {width}x{height} pixels were read; make the picture smaller first, "
                "or close other programs"
            ) from error
        raise InputFileError(_broken(path, error)) from error
    return Picture(path, rgb, alpha, frames, (*notes, *turn_note, *colour_note))


def _frame_note(frames: int) -> tuple[str, ...]:
    return (f"animated: first of {frames} frames used",) if frames > 1 else ()


def _depth_note(opened: Image.Image) -> tuple[str, ...]:
    """Pillow keeps 16 bits of grey pictures and drops the lower 8 of coloured ones, which only the tile tells."""
    raw_modes = [str(tile[3]) for tile in getattr(opened, "tile", [])]
    dropped = opened.mode in ("RGB", "RGBA", "LA", "CMYK") and any("16" in mode for mode in raw_modes)
    return ("16-bit reduced to 8",) if dropped else ()


def _upright(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    try:
        return ImageOps.exif_transpose(image), ()
    except DECODER_ERRORS:
        return image, ("EXIF could not be read: the picture is taken as upright",)


_Decoded = tuple[torch.Tensor, torch.Tensor | None, tuple[str, ...]]


def _grey_floats(image: Image.Image) -> _Decoded:
    """Grey pictures of 16 or 32 bits or floats, at full precision, scaled by the smallest usual white level."""
    values = torch.from_numpy(np.asarray(image).astype(np.float32)).nan_to_num(0, 0, 0)
    levels = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    peak = float(values.max())
    white = next((level for level in levels if level >= peak), peak)
    grey = (values / white).clamp(0, 1)
    note = () if image.mode.startswith("I;16") else (f"{image.mode} values: {white:g} taken as white",)
    return grey.expand(1, 3, -1, -1).contiguous(), None, note


def _colours(image: Image.Image) -> _Decoded:
    profile = image.info.get("icc_profile")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode == "LA" else "RGBA")
        alpha = _floats(image.getchannel("A"))
        image = image.convert("L" if image.mode == "LA" else "RGB")
    elif image.mode in ("P", "1", "HSV", "YCbCr"):
        image = image.convert("RGB")
    rgb_image, note = _to_srgb(image, profile)
    rgb = _floats(rgb_image)
    if alpha is None or bool((alpha == 1).all()):
        return rgb, None, note
    # What lies under full transparency is arbitrary, often black, and would mislead an inversion.
    return torch.where(alpha > 0, rgb, 1.0), alpha, note


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    kind = "CMYK converted to RGB" if image.mode == "CMYK" else ""
    converted, remark = _apply_profile(image, profile) if profile else (None, "")
    notes = tuple(note for note in (kind, remark) if note)
    return (image.convert("RGB") if converted is None else converted), notes


def _apply_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image | None, str]:
    """The picture in sRGB, or None where the profile says nothing new or cannot be used."""
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        name = " ".join(ImageCms.getProfileDescription(source).split())
        if "srgb" in name.lower():
            return None, ""
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, *DECODER_ERRORS):
        return None, "the colour profile could not be read: taken as sRGB"
    return converted, f"colour profile '{name}' converted to sRGB"


def _floats(image: Image.Image) -> torch.Tensor:
    """(1,C,H,W) in [0,1] from 8-bit samples."""
    samples = torch.from_numpy(np.array(image, dtype=np.uint8))
    samples = samples[None] if samples.ndim == 2 else samples.permute(2, 0, 1)
    return samples[None].float() / 255


def write_png(
    image: torch.Tensor,
    path: str | Path,
    metadata: Mapping[str, str] | None = None,
    alpha: torch.Tensor | None = None,
) -> None:
    """Write an 8-bit PNG in sRGB, with text chunks; the file is there whole or not at all.

    Each value is clamped to [0,1] and rounded to the nearest of 256 levels, so what `read_picture` read
    from 8 bits comes back exactly.

    Args:
        image: (1,3,H,W) or (3,H,W).
        metadata: texts by key, e.g. from `metadata.embed(recipe)`.
        alpha: (1,1,H,W) in [0,1], stored beside the colours.

    Raises:
        UsageError: not one RGB picture, or NaN in it.
        InputFileError: the file cannot be written.
    """
    picture = to_pillow(image, alpha, path)
    with atomic_file(path) as temporary:
        picture.save(temporary, format="PNG", pnginfo=meta.png_text(metadata or {}))


def write_picture(
    image: torch.Tensor,
    path: str | Path,
    metadata: Mapping[str, str] | None = None,
    alpha: torch.Tensor | None = None,
) -> None:
    """Write a picture in the format of its suffix: .png, .jpg, .jpeg or .webp (lossless).

    JPEG and WebP carry the metadata in EXIF. JPEG has no transparency: alpha is laid over white.

    Raises:
        UsageError: an unknown suffix, and as `write_png`.
        InputFileError: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    writer = _WRITERS.get(suffix)
    if writer is None:
        raise UsageError(
            f"{path}: '{suffix}' is not a supported image format; supported: {', '.join(_WRITERS)}"
        )
    writer(image, path, metadata, alpha)


_Writer = Callable[
    [torch.Tensor, str | Path, Mapping[str, str] | None, torch.Tensor | None],
    None,
]


def _write_jpeg(
    image: torch.Tensor, path: str | Path, metadata: Mapping[str, str] | None, alpha: torch.Tensor | None
) -> None:
    flat = image if alpha is None else torch.lerp(torch.ones_like(image), image, alpha.to(image))
    picture = to_pillow(flat, None, path)
    _save(picture, path, format="JPEG", quality=95, subsampling=0, exif=meta.to_exif(metadata or {}))


def _write_webp(
    image: torch.Tensor, path: str | Path, metadata: Mapping[str, str] | None, alpha: torch.Tensor | None
) -> None:
    picture = to_pillow(image, alpha, path)
    # exact: colours under full transparency stay as they are
    _save(picture, path, format="WEBP", lossless=True, exact=True, exif=meta.to_exif(metadata or {}))


_WRITERS: dict[str, _Writer] = {
    ".png": write_png,
    ".jpg": _write_jpeg,
    ".jpeg": _write_jpeg,
    ".webp": _write_webp,
}


def _save(picture: Image.Image, path: str | Path, **options: Any) -> None:
    try:
        with atomic_file(path) as temporary:
            picture.save(temporary, **options)
    except ValueError as error:  # a side or a metadata block longer than the format can hold
        raise InputFileError(f"{path}: cannot be stored this way ({reason(error)}); write a .png") from error


def to_pillow(
    image: torch.Tensor, alpha: torch.Tensor | None = None, path: str | Path = "the picture"
) -> Image.Image:
    """One picture (1,3,H,W) or (3,H,W) in [0,1], with its transparency (1,1,H,W), as 8-bit RGB or RGBA.

    Raises:
        UsageError: not one RGB picture, or NaN in it; `path` is named then.
    """
    if image.numel() == 0 or image.ndim < 3 or image.numel() != image.shape[-2:].numel() * 3:
        raise UsageError(f"{path}: one picture (1,3,H,W) can be written, not {tuple(image.shape)}")
    parts = [image] if alpha is None else [image, alpha.to(image)]
    channels = torch.cat([part.detach().float().reshape(-1, *image.shape[-2:]) for part in parts])
    if not bool(channels.isfinite().all()):
        raise UsageError(
            f"{path}: the picture holds NaN or infinity; lower the learning rate or the strength"
        )
    levels = (channels.clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())


def read_mask(path: str | Path, picture: Picture) -> torch.Tensor:
    """Where a picture may change, (1,1,H,W) in [0,1].

    Raises:
        InputFileError: unreadable, or of another size than the picture.
    """
    mask = read_picture(path).image
    found, wanted = ("x".join(map(str, reversed(x.shape[-2:]))) for x in (mask, picture.image))
    if found != wanted:
        raise InputFileError(
            f"{path}: the mask is {found}, the picture {wanted}; give one of its size, white where it may change"
        )
    return mask.mean(dim=1, keepdim=True)


def picture_of(value: Any) -> Picture:
    """The picture of a setting: a file, or one that a program gave.

    Raises:
        UsageError, InputFileError: it cannot be read.
    """
    if isinstance(value, InMemory):
        return Picture(None, from_memory(value.picture))
    return read_picture(value)


def from_memory(picture: Any) -> torch.Tensor:
    """A picture (1,3,H,W) float32 in [0,1] on the CPU, of a tensor, a NumPy array (H,W,3) or a Pillow image.

    Raises:
        UsageError: something else, or values outside of [0,1].
    """
    if isinstance(picture, Image.Image):
        picture = _floats(picture.convert("RGB"))
    if isinstance(picture, np.ndarray):
        array = torch.from_numpy(np.ascontiguousarray(picture))
        picture = array.permute(2, 0, 1) if array.ndim == 3 and array.shape[-1] == 3 else array
        picture = picture / 255 if picture.dtype == torch.uint8 else picture
    if not isinstance(picture, torch.Tensor):
        raise UsageError(f"a picture is a file, a tensor or a Pillow image, not {type(picture).__name__}")
    image = picture.detach().float().cpu()
    image = image[None] if image.ndim == 3 else image
    if image.shape[:2] != (1, 3) or image.ndim != 4 or not image.numel():
        raise UsageError(f"one picture (1,3,H,W) can be edited at a time, not {tuple(picture.shape)}")
    if not bool(((image >= 0) & (image <= 1)).all()):
        low, high = float(image.min()), float(image.max())
        raise UsageError(f"the picture's values are {low:g} to {high:g}; bring them into 0 to 1")
    return image
