"""Networks that have a style already, by words, name or file: the embedded stylers, own ones, and published ones."""

from __future__ import annotations

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
from ...generators.style.transfer import StyleTransfer
from ...generators.style.transformer import FACTOR as TRANSFORMER_FACTOR
from ...generators.style.transformer import load_text_to_style, load_transformer
from ...guidance.perceptor import Perceptor, load_perceptor
from ...guidance.prompt import Prompt, signed_prompts
from ...guidance.prompts import PromptFeatures, encode_prompts
from ..models import Models
from ..pictures import load_image
from ..specs import is_path, members, respelt
from .settings import StyleSettings

_PUBLISHED = (".pth", ".pt", ".tar")


def of_styler(styler: Styler, vector: Tensor | None = None) -> StyleTransfer:
    """A styler with a style vector (1,S); with its own by default."""

    def draw(images: Tensor, at: tuple[int, int]) -> Tensor:
        # Looked up anew each time: a training moves the styler's own.
        chosen = styler.vector if vector is None else vector
        made: Tensor = styler(images, chosen.expand(len(images), -1), at)
        return made

    return StyleTransfer(styler, draw, FACTOR, reach=80)


def of_stylenet(network: stylenet.StyleNet) -> StyleTransfer:
    """CLIPstyler's network."""
    return StyleTransfer(network, lambda images, at: network(images), stylenet.FACTOR, reach=96)


@dataclass(frozen=True)
class WordStyler:
    """A pack's styler of all styles, and the pack's CLIP, which reads the texts for it, whichever CLIP guides."""

    styler: Styler
    perceptor: Perceptor

    @torch.no_grad()
    def vector(self, prompts: Sequence[Prompt]) -> Tensor:
        """The style vector (1,S) of prompts: the mean of what the styler proposes for each, by weight.

        Raises:
            UsageError: one should count against. InputFileError: a picture among them that cannot be read.
        """
        if any(prompt.weight < 0 for prompt in prompts):
            raise UsageError("a style in one pass cannot leave out a style; leave the negative weight out")
        found = features_of(self.perceptor, prompts)
        return (found.weights / found.weights.sum())[None] @ self.styler.propose(found.features)


def features_of(perceptor: Perceptor, prompts: Sequence[Prompt]) -> PromptFeatures:
    """What a CLIP reads in prompts, pictures among them.

    Raises:
        InputFileError: a picture that cannot be read.
    """
    return encode_prompts(perceptor, prompts, load_image=load_image)


def word_styler(pack: Pack, device: torch.device, offline: bool = False) -> WordStyler:
    """Load a pack's styler and its CLIP.

    Raises:
        InputFileError, MissingError: in one line.
    """
    styler = load_styler(pack.path("styler")).to(device)
    return WordStyler(styler, load_perceptor(pack.clip_spec, device, offline=offline))


def word_styler_of(models: Models) -> WordStyler:
    """The pack's, loaded once.

    Raises:
        MissingError: the pack has none.
    """
    if models.styler is None:
        raise MissingError(f"pack '{models.pack.name}' has no styler; choose a pack that has one")
    return WordStyler(models.styler, models.pack_clip)


def styled_network(models: Models, settings: StyleSettings) -> StyleTransfer | None:
    """The network that has its style already, if the settings ask for one; else it is to be trained.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    if settings.styler:
        return named_styler(models, settings)
    return by_words(models, settings) if settings.fast else None


@torch.no_grad()
def by_words(models: Models, settings: StyleSettings) -> StyleTransfer:
    """One network for every text: the pack's own, or FastCLIPstyler's if its files are given.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    prompts = signed_prompts(settings.prompt, settings.negative)
    if settings.transformer and settings.text_to_style:
        return _transformer(models, prompts, settings.transformer, settings.text_to_style)
    if settings.transformer or settings.text_to_style:
        raise UsageError("FastCLIPstyler is two files; give both --transformer and --text-to-style")
    known = word_styler_of(models)
    return of_styler(known.styler, known.vector(prompts))


