"""`promptbrush style` on real files: what is written where, what is said, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from promptbrush.editing import reporting
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.pictures import read_picture, write_png
from promptbrush.editing.record import Record
from promptbrush.generators.packs.pack import load_pack
from promptbrush.generators.style import adain, transformer
from promptbrush.generators.style.styler import load_styler, of_one_style, save_styler

PLACE = ("--device", "cpu", "--precision", "float32")
QUICK = ("--steps", 2, "--side", 32, "--cutouts", 1)
SEEN = torch.nn.functional.interpolate(
    torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0)), (41, 57), mode="bicubic"
).clamp(0, 1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, shared_clips):
    """An empty folder with one picture in it."""
    monkeypatch.chdir(tmp_path)
    write_png(SEEN, "in.png")


@pytest.fixture
def style(command):
    """A command of few steps, where there is a training."""

    def run(*words):
        shot = "--fast" in words or "--styler" in words
        return command("style", *words, *(() if shot else QUICK), *PLACE)

    return run


@pytest.fixture(scope="module")
def styler_file(tmp_path_factory) -> Path:
    """A styler of one style."""
    many = load_styler(load_pack("mini").path("styler"))
    path = tmp_path_factory.mktemp("stylers") / "one.safetensors"
    one = of_one_style(many, torch.ones(1, many.shape["style"]) / 3, "something")
    save_styler(one, path)
    return path


def names(folder: str | Path = ".") -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def image(path: str) -> torch.Tensor:
    return read_picture(path).image


def test_a_photograph(style):
    done = style("in.png", "a mosaic")
    assert done.code == 0, done.err
    assert done.out.splitlines() == ["in-style.png"]
    assert "models: mini pack on cpu" in done.err
    assert names() == {"in.png", "in-style.png"}
    assert image("in-style.png").shape == SEEN.shape
    assert "in-style-2.png" in style("in.png", "a mosaic", "--fast").out


def test_everything_beside_it_and_again(style, command):
    done = style(
        "in.png", "a mosaic", "-o", "o/out.png", "--strip", "--gif", "--frames", "--trace", "--keep", "k.safetensors"
    )  # fmt: skip
    assert done.code == 0, done.err
    assert names("o") == {"out.png", "out-strip.png", "out.gif", "out-frames", "out.trace.jsonl"}
    assert len(Path("o/out.trace.jsonl").read_text().splitlines()) == 2
    done = command("rerun", "o/out.png", "-o", "again.png")
    assert done.code == 0, done.err
    assert torch.equal(image("again.png"), image("o/out.png"))
    kept = style("in.png", "--styler", "k.safetensors", "-o", "kept.png")
    assert kept.code == 0, kept.err
    apart = (image("kept.png") - image("o/out.png")).abs().mean()
    assert float(apart) < 0.01, "the network that was kept makes the same picture, up to half precision"


@pytest.mark.parametrize("way", ["fast", "styler"])
def test_one_pass_again(style, command, way, styler_file):
    words = ("a mosaic", "--fast") if way == "fast" else ("--styler", f"{styler_file}:2")
    done = style("in.png", *words, "-o", "a.png", "--colours", 0.5, "--strength", 0.8)
    assert done.code == 0, done.err
    assert command("rerun", "a.png", "-o", "b.png").code == 0
    assert torch.equal(image("a.png"), image("b.png"))
    recipe = Record.from_toml(read_recipe("a.png"), "a.png")
    assert (recipe.settings.one_shot, recipe.settings.colours) == (way, 0.5)
    if way == "styler":
        assert recipe.settings.styler == f"{styler_file}:2"
        assert len(recipe.models.hashes[f"styler {styler_file}"]) == 16


def test_a_mix_of_stylers(style, styler_file, tmp_path):
    other = load_styler(styler_file)
    other.vector = -other.vector
    save_styler(other, tmp_path / "other.safetensors")
    for name, words in {
        "one": (styler_file,),
        "two": ("other.safetensors",),
        "both": (styler_file, "--mix", "other.safetensors"),
        "mostly": (styler_file, "--mix", "other.safetensors:0.1"),
    }.items():
        done = style("in.png", "--styler", *words, "-o", f"{name}.png")
        assert done.code == 0, done.err
    one, two, both, mostly = (image(f"{each}.png") for each in ("one", "two", "both", "mostly"))
    assert (
        float((one - mostly).abs().mean())
        < float((one - both).abs().mean())
        < float((one - two).abs().mean())
    )


def test_several_pictures_into_a_folder(style):
    write_png(SEEN.flip(-1), "two.png")
    done = style("in.png", "two.png", "a mosaic", "--fast", "-o", "made")
    assert done.code == 0, done.err
    assert names("made") == {"in-style.png", "two-style.png"}


@pytest.mark.parametrize(
    ("size", "mode"),
    [((37, 53), "RGB"), ((64, 1), "RGB"), ((30, 20), "L"), ((33, 31), "RGBA"), ((1, 1), "P")],
)
def test_pictures_of_any_size_and_kind(style, size, mode):
    Image.effect_mandelbrot(size, (-2, -1, 1, 1), 20).convert(mode).save("odd.png")
    for words in (("--fast",), ()) if mode == "RGBA" or 1 in size else (("--fast",),):
        done = style("odd.png", "a mosaic", *words, "-o", "out.png", "--overwrite")
        assert done.code == 0, done.err
        assert Image.open("out.png").size == size


def test_alpha_is_kept(style):
    picture = Image.new("RGBA", (40, 30), (200, 100, 50, 255))
    picture.putalpha(Image.linear_gradient("L").resize((40, 30)))
    picture.save("alpha.png")
    done = style("alpha.png", "a mosaic", "--fast", "-o", "out.png")
    assert done.code == 0, done.err
    assert Image.open("out.png").getchannel("A").tobytes() == picture.getchannel("A").tobytes()


def test_outside_of_a_mask_and_of_a_region_nothing_changes(style):
    mask = torch.zeros(1, 3, 41, 57)
    mask[..., :20] = 1
    write_png(mask, "mask.png")
    done = style("in.png", "a mosaic", "--fast", "--mask", "mask.png", "-o", "out.png")
    assert done.code == 0, done.err
    before, after = image("in.png"), image("out.png")
    assert torch.equal(after[..., 20:], before[..., 20:])
    assert not torch.equal(after[..., :20], before[..., :20])
    done = style("in.png", "a mosaic", "--fast", "--keep-subject", "-o", "kept.png")
    assert done.code == 0, done.err
    assert bool((image("kept.png") == before).any())


def test_a_recipe_names_files_from_the_root(style, command, styler_file, tmp_path, monkeypatch):
    """A styler and a mask of this folder are found from another one, and one that changed is refused."""
    save_styler(load_styler(styler_file), "own.safetensors")
    write_png(torch.ones(1, 3, 41, 57), "mask.png")
    done = style(
        "in.png", "--styler", "own.safetensors", "--mix", "mosaic:0.5", "--mask", "mask.png", "-o", "a.png"
    )
    assert done.code == 0, done.err
    recipe = Record.from_toml(read_recipe("a.png"), "a.png")
    assert (recipe.settings.styler, recipe.settings.mix) == (f"{tmp_path}/own.safetensors", "mosaic:0.5")
    assert {"styler mosaic", f"styler {tmp_path}/own.safetensors"} <= set(recipe.models.hashes)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = command("rerun", "../a.png", "-o", "b.png")
    assert done.code == 0, done.err
    assert torch.equal(image("../a.png"), image("b.png"))
    other = load_styler(styler_file)
    other.vector = -other.vector
    save_styler(other, "../own.safetensors")
    done = command("rerun", "../a.png", "-o", "c.png")
    assert (done.code, "is not the styler" in done.err) == (3, True)


def test_the_network_is_kept_where_nothing_is_lost(style):
    Path("k.safetensors").write_bytes(b"years of work")
    done = style("in.png", "a mosaic", "--keep", "k.safetensors")
    assert (done.code, "k.safetensors: exists already" in done.err) == (3, True)
    assert Path("k.safetensors").read_bytes() == b"years of work"
    clip = ("--clip", "ViT-B-32=k.safetensors")
    done = style("in.png", "a mosaic", "--keep", "k.safetensors", "--overwrite", *clip)
    assert (done.code, "is read by this command" in done.err) == (2, True)
    assert names() == {"in.png", "k.safetensors"}


def test_a_checkpoint_of_another_picture_is_refused(style):
    write_png(SEEN.flip(-1), "two.png")
    assert style("in.png", "a mosaic", "--checkpoint", "c.pt").code == 0
    done = style("two.png", "a mosaic", "--checkpoint", "c.pt")
    assert done.code == 3
    assert "c.pt: a checkpoint of another run (the picture is '" in done.err
    assert "two-style.png" not in names()


def test_without_torch_until_it_is_needed():
    """Help and mistakes are answered at once."""
    script = (
        "import sys; sys.argv = ['promptbrush', 'style', *sys.argv[1:]]\n"
        "from promptbrush.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: print(stop.code, 'torch' in sys.modules)"
    )
    for words, code in ((["--help"], 0), (["in.png", "a mosaic", "--fast", "--steps", "3"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == f"{code} False"


@pytest.fixture
def film():
    """Five frames at 10 a second."""
    av = pytest.importorskip("av")
    with av.open("in.mp4", "w") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for index in range(5):
            levels = (SEEN[0, :, :32, index : index + 48] * 255).to(torch.uint8).permute(1, 2, 0)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(levels.contiguous().numpy(), format="rgb24")))
        target.mux(stream.encode(None))
    return av


def test_a_film(style, film, monkeypatch):
    shown = []
    monkeypatch.setattr(reporting.Lines, "see", lambda self, step: shown.append((step.index, step.total)))
    done = style("in.mp4", "a mosaic", "--fast")
    assert done.code == 0, done.err
    assert done.out.splitlines() == ["in-style.mp4"]
    assert shown == [(index, 5) for index in range(5)]
    with film.open("in-style.mp4") as made:
        frames = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
        assert made.streams.video[0].average_rate == 10
    assert len(frames) == 5
    assert frames[0].shape == (32, 48, 3)
    shown.clear()
    assert style("in.mp4", "a mosaic", "-o", "trained.mp4").code == 0
    assert shown == [(0, 2), (1, 2), *((index, 5) for index in range(5))], "a training, then the frames"


def test_films_that_cannot_be(style, film):
    refused = style("in.mp4", "a mosaic", "--fast", "-o", "in.mp4", "--overwrite")
    assert (refused.code, "is read by this command" in refused.err) == (2, True)
    Path("broken.mp4").write_bytes(b"no film" * 100)
    refused = style("broken.mp4", "a mosaic", "--fast")
    assert (refused.code, "cannot be read as a film" in refused.err) == (3, True)
    for words, text in {
        ("in.mp4", "a mosaic", "--trace"): "trace belongs to pictures, and in.mp4 is none",
        ("in.mp4", "a mosaic", "--checkpoint", "c.pt"): "checkpoint belongs to pictures",
        ("in.mp4", "a mosaic", "--keep", "k.safetensors"): "keep belongs to pictures",
        ("in.mp4", "in.png", "a mosaic"): "give them to commands of their own",
        ("in.mp4", "a mosaic", "--keep-subject"): "a film gets its style as a whole",
        ("in.mp4", "a mosaic", "-o", "out.png"): "use .mp4",
    }.items():
        refused = style(*words)
        assert (refused.code, text in refused.err) == (2, True), refused.err
    assert names() == {"in.png", "in.mp4", "broken.mp4"}


def test_published_networks(style, tmp_path):
    torch.manual_seed(0)
    torch.save(adain.encoder(53).state_dict(), "vgg_normalised.pth")
    torch.save(adain.decoder().state_dict(), "clip_decoder.pth.tar")
    done = style(
        "in.png", "--styler", "clip_decoder.pth.tar", "--encoder", "vgg_normalised.pth", "-o", "a.png"
    )
    assert done.code == 0, done.err
    done = style("in.png", "--styler", "clip_decoder.pth.tar")
    assert (done.code, "give --encoder vgg_normalised.pth" in done.err) == (4, True)
    torch.save({"state_dict_ghiasi": transformer.StyleTransformer().state_dict()}, "style.pt")
    torch.save(transformer.TextToStyle().state_dict(), "text.pt")
    fast = ("a mosaic", "--fast", "--transformer", "style.pt")
    done = style("in.png", *fast)
    assert (done.code, "transformer has no effect without text_to_style" in done.err) == (2, True)
    done = style("in.png", *fast, "--text-to-style", "text.pt")
    assert (done.code, "takes 512-dimensional features, this CLIP's texts have 256" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("in.png",), 2, "'in.png' stands where the prompt should"),
        (("a mosaic",), 2, "PICTURE is missing"),
        (("in.png", ""), 2, "STYLE is missing"),
        (("in.png", "in.png"), 2, "write the prompt as the last argument"),
        (("no.png", "a mosaic"), 3, "no.png"),
        (("in.png", "a mosaic", "--styler", "x"), 3, "a mosaic: there is no such file"),
        (("in.png", "--styler", "x", "--fast"), 2, "fast has no effect together with styler"),
        (("in.png", "--styler", "mosiac"), 2, "no styler is called 'mosiac' (did you mean 'mosaic'?)"),
        (("in.png", "--styler", "mosaic:-1"), 2, "the weight of styler 'mosaic' is -1"),
        (
            ("in.png", "a mosaic", "--fast", "--negative", "gold"),
            2,
            "negative has no effect together with fast",
        ),
        (("in.png", "a mosaic | gold:-1", "--fast"), 2, "leave the negative weight out"),
        (("in.png", "a mosaic", "--content", "vgg91"), 2, "content is vgg91"),
        (("in.png", "a mosaic", "--start", "wrods"), 2, "start"),
        (("in.png", "a mosaic", "--mix", "mosaic"), 2, "mix has no effect without styler"),
        (("in.png", "a mosaic", "--smooth", 0.3), 2, "smooth has no effect on pictures"),
        (("in.png", "a mosaic", "--fast", "--gif"), 2, "gif needs the steps of a run, and fast takes none"),
        (("in.png", "a mosaic", "--fast", "--keep", "k.safetensors"), 2, "keep needs the steps of a run"),
        (("in.png", "a mosaic", "--keep", "k.pt"), 2, "keep writes .safetensors"),
        (("in.png", "a mosaic", "--mask", "other.png"), 3, "the mask is 10x10"),
        (("in.png", "@no.png", "--fast"), 3, "no.png"),
        (("in.png", "a mosaic", "-o", "in.png"), 2, "is read by this command"),
    ],
)
def test_wrong_input(style, words, code, text):
    Image.new("L", (10, 10)).save("other.png")
    done = style(*words)
    assert done.code == code, done.err
    assert text in done.err
    assert [line for line in done.err.splitlines() if not line.startswith("models: ")] == [
        done.err.splitlines()[-1]
    ]
    assert names() == {"in.png", "other.png"}


def test_a_style_that_the_pack_was_not_trained_on_is_noted(style):
    done = style("in.png", "qwx zfgh", "--fast")
    assert done.code == 0
    assert "note: 'qwx zfgh' is a style that the mini pack was not trained on (score 0." in done.err
    assert "note" not in style("in.png", "a pencil drawing", "--fast", "-o", "b.png").err


def test_ctrl_c_saves_what_there_is(command, monkeypatch):
    def stop(self, step):
        if step.index == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(reporting.Lines, "see", stop)
    done = command("style", "in.png", "a mosaic", "--steps", 5, *QUICK[2:], *PLACE, "--keep", "k.safetensors")
    assert (done.code, "the best so far is in in-style.png" in done.err) == (130, True)
    assert Record.from_toml(read_recipe("in-style.png"), "").stopped_after == 2
    assert "k.safetensors" in names()


def test_from_python(film, tmp_path):
    import promptbrush

    result = promptbrush.style(SEEN, "a mosaic", fast=True, strength=0.8, device="cpu")
    assert result.image.size == (57, 41)
    result.save("drawing.png")
    assert Record.from_toml(read_recipe("drawing.png"), "").settings.strength == 0.8
    seen = []
    result = promptbrush.style(
        "in.png", "a mosaic", steps=2, side=32, cutouts=1, device="cpu", progress=seen.append
    )
    result.output.save_styler("own.safetensors")
    assert [step.index for step in seen] == [0, 1]
    again = promptbrush.style("in.png", styler="own.safetensors", device="cpu")
    assert float((again.tensor - result.tensor).abs().mean()) < 0.01
    moved = promptbrush.style("in.mp4", "a mosaic", fast=True, device="cpu")
    moved.save("moved.mp4")
    with film.open("moved.mp4") as made:
        assert len(list(made.decode(video=0))) == 5
    with pytest.raises(promptbrush.UsageError, match="this result is a picture"):
        result.save("moved.mp4")
    with pytest.raises(promptbrush.UsageError, match="smooth has no effect on pictures"):
        promptbrush.style("in.png", "a mosaic", fast=True, smooth=0.1)
