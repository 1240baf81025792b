"""Photographs in styles: whether a second CLIP names the style, what is left of the content, time and memory.

    python benchmarks/style.py recognised [--way fast|train|paper] [--photos DIR] [--count 12] [--styles 20] [--each 20]
    python benchmarks/style.py equal DIR [--photos DIR]   # beside what --way paper --folder DIR left
    python benchmarks/style.py speed          # a command at 512 px, a pass at 1024 px, a step at the size of ViT-B/32
    python benchmarks/style.py memory         # peaks at 512, 1024 and 4096 px

- recognised: photographs of scikit-image and scikit-learn, and those of DIR, in styles by their synonyms. The second
  CLIP (`benchmarks/clip-judge`: other tower, other seed, never guiding) sees the whole and its four corners and names
  one of 40 styles. Content is the distance of EfficientNet-Lite0's features, and SSIM of edges, from the photograph.
  `--each` takes so many styles for each photograph, in turn, where all of them would take hours.
- equal: our pictures at the strength at which the judge's cosine with the style is that of the published method.
- speed: the published loop is written out plainly: float32, 64 crops through the CLIP one by one, StyleNet and VGG19 at
  512 px. Ours is the default with the same CLIP. Weights are random: time does not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from promptbrush import ModelChoice, Models, Result, style
from promptbrush._resize import resize
from promptbrush._settings import chosen
from promptbrush.editing.pictures import read_picture, write_png
from promptbrush.editing.style.blending import finished, in_style
from promptbrush.editing.style.compose import compose
from promptbrush.editing.style.settings import StyleSettings
from promptbrush.editing.style.style_networks import by_words
from promptbrush.editing.style.subjects import Photograph
from promptbrush.generators.style.stylenet import StyleNet
from promptbrush.generators.training.sheets import save_sheet
from promptbrush.guidance import load_perceptor
from promptbrush.guidance.content import Lite0, Vgg19
from promptbrush.guidance.patches import perspective_crops, published_draws
from promptbrush.guidance.perceptor import Perceptor
from promptbrush.guidance.regularity import frobenius_variation
from torch import Tensor

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).with_name("promptbrush"))
OWN = ("astronaut", "chelsea", "coffee", "rocket", "camera")
SIDE, THUMB = 512, 160
HALVINGS = 6
# As people would type them; each with its name among the 40.
STYLES = {
    "a stained glass window": "stained glass",
    "a pencil drawing": "pencil sketch",
    "a Roman mosaic": "mosaic",
    "neon lights": "neon",
    "a woodcut print": "woodcut",
    "a charcoal sketch": "charcoal",
    "a watercolour painting": "watercolour",
    "an oil painting": "oil paint",
    "a halftone print": "halftone",
    "a blueprint": "blueprint",
    "an impressionist painting": "impressionist dabs",
    "a pointillist painting": "pointillism",
    "a cross-stitch pattern": "cross-stitch",
    "a chalk drawing": "chalk",
    "a thermal image": "thermal camera",
    "an old brown photograph": "sepia",
    "knitted wool": "wool",
    "a gold statue": "gold",
    "an embroidered picture": "embroidery",
    "an x-ray picture": "x-ray",
}
OTHERS = (
    "ink wash", "comic", "pop art", "pixel art", "low poly", "black and white", "linocut", "duotone", "crayon",
    "graffiti", "cubist facets", "ukiyo-e", "paper cut-out", "fire", "ice", "marble", "wood", "brick", "night", "snow",
)  # fmt: skip


def photographs(folder: Path | None, count: int) -> dict[str, Tensor]:
    """(1,3,H,W) in [0,1] by name, the longest side 512 px."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    found = {name: Image.fromarray(getattr(data, name)()) for name in OWN}
    samples = load_sample_images()
    found |= {
        Path(name).stem: Image.fromarray(x) for name, x in zip(samples.filenames, samples.images, strict=True)
    }
    for path in sorted(folder.iterdir()) if folder else ():
        found[path.stem] = Image.open(path)
    pictures = {}
    for name, image in list(found.items())[:count]:
        levels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
        high, wide = levels.shape[-2:]
        share = SIDE / max(high, wide)
        pictures[name] = resize(levels, round(high * share), round(wide * share))
    return pictures


