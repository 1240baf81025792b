"""What users get wrong: one line that names the thing and the mend, the right exit code, nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("quick_inversion")
USAGE, FILE, MISSING = 2, 3, 4
HATS = "hat " * 10_000


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small only wait for each other's threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a face, and files of all the wrong kinds."""
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    face = Image.effect_noise((48, 40), 90).convert("RGB")
    face.save("face.png")
    face.save("foreign.png")
    whole = Path("face.png").read_bytes()
    Path("empty.png").touch()
    Path("cut.png").write_bytes(whole[: len(whole) // 2])
    Path("stub.png").write_bytes(whole[:10])
    Path("text.png").write_text("I am a text. " * 20)
    Path("text.safetensors").write_text("I am a text. " * 20)
    Path("huge.png").write_bytes(png(20_000, 20_000, 1, 0, b""))
    Path("thread.png").write_bytes(png(1, 200, 8, 0, b"\0\0" * 200))
    Path("small-mask.png").write_bytes(png(4, 4, 8, 0, b"\0" * 20))
    Path("folder.png").mkdir()
    Path("folder").mkdir()
    return tmp_path


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG of raw rows, each with its filter byte; its header may promise more than there is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def everything(folder: Path) -> dict[str, int]:
    """Each file with its size, also hidden ones."""
    return {
        str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }


EDIT = ("edit", "face.png", "a hat")
PICTURES = [
    ("nowhere.png", FILE, r"nowhere\.png: there is no such file.*; check the path"),
    ("fcae.png", FILE, r"fcae\.png: there is no such file \(did you mean 'face\.png'\?\)"),
    (
        "folder",
        FILE,
        "folder: (this is a folder; name a file in it|no picture is in this folder; check the path)",
    ),
    ("empty.png", FILE, r"empty\.png: the file is empty \(0 bytes\); copy or download it again"),
    ("cut.png", FILE, r"cut\.png: the picture is cut off or damaged .*; copy or download it again"),
    ("stub.png", FILE, r"stub\.png: unsupported image format, or the file is cut off at the start"),
    ("text.png", FILE, r"text\.png: unsupported image format.*convert it to PNG"),
    (
        "huge.png",
        FILE,
        r"huge\.png: 400000000 pixels are more than the limit of 100000000; make the picture smaller",
    ),
    ("thread.png", FILE, r"thread\.png: 1x200 is too long and thin .*; crop it"),
    ("/dev/zero", FILE, "/dev/zero: this is a device or a pipe; name an ordinary file"),
    ("x" * 5000, FILE, "cannot be reached .*check the path"),
]


@pytest.mark.parametrize(("picture", "code", "said"), PICTURES, ids=[row[0][:20] for row in PICTURES])
@pytest.mark.parametrize("name", ["edit", "invert", "score"])
def test_pictures(place, command, tiny_pack, name, picture, code, said):
    words = [name, picture, *(["a hat"] if name != "invert" else []), "--pack", tiny_pack]
    if name != "score":
        words += ["-o", "out"]
    refused(place, command, words, code, said)


def refused(place: Path, command: Callable[..., Any], words: list[object], code: int, said: str) -> None:
    import re

    before = everything(place)
    done = command(*words)
    assert done.code == code, done.err or done.out
    *before_it, line = done.err.splitlines()
    assert all(each.startswith(("models: ", "note: ")) for each in before_it), done.err
    assert line.startswith("promptbrush: ")
    assert len(line) < 600 or len("".join(map(str, words))) > 600
    assert re.search(said, done.err), done.err
    assert everything(place) == before
    assert not Path("out").exists()


WORDS = [
    # prompts
    (("edit", "face.png", ""), USAGE, "the prompt is empty; write what the picture should show"),
    (("edit", "face.png", " \n "), USAGE, "the prompt is empty"),
    (("edit", "face.png", "a hat || red"), USAGE, r"part 2 of the prompt 'a hat \|\| red' is empty"),
    (("edit", "face.png", "a hat:nan"), USAGE, "the weight nan of 'a hat' is not a finite number"),
    (("edit", "face.png", "a hat:-inf"), USAGE, "the weight -inf of 'a hat'"),
    (
        ("edit", "face.png", "a hat:1e300"),
        USAGE,
        r"the weight 1e\+300 of 'a hat' is out of range; give 0, or",
    ),
    (("edit", "face.png", "a hat:1e-60"), USAGE, "the weight 1e-60 of 'a hat' is out of range; give 0, or"),
    (("edit", "face.png", "a hat:0"), USAGE, "all weights of the prompt 'a hat:0' are 0; give one"),
    (("edit", "face.png", ":2"), USAGE, "':2' has a weight or an @ but no text"),
    (("edit", "face.png", "@nowhere.png"), FILE, r"nowhere\.png: there is no such file"),
    (("edit", "face.png", "a hat\udcff"), USAGE, r"prompt 'a hat.' is not UTF-8; type it in a terminal"),
    (
        ("edit", "face.png"),
        USAGE,
        "PROMPT is missing .PICTURE is 'face.png'.; write it as the last argument",
    ),
    (("edit", "face.png", "foreign.png"), USAGE, "'foreign.png' stands where the prompt should"),
    (("edit",), USAGE, "PICTURE is missing .PROMPT too.; give both, the prompt last"),
    (("edit", "a hat"), USAGE, "PICTURE is missing .PROMPT is 'a hat'.; give both, the prompt last"),
    ((*EDIT, "--negative", "red:nan"), USAGE, "the weight nan of 'red'"),
    ((*EDIT, "--negative", "|"), USAGE, "part 1 of the prompt"),
    # numbers
    ((*EDIT, "--steps", 0), USAGE, "steps is 0; input should be greater than or equal to 1"),
    ((*EDIT, "--steps", -1), USAGE, "steps is -1; input should be"),
    ((*EDIT, "--steps", 10**9), USAGE, "steps is 1000000000; input should be less"),
    ((*EDIT, "--strength", "nan"), USAGE, "strength is nan; input should be a finite number"),
    ((*EDIT, "--strength", -1), USAGE, "strength is -1.0; input should be"),
    ((*EDIT, "--lr", 0), USAGE, "lr is 0.0; input should be greater than 0"),
    ((*EDIT, "--lr", "inf"), USAGE, "lr is inf"),
    ((*EDIT, "--latent-weight", "nan"), USAGE, "latent_weight is nan"),
    ((*EDIT, "--latent-weight", -1), USAGE, "latent_weight is -1.0"),
    ((*EDIT, "--variation", -1), USAGE, "variation is -1.0"),
    ((*EDIT, "--seed", -1), USAGE, "seed is -1"),
    ((*EDIT, "--seed", 2**70), USAGE, "seed is 1180591620717411303424"),
    ((*EDIT, "--cutouts", -1), USAGE, "cutouts is -1"),
    ((*EDIT, "-n", 0), USAGE, "count is 0; input should be greater than or equal to 1"),
    # choices
    ((*EDIT, "--space", "z"), USAGE, r"space is z; input should be 'w', 'w\+' or 's'"),
    ((*EDIT, "--paste", "some"), USAGE, "paste is some; input should be 'changed', 'all' or 'square'"),
    ((*EDIT, "--clip-loss", "cosine"), USAGE, "clip_loss is cosine"),
    ((*EDIT, "--clip-input", "big"), USAGE, "clip_input is big"),
    ((*EDIT, "--preset", "papre"), USAGE, r"no preset is called 'papre' \(did you mean 'paper'\?\); known: "),
    (
        (*EDIT, "--templates", "imagenet"),
        USAGE,
        r"no templates are called 'imagenet' \(did you mean 'imagenet",
    ),
    ((*EDIT, "--templates", "text.png"), FILE, r"line 1 of text\.png has no \{\}"),
    (
        (*EDIT, "--clip-loss", "directional", "--cutouts", 4),
        USAGE,
        "cutouts has no effect with clip_loss 'directional'; choose clip_loss similarity or spherical",
    ),
    # outputs
    ((*EDIT, "-o", "out.tiff"), USAGE, r"out\.tiff: files of type '\.tiff' cannot be written; use \.png"),
    ((*EDIT, "-o", "face.png"), USAGE, r"face\.png: is read by this command; choose another name"),
    ((*EDIT, "-o", "foreign.png"), FILE, r"foreign\.png: exists and was not written by promptbrush"),
    ((*EDIT, "-o", "text.png/out.png"), FILE, r"text\.png: this is a file, a folder is needed"),
    (
        (*EDIT, "-o", "/dev/full"),
        FILE,
        "/dev/full: this is a file, a folder is needed; choose another output",
    ),
    (
        (*EDIT, "-o", "/proc/nowhere/out.png"),
        FILE,
        "/proc/nowhere: cannot be written .*choose another output",
    ),
    ((*EDIT, "-o", "o" * 300 + ".png"), FILE, "cannot be written .File name too long"),
    (("edit", "face.png", *EDIT[1:], "-o", "out.png"), USAGE, r"out\.png: 2 results need a folder"),
    # masks and latents
    ((*EDIT, "--mask", "nowhere.png"), FILE, r"nowhere\.png: there is no such file"),
    ((*EDIT, "--mask", "text.png"), FILE, r"text\.png: unsupported image format"),
    ((*EDIT, "--mask", "small-mask.png"), FILE, r"small-mask\.png: the mask is 4x4, the picture 48x40"),
    (
        ("edit", "face.png", *EDIT[1:], "--mask", "face.png"),
        USAGE,
        "mask belongs to one picture; give one picture with it",
    ),
    (("edit", "a hat", "--mask", "face.png"), USAGE, "PICTURE is missing .PROMPT is 'a hat'."),
    ((*EDIT, "--from-latent", "nowhere.safetensors"), FILE, r"nowhere\.safetensors: there is no such file"),
    (
        (*EDIT, "--from-latent", "text.safetensors"),
        FILE,
        r"text\.safetensors: no latent can be read from it",
    ),
    (
        (*EDIT, "--from-latent", "face.png"),
        FILE,
        r"face\.png: '\.png' is not a supported latent format; supported: ",
    ),
    ((*EDIT, "--from-latent", "PACK/generator.safetensors"), FILE, r"generator\.safetensors: "),
    # models
    ((*EDIT, "--device", "cuda:9"), MISSING, "device 'cuda:9' is not here; present: .*use --device auto"),
    ((*EDIT, "--device", "abacus"), MISSING, "device 'abacus' is not here"),
    ((*EDIT, "--precision", "float8"), USAGE, "precision 'float8' is not known.*known: auto"),
    ((*EDIT, "--precision", "float16", "--device", "cpu"), USAGE, "precision 'float16' is not for the CPU"),
    ((*EDIT, "--generator", "nowhere.pkl"), FILE, r"nowhere\.pkl: there is no such file"),
    ((*EDIT, "--generator", "text.png"), FILE, r"text\.png: not a StyleGAN2 checkpoint; give"),
    ((*EDIT, "--generator", "PACK/encoder.safetensors"), FILE, r"encoder\.safetensors: "),
    ((*EDIT, "--generator", "PACK/clip/clip.safetensors"), FILE, r"clip\.safetensors: "),
    (
        (*EDIT, "--encoder", "PACK/generator.safetensors"),
        FILE,
        "generator.safetensors: not an inversion encoder",
    ),
    ((*EDIT, "--encoder", "text.safetensors"), FILE, r"text\.safetensors: not an inversion encoder"),
    ((*EDIT, "--clip", "nowhere"), USAGE, "'nowhere'"),
    ((*EDIT, "--clip", "folder"), FILE, "folder"),
    (
        (*EDIT, "--clip", "PACK/generator.safetensors"),
        USAGE,
        "generator.safetensors: weights of a CLIP need its arch",
    ),
    (
        (*EDIT, "--clip", "ViT-B-32=PACK/generator.safetensors"),
        FILE,
        "generator.safetensors does not hold the weights",
    ),
    ((*EDIT, "--clip", "/nowhere/clip:0.5"), FILE, "/nowhere/clip: there is no such CLIP; give a folder"),
    (
        (*EDIT, "--face-encoder", "PACK/generator.safetensors"),
        USAGE,
        "--face-encoder has no effect with these settings; leave it out",
    ),
    (
        (*EDIT, "--identity-weight", 0.1, "--face-encoder", "PACK/generator.safetensors"),
        FILE,
        "generator.safetensors does not hold the face",
    ),
    (
        (*EDIT, "--identity-weight", 0.1),
        MISSING,
        "identity needs a face recognition network: give --face-encoder",
    ),
    ((*EDIT, "--pack", "minni"), USAGE, r"no pack is called 'minni' \(did you mean 'mini'\?\)"),
    ((*EDIT, "--pack", "folder"), FILE, r"folder/pack\.json: not found; name a folder with a pack\.json"),
    ((*EDIT, "--pack", "a/nowhere"), FILE, "a/nowhere: is not a folder with a pack.json"),
    # the other commands
    (("score", "face.png", ""), USAGE, "the prompt is empty"),
    (("score", "face.png", "a hat", "b:nan"), USAGE, "the weight nan of 'b'"),
    (("score", "face.png", "a hat", "--templates", "nowhere"), USAGE, "no templates are called 'nowhere'"),
    (("invert", "face.png", "-o", "out.tiff"), USAGE, r"out\.tiff: files of type '\.tiff' cannot be written"),
    (("invert", "face.png", "-o", "face.png", "--overwrite"), USAGE, r"face\.png: is read by this command"),
    (("rerun", "nowhere.png"), FILE, r"nowhere\.png: there is no such file"),
    (
        ("rerun", "face.png"),
        FILE,
        r"face\.png: holds no recipe; it was made with --no-metadata or by another",
    ),
    (("rerun", "text.png"), FILE, r"text\.png: no recipe can be read from it"),
]


@pytest.mark.parametrize(
    ("words", "code", "said"), WORDS, ids=[" ".join(map(repr, row[0]))[:70] for row in WORDS]
)
def test_words(place, command, tiny_pack, words, code, said):
    spelt = [str(word).replace("PACK", str(tiny_pack)) for word in words]
    if "-o" not in spelt and spelt[0] in ("edit", "invert", "rerun"):
        spelt += ["-o", "out"]
    if "--pack" not in spelt and spelt[0] != "rerun":
        spelt += ["--pack", str(tiny_pack)]
    refused(place, command, spelt, code, said)


# The words before "see" are the parser's and differ with its version.
PARSED = [
    ((*EDIT, "--steps", "many"), "'--steps': .*int.*; see promptbrush edit --help$"),
    ((*EDIT, "--stepps", 3), "no such option.*--stepps.*; see promptbrush edit --help$"),
    ((*EDIT, "--mask"), "'--mask' requires an argument; see promptbrush .*--help$"),
    (("score", "face.png"), "missing argument .*; see promptbrush score --help$"),
    (("edti", "face.png", "a hat"), "no such command 'edti' .did you mean 'edit'..; see promptbrush --help$"),
    (("models", "imporrt"), "no such command 'imporrt'.*; see promptbrush models --help$"),
    (
        ("train", "clip", "--work", "out", "-o", "out", "--data", "in", "--harden-steps", -1),
        "harden_steps is -1; input should be greater than or equal to 0$",
    ),
]


@pytest.mark.parametrize(("words", "said"), PARSED, ids=[" ".join(map(str, row[0])) for row in PARSED])
def test_words_that_the_parser_refuses(place, command, words, said):
    refused(place, command, words, USAGE, said)


IMPORTS = [
    (("nowhere.pkl",), r"nowhere\.pkl: cannot be read .No such file or directory.; check the path"),
    (
        ("x" * 300,),
        "x: cannot be read .File name too long.; check the path|x: cannot be written .File name too",
    ),
    (("x" * 300, "-o", "out"), "x: cannot be read .File name too long.; check the path"),
    (("",), "this is a folder, a device or a pipe; name an ordinary file"),
    (("folder",), "folder: this is a folder, a device or a pipe; name an ordinary file"),
    (("pipe",), "pipe: this is a folder, a device or a pipe; name an ordinary file"),
    (("/dev/zero", "-o", "out"), "/dev/zero: this is a folder, a device or a pipe"),
    (("empty.png",), r"empty\.png: the file is empty"),
    (("text.png", "-o", "out"), r"text\.png: not a StyleGAN2 checkpoint; give a safetensors file"),
    (("text.safetensors",), r"text\.safetensors: exists already; give another name"),
    (("text.safetensors", "--overwrite"), r"text\.safetensors: not a StyleGAN2 checkpoint"),
    (("PACK/encoder.safetensors", "-o", "out"), r"encoder\.safetensors: the file's header says kind"),
    (("PACK/generator.safetensors", "-o", "o" * 300), "o: cannot be written .File name too long"),
    (("PACK/generator.safetensors", "-o", "face.png"), r"face\.png: exists already"),
    (
        ("PACK/generator.safetensors", "-o", "folder", "--overwrite"),
        "folder: this is a folder; add a file name to the output",
    ),
    (("PACK/generator.safetensors", "-o", "nowhere/x"), "nowhere/x: cannot be written .No such file"),
    (("PACK/generator.safetensors", "-o", "face.png/x"), r"face\.png/x: cannot be written .Not a dir|exists"),
]


@pytest.mark.parametrize(
    ("words", "said"), IMPORTS, ids=[" ".join(map(repr, row[0]))[:60] for row in IMPORTS]
)
def test_models_import(place, command, tiny_pack, words, said):
    os.mkfifo("pipe")
    spelt = [word.replace("PACK", str(tiny_pack)) for word in words]
    refused(place, command, ["models", "import", *spelt], FILE, said)


def test_a_pack_that_was_not_built(place, command, monkeypatch):
    from promptbrush.generators.packs import pack

    (place / "packs" / "mini").mkdir(parents=True)
    (place / "packs" / "mini" / "__init__.py").touch()
    monkeypatch.setattr(pack, "ROOT", place / "packs")
    refused(place, command, [*EDIT, "-o", "out"], MISSING, "pack 'mini' has no weights in this installation")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("steps = ", "steps = -"), "settings.steps is -"),
        (("[settings]", "[setting]"), "no field is called 'setting'|settings is missing"),
        (("prompt", "prom pt"), "is not TOML"),
    ],
)
def test_recipes_that_were_tampered_with(place, command, tiny_pack, change, said):
    from promptbrush.editing.metadata import read_recipe

    made = command("edit", "face.png", "a hat", "--pack", tiny_pack, "--steps", 1, "-o", "made.png")
    assert made.code == 0, made.err
    Path("made.toml").write_text(read_recipe("made.png").replace(*change))
    refused(
        place, command, ["rerun", "made.toml", "-o", "out"], FILE, rf"^promptbrush: made\.toml: .*({said})"
    )


