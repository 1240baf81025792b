"""Pictures in and out of files: every kind of input, and outputs that are whole or not there."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from promptbrush._base import InputFileError
from promptbrush.editing.pictures import (
    letterbox,
    read_picture,
    write_picture,
)


def ramp(height: int = 24, width: int = 32) -> np.ndarray:
    """(H,W,3) uint8 in which every pixel's place can be told from its colour."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 7 % 256, y * 9 % 256, (x + y) * 3 % 256], -1).astype(np.uint8)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def make_missing(folder: Path) -> Path:
    (folder / "face.png").write_bytes(b"x")
    return folder / "fase.png"


def make_folder(folder: Path) -> Path:
    (folder / "sub").mkdir()
    return folder / "sub"


def make_empty(folder: Path) -> Path:
    (folder / "empty.png").touch()
    return folder / "empty.png"


def make_text(folder: Path) -> Path:
    (folder / "text.png").write_text("this is not a picture\n" * 9)
    return folder / "text.png"


def make_cut_png(folder: Path) -> Path:
    whole = folder / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    (folder / "cut.png").write_bytes(whole.read_bytes()[:3000])
    return folder / "cut.png"


def make_cut_jpeg(folder: Path) -> Path:
    whole = folder / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    (folder / "cut.jpg").write_bytes(whole.read_bytes()[:2000])
    return folder / "cut.jpg"