class Judge:
    """Names styles."""

    def __init__(self) -> None:
        self.clip = load_perceptor(HERE / "clip-judge")
        self.names = [*STYLES.values(), *OTHERS]
        with torch.no_grad():
            self.texts = self.clip.encode_text(self.names)
        self.lite = Lite0()

    def rank(self, image: Tensor, name: str) -> int:
        """How many of the other styles fit better."""
        scores = self.scores(image)
        return int((scores > scores[self.names.index(name)]).sum())

    def score(self, image: Tensor, name: str) -> float:
        """Mean cosine with a style."""
        return float(self.scores(image)[self.names.index(name)])

    @torch.no_grad()
    def scores(self, image: Tensor) -> Tensor:
        """Mean cosine with each style, of the whole and its corners."""
        high, wide = (round(0.6 * side) for side in image.shape[-2:])
        corners = [image[..., rows, columns] for rows in (slice(high), slice(-high, None))
                   for columns in (slice(wide), slice(-wide, None))]  # fmt: skip
        features = torch.cat([self.clip.encode_image(view) for view in (image, *corners)]).mean(0)
        return self.texts @ features

    @torch.no_grad()
    def content(self, image: Tensor, photo: Tensor) -> tuple[float, float]:
        """Distance of features in shares of the photograph's, and SSIM of edges."""
        from skimage.filters import sobel
        from skimage.metrics import structural_similarity

        sides = [round(side / 32) * 32 for side in photo.shape[-2:]]
        pairs = zip(self.lite(resize(image, *sides)), self.lite(resize(photo, *sides)), strict=True)
        apart = statistics.fmean(float((a - b).square().mean() / b.square().mean()) for a, b in pairs)
        edges = [sobel(each[0].mean(0).numpy()) for each in (image, photo)]
        return apart, float(structural_similarity(*edges, data_range=1.0))


def made(photo: Tensor, words: str, way: str) -> Result:
    """A photograph in a style."""
    if way == "paper":
        # The mini CLIP is asked for, so that both are guided by the same models.
        return style(photo, words, preset="paper", content="lite0")
    return style(photo, words, fast=way == "fast")


def equal(arguments: argparse.Namespace) -> None:
    """Content of the published method's pictures, and of ours at an equal score."""
    judge, photos, rows = Judge(), photographs(arguments.photos, 99), []
    words_of = {name.replace(" ", "-"): (words, name) for words, name in STYLES.items()}
    for path in sorted(arguments.folder.glob("*.png")):
        photo_name = next(name for name in photos if path.stem.startswith(f"{name}-"))
        words, name = words_of[path.stem.removeprefix(f"{photo_name}-")]
        photo, theirs = photos[photo_name], read_picture(path).image
        wanted = judge.score(theirs, name)
        whole, low, high = made(photo, words, "fast").tensor, 0.0, 1.0
        for _ in range(HALVINGS):
            strength = (low + high) / 2
            image = finished(photo, whole, strength)
            low, high = (low, strength) if judge.score(image, name) >= wanted else (strength, high)
        ours = finished(photo, whole, high)
        found = (*judge.content(theirs, photo), *judge.content(ours, photo))
        rows.append(found)
        print(f"{path.stem}: score {judge.score(photo, name):.3f} of the photograph, {wanted:.3f} as published, "
              f"{judge.score(ours, name):.3f} ours at strength {high:.2f}, {judge.score(whole, name):.3f} whole; "
              "content {:.3f}, edges {:.3f} as published; {:.3f}, {:.3f} ours".format(*found), flush=True)  # fmt: skip
    means = [statistics.fmean(column) for column in zip(*rows, strict=True)]
    print("mean: content {:.3f}, edges {:.3f} as published; {:.3f}, {:.3f} ours".format(*means))


def recognised(arguments: argparse.Namespace) -> None:
    """Rank 1 of 40, content, and seconds."""
    judge, photos = Judge(), photographs(arguments.photos, arguments.count)
    styles = list(STYLES.items())[: arguments.styles]
    rows, sheet, missed = [], {}, []
    for number, (photo_name, photo) in enumerate(photos.items()):
        chosen = [styles[(number * arguments.each + k) % len(styles)] for k in range(arguments.each)]
        for words, name in chosen:
            began = time.monotonic()
            image = made(photo, words, arguments.way).tensor
            seconds = time.monotonic() - began
            rank = judge.rank(image, name)
            rows.append((rank, *judge.content(image, photo), seconds))
            sheet[photo_name, words] = image
            if rank:
                missed.append(f"{photo_name} as {words} ({rank + 1})")
            if arguments.folder:
                arguments.folder.mkdir(parents=True, exist_ok=True)
                write_png(image, arguments.folder / f"{photo_name}-{name.replace(' ', '-')}.png")
        print(f"{photo_name}: {sum(not row[0] for row in rows)} of {len(rows)} named so far", flush=True)
    first, five = (statistics.fmean(row[0] < top for row in rows) for top in (1, 5))
    content, edges, seconds = (statistics.fmean(row[k] for row in rows) for k in (1, 2, 3))
    print(f"{arguments.way}: named {first:.3f} of {len(rows)} (goal 0.85), among the first five {five:.3f}; "
          f"content {content:.3f}, edges {edges:.3f}; {seconds:.1f} s each")  # fmt: skip
    print("not named: " + ", ".join(missed))
    if arguments.sheet:
        tiles = [F.interpolate(image, (THUMB, THUMB), mode="area") for image in sheet.values()]
        width = arguments.each
        save_sheet([torch.cat(tiles[at : at + width]) for at in range(0, len(tiles), width)], arguments.sheet)