def test_a_film_without_its_extra(place, command, tiny_pack, monkeypatch):
    import importlib

    real = importlib.import_module

    def without_av(name: str, package: str | None = None) -> Any:
        if name == "av":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without_av)
    words = [*EDIT, "--pack", tiny_pack, "--mp4", "--trace", "-o", "out/x.png"]
    refused(place, command, words, MISSING, r"an MP4 needs av, .*: pip install 'promptbrush\[video\]'")


def test_a_full_disk(place, command, tiny_pack, monkeypatch):
    from PIL import Image

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = everything(place)
    monkeypatch.setattr(Image.Image, "save", full)
    for words in (
        ("edit", "face.png", "a hat", "--steps", 1, "-o", "full.png"),
        ("invert", "face.png", "-o", "full.png"),
    ):
        done = command(*words, "--pack", tiny_pack)
        assert done.code == FILE
        # Above it stands the progress bar.
        assert done.err.splitlines()[-1] == (
            "promptbrush: full.png: cannot be written (No space left on device); "
            "free some space or choose another output with -o"
        )
        assert everything(place) == before


def test_memory_that_runs_out(place, command, tiny_pack, monkeypatch):
    from promptbrush.editing import making

    for error in (MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 9 GiB"),
                  RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")):  # fmt: skip

        def run_out(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(making, "make", run_out)
        refused(
            place, command, [*EDIT, "--pack", tiny_pack, "-o", "x.png"], 5, "memory ran out; use --precision"
        )


# --- what looks wrong and works


def animated(path: str) -> None:
    from PIL import Image

    frames = [Image.new("RGB", (48, 40), colour) for colour in ("red", "blue", "green")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def converted(mode: str) -> Callable[[str], None]:
    from PIL import Image

    return lambda path: Image.open("face.png").convert(mode).save(path)


def raw(depth: int, colour: int, row: bytes) -> Callable[[str], None]:
    return lambda path: Path(path).write_bytes(png(48, 40, depth, colour, (b"\0" + row) * 40)) and None


WORKING = [
    ("dot.png", lambda path: Path(path).write_bytes(png(1, 1, 8, 2, b"\0abc")), "1x1 pixels show little"),
    ("cmyk.jpg", converted("CMYK"), "CMYK converted to RGB"),
    ("animated.gif", animated, "animated: first of 3 frames used"),
    ("animated.png", animated, "animated: first of 3 frames used"),
    ("animated.webp", animated, "animated: first of 3 frames used"),
    ("palette.png", converted("P"), None),
    ("grey.png", converted("L"), None),
    ("one-bit.png", converted("1"), None),
    ("deep-grey.png", raw(16, 0, b"\x12\x34" * 48), None),
    ("deep.png", raw(16, 2, b"\x12\x34" * 144), "16-bit reduced to 8"),
    ("größe 🙂.png", converted("RGB"), None),
    ("no-suffix", lambda path: shutil.copy("face.png", path) and None, None),
]


@pytest.mark.parametrize(("name", "make", "note"), WORKING, ids=[row[0] for row in WORKING])
def test_odd_pictures_work(place, command, tiny_pack, name, make, note):
    from PIL import Image

    make(name)
    done = command("edit", name, "a hat", "--pack", tiny_pack, "--steps", 2, "-o", "made.png")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert len(told) == (note is not None)
    assert note is None or note in told[0]
    assert done.out == "made.png\n"
    made = Image.open("made.png")
    assert made.size == Image.open(name).size
    assert made.mode == "RGB"
    again = command("rerun", "made.png", "-o", "again.png")
    assert again.code == 0, again.err
    assert Image.open("again.png").tobytes() == made.tobytes()


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        (HATS, "is longer than CLIP reads; its end is lost"),
        ("🙂🎩", "'🙂🎩' has no Latin letters"),
        ("红头发的女人", "has no Latin letters"),
        ("eine Frau mit rotem Hut", None),
        ("قبعة حمراء", "has no Latin letters"),
        ("glasses:-1", None),
        ("a hat:1e-3 | glasses:-2.5", None),
        ("a\x07 hat\x1b[2J", None),
        ("-- a hat", None),
        ("..//", "has no Latin letters"),
    ],
    ids=lambda value: str(value)[:20].encode("unicode_escape").decode(),
)
def test_odd_prompts_work(place, command, tiny_pack, prompt, note):
    words = ("--pack", tiny_pack, "--steps", 1, "-o", "made.png")
    done = command("edit", *words, "--", "face.png", prompt)
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert len(told) == (note is not None)
    assert note is None or note in told[0]
    again = command("rerun", "made.png", "-o", "again.png")
    assert again.code == 0, again.err
    scored = command("score", "--pack", tiny_pack, "--", "face.png", prompt)
    assert scored.code == 0, scored.err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have only names in Unicode")
def test_a_name_that_is_not_unicode(place, command, tiny_pack):
    name = os.fsdecode(b"caf\xe9.png")
    shutil.copy("face.png", name)
    done = command("edit", name, "a hat", "--pack", tiny_pack, "--steps", 1)
    assert done.code == 0, done.err
    assert Path(os.fsdecode(b"caf\xe9-edit.png")).exists()
    again = command("rerun", os.fsdecode(b"caf\xe9-edit.png"), "--picture", name)
    assert again.code == 0, again.err


def test_from_the_shell(place, tiny_pack):
    """Once as a program of its own: streams, exit code and nothing else on them."""
    code = "from promptbrush.cli import main; main()"
    words = ["edit", "cut.png", "a hat", "--pack", str(tiny_pack), "-o", "out"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == FILE
    assert done.stdout == ""
    assert done.stderr.startswith("promptbrush: cut.png: the picture is cut off or damaged")
    assert done.stderr.count("\n") == 1
    assert not (place / "out").exists()