def make_bare_signature(folder: Path) -> Path:
    (folder / "bare.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder / "bare.png"


def make_bad_crc(folder: Path) -> Path:
    Image.fromarray(ramp()).save(folder / "good.png")
    data = bytearray((folder / "good.png").read_bytes())
    data[60] ^= 0xFF
    (folder / "crc.png").write_bytes(bytes(data))
    return folder / "crc.png"


def make_bomb(folder: Path) -> Path:
    (folder / "bomb.png").write_bytes(png_header(20000, 20000) + png_chunk(b"IDAT", b""))
    return folder / "bomb.png"


def make_large(folder: Path) -> Path:
    (folder / "large.png").write_bytes(png_header(10001, 10000) + png_chunk(b"IDAT", b""))
    return folder / "large.png"


def make_thread(folder: Path) -> Path:
    Image.new("RGB", (1, 5000)).save(folder / "thread.png")
    return folder / "thread.png"


def make_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def make_postscript(folder: Path) -> Path:
    Image.fromarray(ramp()).save(folder / "page.eps")
    return folder / "page.eps"


BAD = {
    "missing": (make_missing, r"no such file \(did you mean 'face.png'\?\)"),
    "folder": (make_folder, "this is a folder; name a file in it"),
    "0 bytes": (make_empty, "empty \\(0 bytes\\)"),
    "text": (make_text, "unsupported image format.*supported: PNG.*convert it to PNG"),
    "truncated png": (make_cut_png, "cut off or damaged"),
    "truncated jpeg": (make_cut_jpeg, "cut off or damaged"),
    "signature only": (make_bare_signature, "format, or the file is cut off"),
    "damaged png": (make_bad_crc, "cut off|damaged"),
    "bomb": (make_bomb, "400000000 pixels are more than the limit of 100000000; make the picture smaller"),
    "over the limit": (make_large, "10001x10000 pixels are more than the limit"),
    "1x5000": (make_thread, "1x5000 is too long and thin.*100:1.*crop it"),
    "pipe": (make_pipe, "device or a pipe"),
    "postscript": (make_postscript, "unsupported image format"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_refused_in_one_line_that_names_the_file(case, tmp_path):
    make, message = BAD[case]
    path = make(tmp_path)
    with pytest.raises(InputFileError, match=message) as caught:
        read_picture(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) - len(str(path)) < 200


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif", "avif", "ppm", "jp2"])
@pytest.mark.filterwarnings("error")
def test_damaged_bytes_never_raise_anything_else(suffix, tmp_path):
    if f".{suffix}" not in Image.registered_extensions():
        pytest.skip("this Pillow cannot write it")
    path, rng = tmp_path / f"a.{suffix}", np.random.default_rng(0)
    Image.fromarray(ramp()).save(path)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(60):
        damaged = whole[: rng.integers(1, len(whole) + 1)].copy()
        damaged[rng.integers(0, len(damaged), 3)] ^= rng.integers(1, 256, 3, np.uint8)
        path.write_bytes(damaged.tobytes())
        try:
            image = read_picture(path).image
        except InputFileError as error:
            assert "\n" not in str(error)
        else:
            assert bool(image.isfinite().all())


@pytest.mark.parametrize("path", ["", "a\0b.png", "x" * 5000 + ".png", "http://example.org/a.png"])
def test_impossible_paths(path):
    with pytest.raises(InputFileError) as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)


def test_the_bomb_takes_no_memory(tmp_path):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for make in (make_bomb, make_large):
        with pytest.raises(InputFileError):
            read_picture(make(tmp_path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB; it would be 300 MB


def levels(image: torch.Tensor) -> np.ndarray:
    return (image[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def test_plain_rgb_is_exact(tmp_path):
    Image.fromarray(ramp()).save(tmp_path / "a.png")
    picture = read_picture(str(tmp_path / "a.png"))
    assert picture.image.dtype == torch.float32
    assert picture.image.shape == (1, 3, 24, 32)
    np.testing.assert_array_equal(levels(picture.image), ramp())
    assert (picture.alpha, picture.frames, picture.notes) == (None, 1, ())
    assert picture.path == tmp_path / "a.png"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1)])
def test_tiny_pictures_work(size, tmp_path):
    Image.new("RGB", size, (255, 0, 51)).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png").image
    assert image.shape == (1, 3, size[1], size[0])
    square, place = letterbox(image, 32)
    torch.testing.assert_close(place.restore(square), image, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palette_equal_pillows_rgb(mode, tmp_path):
    Image.fromarray(ramp()).convert(mode).save(tmp_path / "a.png")
    expected = np.array(Image.open(tmp_path / "a.png").convert("RGB"))
    np.testing.assert_array_equal(levels(read_picture(tmp_path / "a.png").image), expected)


def test_animated_gif_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    picture = read_picture(tmp_path / "a.gif")
    assert picture.frames == 3
    assert picture.notes == ("animated: first of 3 frames used",)
    np.testing.assert_array_equal(levels(picture.image)[0, 0], [255, 0, 0])


def test_cmyk_jpeg(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.notes == ("CMYK converted to RGB",)
    assert np.abs(levels(picture.image).astype(int) - [255, 0, 0]).max() <= 3


def test_16_bit_grey_keeps_its_precision(tmp_path):
    values = np.array([[0, 1, 32768], [257, 65534, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    expected = torch.from_numpy(values.astype(np.float32) / 65535).expand(1, 3, 2, 3)
    torch.testing.assert_close(picture.image, expected, atol=1e-7, rtol=0)


def test_16_bit_colour_is_reduced_and_says_so(tmp_path):
    row = b"\0" + struct.pack(">6H", 0x1234, 0x5678, 0xFFFF, 0, 0x8000, 0x00FF)
    data = png_header(2, 1, depth=16) + png_chunk(b"IDAT", zlib.compress(row)) + png_chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    picture = read_picture(tmp_path / "a.png")
    assert picture.notes == ("16-bit reduced to 8",)
    np.testing.assert_allclose(levels(picture.image)[0], [[0x12, 0x56, 0xFF], [0, 0x80, 0]], atol=1)


def test_float_tiff_is_clamped_and_free_of_nan(tmp_path):
    values = np.array([[0.0, 0.25, np.nan, 1.0]], np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    image = read_picture(tmp_path / "a.tiff").image
    torch.testing.assert_close(image[0, 0, 0], torch.tensor([0.0, 0.25, 0.0, 1.0]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_exif_orientation_is_applied(orientation, suffix, tmp_path):
    # The stored pixels that a camera would write so that the upright picture is `upright`.
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = 255  # white mark at the top left
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / f"a.{suffix}", exif=exif, quality=100)
    image = read_picture(tmp_path / f"a.{suffix}").image
    assert image.shape == (1, 3, 16, 32)
    assert float(image[..., :8, :8].min()) > 0.95
    assert float(image[..., 8:, 8:].max()) < 0.05


def test_broken_exif_does_not_lose_the_picture(tmp_path):
    Image.fromarray(ramp()).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    np.testing.assert_array_equal(levels(read_picture(tmp_path / "a.png").image), ramp())


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_round_trip(mode, tmp_path):
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:6], alpha[6:12] = 0, 77
    source = Image.fromarray(np.dstack([ramp(), alpha])).convert(mode)
    source.save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal((picture.alpha[0, 0] * 255).round().numpy(), alpha)
    assert bool((picture.image[..., :6, :] == 1).all())  # white where nothing is seen
    colours = np.array(source.convert("RGBA"))[6:, :, :3]
    np.testing.assert_array_equal(levels(picture.image)[6:], colours)
    for suffix in ("png", "webp"):
        write_picture(picture.image, tmp_path / f"b.{suffix}", alpha=picture.alpha)
        again = read_picture(tmp_path / f"b.{suffix}")
        assert torch.equal(again.alpha, picture.alpha)
        assert torch.equal(again.image, picture.image)


def test_palette_with_transparency(tmp_path):
    paletted = Image.new("P", (4, 1))
    paletted.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    paletted.putdata([0, 1, 2, 0])
    paletted.save(tmp_path / "a.png", transparency=1)
    picture = read_picture(tmp_path / "a.png")
    assert picture.alpha.flatten().tolist() == [1, 0, 1, 1]
    np.testing.assert_array_equal(levels(picture.image)[0, 2], [0, 0, 255])


def test_opaque_alpha_is_dropped(tmp_path):
    Image.fromarray(np.dstack([ramp(), np.full((24, 32), 255, np.uint8)])).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").alpha is None


def wide_gamut_profile() -> bytes:
    """An ICC profile named "Swapped" whose red primary is sRGB's green and the reverse."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    for entry in range(132, 132 + 12 * count, 12):
        tag = bytes(profile[entry : entry + 4])
        profile[entry : entry + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(tag, tag)
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "SWAP".encode("utf-16-be"))


def test_icc_profile_is_converted_to_srgb(tmp_path):
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "a.png", icc_profile=wide_gamut_profile())
    picture = read_picture(tmp_path / "a.png")
    assert np.abs(levels(picture.image).astype(int)[0, 0] - [0, 255, 0]).max() <= 3
    assert "converted to sRGB" in picture.notes[0]


def test_icc_profile_keeps_alpha(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 99)).save(tmp_path / "a.png", icc_profile=wide_gamut_profile())
    picture = read_picture(tmp_path / "a.png")
    assert np.abs(levels(picture.image).astype(int)[0, 0] - [0, 255, 0]).max() <= 3
    assert float(picture.alpha[0, 0, 0, 0]) * 255 == pytest.approx(99)


def test_srgb_and_broken_profiles_change_nothing(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile, notes in ((srgb, ()), (b"junk", ("the colour profile could not be read: taken as sRGB",))):
        Image.fromarray(ramp()).save(tmp_path / "a.png", icc_profile=profile)
        picture = read_picture(tmp_path / "a.png")
        np.testing.assert_array_equal(levels(picture.image), ramp())
        assert picture.notes == notes