def speed(_: argparse.Namespace) -> None:
    """Seconds of a command, a pass and a step."""
    with tempfile.TemporaryDirectory() as place:
        photo = Path(place) / "in.png"
        write_png(photographs(None, 2)["chelsea"], photo)
        began = time.monotonic()
        words = ["style", photo, "a stained glass window", "-o", Path(place) / "out.png"]
        subprocess.run([COMMAND, *map(str, words)], check=True, capture_output=True)
        print(f"command, longest side 451 px: {time.monotonic() - began:.1f} s (goal 60)")
        settings = chosen(StyleSettings, given={"prompt": "a mosaic", "fast": True, "texture": 1.0})
        transfer = by_words(Models(ModelChoice(device="cpu")), settings)
        square = torch.rand(1, 3, 1024, 1024)
        spans = [_seconds(lambda: in_style(transfer, square, settings)) for _ in range(4)]
        print(f"one pass at 1024 px: {min(spans[1:]):.2f} s (goal 1)")
        weights = Path(place) / "clip.pt"
        _random_clip(weights)
        clip = f"ViT-B-32={weights}"
        plain = plain_step(load_perceptor(clip))
        trained = chosen(StyleSettings, given={"prompt": "a mosaic", "coarse": 0.0, "patience": 0})
        photograph = Photograph(resize(square, 512, 512))
        steps = compose(Models(ModelChoice(clip=clip)), photograph, trained).run()
        ours = min(_seconds(lambda: next(steps)) for _ in range(4))
        print(
            f"a step with ViT-B/32 at 512 px: plain {plain:.2f} s, ours {ours:.2f} s, {plain / ours:.1f}x (goal 3)"
        )


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _random_clip(path: Path) -> None:
    import open_clip

    torch.manual_seed(0)
    torch.save(open_clip.create_model("ViT-B-32-quickgelu", pretrained=None).state_dict(), path)


def plain_step(clip: Perceptor) -> float:
    """Seconds of a step of the published loop, the best of two."""
    torch.manual_seed(0)
    network, vgg = StyleNet(), Vgg19().eval().requires_grad_(False)
    photo, optimizer = torch.rand(1, 3, 512, 512), torch.optim.Adam(network.parameters(), 5e-4)
    with torch.no_grad():
        source, wanted = clip.encode_image(photo), vgg(photo)
        direction = F.normalize(clip.encode_text(["a mosaic"]) - clip.encode_text(["a photo"]), dim=1)

    def distance(view: Tensor) -> Tensor:
        seen = F.interpolate(view, (224, 224), mode="bicubic")
        return 1 - (F.normalize(clip.encode_image(seen) - source, dim=1) * direction).sum()

    def step() -> None:
        image = network(photo)
        draws = published_draws(0, 64, 128, (512, 512))
        crops = [perspective_crops(image, *(part[k : k + 1] for part in draws), 128) for k in range(64)]
        patches = torch.stack([distance(F.interpolate(crop, (224, 224), mode="bilinear")) for crop in crops])
        patches = torch.where(patches < 0.7, torch.zeros_like(patches), patches).mean()
        content = sum(F.mse_loss(a, b) for a, b in zip(vgg(image), wanted, strict=True))
        smooth = frobenius_variation(image).sum()
        loss = 9000 * patches + 500 * distance(image) + 150 * content + 2e-3 * smooth
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return min(_seconds(step) for _ in range(2))


def memory(_: argparse.Namespace) -> None:
    """Peaks of whole commands."""
    with tempfile.TemporaryDirectory() as place:
        for side in (512, 1024, 4096):
            photo = Path(place) / f"{side}.png"
            Image.effect_mandelbrot((side, side * 9 // 16), (-2, -1, 1, 1), 60).convert("RGB").save(photo)
            for words in (["--fast", "--texture", "1"], []):
                command = ["style", photo, "a mosaic", *words, "-o", Path(place) / "out.png", "--overwrite"]
                script = (
                    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=-3, stderr=-3);"
                    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
                )
                line = [
                    sys.executable,
                    "-c",
                    script,
                    COMMAND,
                    *map(str, command),
                ]
                told = subprocess.run(line, check=True, capture_output=True, text=True).stdout
                print(
                    f"{side} px {'one pass' if words else 'trained'}: {int(told) / 2**20:.2f} GiB", flush=True
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tables = parser.add_subparsers(dest="table", required=True)
    named = tables.add_parser("recognised")
    named.add_argument("--way", choices=("fast", "train", "paper"), default="fast")
    named.add_argument("--photos", type=Path, help="folder with photographs of your own")
    named.add_argument("--count", type=int, default=12)
    named.add_argument("--styles", type=int, default=len(STYLES))
    named.add_argument("--each", type=int, default=len(STYLES))
    named.add_argument("--sheet", type=Path)
    named.add_argument("--folder", type=Path, help="where the pictures go, whole")
    beside = tables.add_parser("equal")
    beside.add_argument("folder", type=Path)
    beside.add_argument("--photos", type=Path, help="folder with photographs of your own")
    tables.add_parser("speed")
    tables.add_parser("memory")
    arguments = parser.parse_args()
    {"recognised": recognised, "equal": equal, "speed": speed, "memory": memory}[arguments.table](arguments)


if __name__ == "__main__":
    main()