def _transformer(
    models: Models, prompts: Sequence[Prompt], network: Path, text_network: Path
) -> StyleTransfer:
    # Not `models.perceptor`: the features are those of the CLIP in float32.
    perceptor = load_perceptor(models.clip_spec, models.device, offline=models.choice.offline)
    found = features_of(perceptor, prompts)
    models.note("transformer", network)
    models.note("text_to_style", text_network)
    transformer = load_transformer(input_file(network)).to(models.device)
    text = load_text_to_style(input_file(text_network)).to(models.device)
    wanted, given = text.model[0].in_features, found.features.shape[1]
    if wanted != given:
        other = "; a CLIP cannot take the place of ALBERT's sentences" if wanted == 768 else ""
        raise UsageError(
            f"{text_network}: takes {wanted}-dimensional features, this CLIP's texts have {given}{other}; "
            "give --clip ViT-B-32/openai for FastCLIPstyler"
        )
    vector = (found.weights / found.weights.sum()) @ text(found.features)
    return StyleTransfer(
        transformer,
        lambda images, at: transformer(images, vector.expand(len(images), -1)),
        TRANSFORMER_FACTOR,
        reach=96,
    )


def named_styler(models: Models, settings: StyleSettings) -> StyleTransfer:
    """What `--styler` and `--mix` name, blended: "mosaic:2,stained-glass:1" of the pack, or files.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    parts = styler_parts(settings.stylers, models.pack)
    for part in parts:
        # As the recipe spells it, so that the same file has the same name when it is made again.
        models.note(f"styler {respelt(part.name)}", part.file)
    shares = [part.share for part in parts]
    if any(part.file.suffix in _PUBLISHED for part in parts):
        return _adain(models, [part.file for part in parts], shares, settings.encoder)
    stylers = [_own(part.file, models.pack).to(models.device) for part in parts]
    return of_styler(blended(stylers, shares).to(models.device))


@dataclass(frozen=True)
class Part:
    """A styler that is blended: as it was named, its file, and how much of it."""

    name: str
    file: Path
    share: float


def styler_parts(specs: str, pack: Pack) -> list[Part]:
    """The stylers of "SPEC:weight,SPEC:weight".

    Raises:
        UsageError, InputFileError: a name that is not known, or no such file.
    """
    return [_part(name, float(weight[1:] or 1), pack) for name, weight in members(specs)]


def _part(name: str, share: float, pack: Pack) -> Part:
    if not name:
        raise UsageError("--styler names nothing between two commas; give a name or a file")
    if share < 0:
        raise UsageError(f"the weight of styler '{name}' is {share:g}; give one that is not negative")
    known = pack.stylers()
    if name in known:
        return Part(name, known[name], share)
    if is_path(name):
        return Part(name, input_file(name), share)
    hint = did_you_mean(name, list(known))
    there = f"; a file in this folder is written ./{name}" if Path(name).exists() else ""
    raise UsageError(
        f"no styler is called '{name}'{hint}; known: {', '.join(known) or 'none'}, or a file{there}"
    )


def _own(file: Path, pack: Pack) -> Styler:
    styler = load_styler(file, pack.path("styler") if pack.styler else None)
    if styler.shape["features"]:
        raise UsageError(f"{file}: this styler needs words; give them with --fast instead of --styler")
    return styler


def _adain(
    models: Models, files: Sequence[Path], shares: Sequence[float], encoder_file: Path | None
) -> StyleTransfer:
    if encoder_file is None:
        raise MissingError(
            f"{files[0]}: a published decoder needs its encoder; give --encoder vgg_normalised.pth"
        )
    models.note("encoder", encoder_file)
    encoder = adain.load_encoder(input_file(encoder_file)).to(models.device)
    decoder = adain.mixed([adain.load_decoder(file) for file in files], shares).to(models.device).eval()
    return StyleTransfer(decoder, lambda images, at: decoder(encoder(images)), adain.FACTOR, reach=96)
