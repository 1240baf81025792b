"""Networks that give a style in one pass, by name or file: the embedded stylers, own ones, and published ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..._base import MissingError, UsageError, did_you_mean
from ..._files import input_file
from ...generators.packs.pack import Pack
from ...generators.style import adain, stylenet
from ...generators.style.styler import FACTOR, Styler, blended, load_styler
from ...generators.style.stylist import Stylist
from ...generators.style.transformer import FACTOR as TRANSFORMER_FACTOR
from ...generators.style.transformer import load_text_to_style, load_transformer
from ...guidance.perceptor import Perceptor, load_perceptor
from ...guidance.prompts import Prompt, encode_prompts
from ..pictures import read_picture

_PUBLISHED = (".pth", ".pt", ".tar")
_WEIGHTED = re.compile(r"(.+):(\d*\.?\d+)")


@dataclass(frozen=True)
class Published:
    """Files of published fast methods: AdaIN's encoder, and FastCLIPstyler's two networks."""

    encoder: Path | None = None
    transformer: Path | None = None
    text_to_style: Path | None = None


_NONE = Published()


def of_styler(styler: Styler, vector: Tensor | None = None) -> Stylist:
    """A styler with a style vector (1,S); with its own by default."""

    def draw(images: Tensor, at: tuple[int, int]) -> Tensor:
        # Looked up anew each time: a training moves the styler's own.
        chosen = styler.vector if vector is None else vector
        made: Tensor = styler(images, chosen.expand(len(images), -1), at)
        return made

    return Stylist(styler, draw, FACTOR, reach=80)


def of_stylenet(network: stylenet.StyleNet) -> Stylist:
    """CLIPstyler's network."""
    return Stylist(network, lambda images, at: network(images), stylenet.FACTOR, reach=96)


def named_stylist(spec: str, pack: Pack, published: Published, device: torch.device) -> tuple[Stylist, str]:
    """What `--styler` asks for, with its words for people.

    Args:
        spec: names of the pack's stylers or files, several with commas and weights: "mosaic:2,stained-glass:1".

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    parts = styler_parts(spec, pack)
    shares = [part.share for part in parts]
    if any(part.file.suffix in _PUBLISHED for part in parts):
        return _adain([part.file for part in parts], shares, published, device), spec
    styler = blended([_own(part.file, pack).to(device) for part in parts], shares)
    return of_styler(styler.to(device)), styler.prompt or spec


@dataclass(frozen=True)
class Part:
    """A styler that is mixed in: as it was named, its file, and how much of it."""

    name: str
    file: Path
    share: float


def styler_parts(spec: str, pack: Pack) -> list[Part]:
    """What `named_stylist` mixes.

    Raises:
        UsageError, InputFileError: a name that is not known, or no such file.
    """
    return [_part(each.strip(), pack) for each in spec.split(",")]


def _part(text: str, pack: Pack) -> Part:
    if not text:
        raise UsageError("--styler names nothing between two commas; give a name or a file")
    match = _WEIGHTED.fullmatch(text)
    name, share = (match[1], float(match[2])) if match else (text, 1.0)
    known = pack.stylers()
    if name in known:
        return Part(name, known[name], share)
    if Path(name).suffix or Path(name).exists():
        return Part(name, input_file(name), share)
    hint = did_you_mean(name, list(known))
    raise UsageError(f"no styler is called '{name}'{hint}; known: {', '.join(known) or 'none'}, or a file")


def _own(file: Path, pack: Pack) -> Styler:
    styler = load_styler(file, pack.path("styler") if pack.styler else None)
    if styler.shape["features"]:
        raise UsageError(f"{file}: this styler asks for words; give them with --fast instead of --styler")
    return styler


def _adain(
    files: Sequence[Path], shares: Sequence[float], published: Published, device: torch.device
) -> Stylist:
    if published.encoder is None:
        raise MissingError(
            f"{files[0]}: a published decoder needs its encoder; give --encoder vgg_normalised.pth"
        )
    encoder = adain.load_encoder(input_file(published.encoder)).to(device)
    decoder = adain.mixed([adain.load_decoder(file) for file in files], shares).to(device).eval()
    return Stylist(decoder, lambda images, at: decoder(encoder(images)), adain.FACTOR, reach=96)


@dataclass(frozen=True)
class Taught:
    """A pack's styler of all styles, and its CLIP, which tells it the texts, whichever CLIP guides."""

    styler: Styler
    perceptor: Perceptor

    @torch.no_grad()
    def vector(self, prompts: Sequence[Prompt]) -> Tensor:
        """What the styler makes of prompts, (1,S): the mean of their vectors by weight.

        Raises:
            UsageError: one should count against. InputFileError: a picture among them that cannot be read.
        """
        if any(prompt.weight < 0 for prompt in prompts):
            raise UsageError("a style in one pass cannot be told what not to be; leave the negative out")
        found = encode_prompts(self.perceptor, prompts, load_image=lambda path: read_picture(path).image)
        vectors: Tensor = self.styler.text(found.features)
        return (found.weights / found.weights.sum())[None] @ vectors


def taught(pack: Pack, device: torch.device, offline: bool = False) -> Taught:
    """Load both.

    Args:
        offline: never download.

    Raises:
        InputFileError, MissingError: in one line.
    """
    styler = load_styler(pack.path("styler")).to(device)
    return Taught(styler, load_perceptor(pack.clip_spec, device, offline=offline))


@torch.no_grad()
def fast_stylist(
    prompts: Sequence[Prompt],
    pack: Pack,
    device: torch.device,
    published: Published = _NONE,
    clip: str | None = None,
    known: Taught | None = None,
    offline: bool = False,
) -> Stylist:
    """One network for every text: the pack's own, or FastCLIPstyler's if its files are given.

    Args:
        clip: whose features FastCLIPstyler knows; the pack's by default.
        known: the pack's own, if it is loaded already.
        offline: never download.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    if published.transformer or published.text_to_style:
        perceptor = load_perceptor(clip or pack.clip_spec, device, offline=offline)
        found = encode_prompts(perceptor, prompts, load_image=lambda path: read_picture(path).image)
        return _transformer(found.features, found.weights / found.weights.sum(), published, device)
    known = known or taught(pack, device, offline)
    return of_styler(known.styler, known.vector(prompts))


def _transformer(features: Tensor, shares: Tensor, published: Published, device: torch.device) -> Stylist:
    if not published.transformer or not published.text_to_style:
        raise UsageError("FastCLIPstyler is two files; give both --transformer and --text-to-style")
    transformer = load_transformer(input_file(published.transformer)).to(device)
    text = load_text_to_style(input_file(published.text_to_style)).to(device)
    wanted, found = text.model[0].in_features, features.shape[1]
    if wanted != found:
        told = "; that of ALBERT's sentences cannot be told by a CLIP" if wanted == 768 else ""
        raise UsageError(
            f"{published.text_to_style}: takes features of {wanted} numbers, this CLIP's texts have {found}{told}; "
            "give --clip ViT-B-32/openai for FastCLIPstyler"
        )
    vector = shares @ text(features)
    return Stylist(
        transformer,
        lambda images, at: transformer(images, vector.expand(len(images), -1)),
        TRANSFORMER_FACTOR,
        reach=96,
    )
