"""`promptbrush style` on real files: what is written where, what is said, and how it ends."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from PIL import Image
from promptbrush.cli.style import style as style_command
from promptbrush.editing.commands import StoppedError
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.pictures import read_picture, write_png
from promptbrush.editing.style import command as module
from promptbrush.editing.style.command import StyleJob, style_pictures
from promptbrush.editing.style.recipe import StyleRecipe
from promptbrush.editing.style.settings import StyleSettings, style_settings
from promptbrush.generators.packs.pack import load_pack
from promptbrush.generators.style import adain, transformer
from promptbrush.generators.style.styler import load_styler, save_styler, told

QUICK = ("--steps", 2, "--side", 32, "--cutouts", 1, "--device", "cpu", "--precision", "float32")
SEEN = torch.nn.functional.interpolate(
    torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0)), (41, 57), mode="bicubic"
).clamp(0, 1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder with one picture in it."""
    monkeypatch.chdir(tmp_path)
    write_png(SEEN, "in.png")


@pytest.fixture
def style(command):
    return lambda *words: command("style", *words, *QUICK)


@pytest.fixture(scope="module")
def styler_file(tmp_path_factory) -> Path:
    """A styler of one style."""
    many = load_styler(load_pack("mini").path("styler"))
    path = tmp_path_factory.mktemp("stylers") / "one.safetensors"
    one = told(many, torch.ones(1, many.shape["style"]) / 3, "something")
    save_styler(one, path)
    return path


def names(folder: str | Path = ".") -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def image(path: str) -> torch.Tensor:
    return read_picture(path).image


def test_a_photograph(style):
    done = style("in.png", "a mosaic")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "models: mini pack, styler trained for this picture",
        "in-style.png",
    ]
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
    recipe = StyleRecipe.from_toml(read_recipe("a.png"), "a.png")
    assert (recipe.way, recipe.settings.colours) == (way, 0.5)
    if way == "styler":
        Path(styler_file).touch()
        assert recipe.styler == f"{styler_file}:2"


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


def test_every_setting_is_a_flag():
    assert set(StyleSettings.model_fields) - set(inspect.signature(style_command).parameters) == {"prompt"}


def test_a_film(style):
    av = pytest.importorskip("av")
    with av.open("in.mp4", "w") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for index in range(5):
            levels = (SEEN[0, :, :32, index : index + 48] * 255).to(torch.uint8).permute(1, 2, 0)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(levels.contiguous().numpy(), format="rgb24")))
        target.mux(stream.encode(None))
    done = style("in.mp4", "a mosaic", "--fast")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "in-style.mp4"
    with av.open("in-style.mp4") as made:
        frames = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
        assert made.streams.video[0].average_rate == 10
    assert len(frames) == 5
    assert frames[0].shape == (32, 48, 3)
    refused = style("in.mp4", "a mosaic", "--fast", "-o", "in.mp4", "--overwrite")
    assert (refused.code, "is read by this command" in refused.err) == (2, True)
    Path("broken.mp4").write_bytes(b"no film" * 100)
    refused = style("broken.mp4", "a mosaic", "--fast")
    assert (refused.code, "cannot be read as a film" in refused.err) == (3, True)
    assert "broken-style.mp4" not in names()


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
    assert (done.code, "give both --transformer and --text-to-style" in done.err) == (2, True)
    done = style("in.png", *fast, "--text-to-style", "text.pt")
    assert (done.code, "takes features of 512 numbers, this CLIP's texts have 256" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("in.png",), 2, "there is no picture"),
        (("in.png", "in.png"), 2, "write the style last"),
        (("no.png", "a mosaic"), 3, "no.png"),
        (("in.png", "a mosaic", "--styler", "x"), 3, "a mosaic: there is no such file"),
        (("in.png", "--styler", "x", "--fast"), 2, "give one of them"),
        (("in.png", "--styler", "mosiac"), 2, "no styler is called 'mosiac'"),
        (("in.png", "a mosaic", "--fast", "--negative", "gold"), 2, "leave the negative out"),
        (("in.png", "a mosaic", "--content", "vgg91"), 2, "no network is called 'vgg91'"),
        (("in.png", "a mosaic", "--start", "wrods"), 2, "start"),
        (("in.png", "a mosaic", "--fast", "--keep", "k.safetensors"), 2, "without --fast"),
        (("in.png", "a mosaic", "--keep", "k.pt"), 2, ".safetensors"),
        (("in.png", "a mosaic", "--mask", "other.png"), 3, "the mask is 10x10"),
        (("in.png", "@no.png", "--fast"), 3, "no.png"),
        (("in.png", "a mosaic", "-o", "in.png"), 2, "is read by this command"),
    ],
)
def test_wrong_input(style, words, code, told):
    Image.new("L", (10, 10)).save("other.png")
    done = style(*words)
    assert done.code == code, done.err
    assert told in done.err
    assert len(done.err.splitlines()) == 1
    assert names() == {"in.png", "other.png"}


def test_a_style_that_nobody_taught_is_told(style):
    done = style("in.png", "qwx zfgh", "--fast")
    assert done.code == 0
    assert "note: 'qwx zfgh' is a style that the mini pack was not taught (score 0." in done.out
    assert "note" not in style("in.png", "a pencil drawing", "--fast", "-o", "b.png").out


def test_ctrl_c_saves_what_there_is(monkeypatch):
    real = module.consumers_for

    class Stop:
        def see(self, step):
            if step.index == 1:
                raise KeyboardInterrupt

        def close(self):
            pass

    monkeypatch.setattr(module, "consumers_for", lambda *given: [*real(*given), Stop()])
    settings = style_settings(prompt="a mosaic", steps=5, side=32, cutouts=1)
    lines = style_pictures(StyleJob((Path("in.png"),), settings))
    with pytest.raises(StoppedError, match=r"the style so far is in in-style\.png"):
        list(lines)
    assert StyleRecipe.from_toml(read_recipe("in-style.png"), "").stopped_after == 2
