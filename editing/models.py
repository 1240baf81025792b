"""The models of an edit: a pack's, or the user's own files in their place."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .._base import InputFileError, MissingError, UsageError
from .._files import input_file, readable, short_hash
from ..generators.content import FaceContent, load_content
from ..generators.encoder import Encoder, load_encoder
from ..generators.packs.pack import Pack, embedded_packs, load_pack
from ..generators.stylegan2 import StyleGAN2, load_generator
from ..guidance.face_features import FaceFeatures
from ..guidance.identity import FaceEncoder, load_face_encoder
from ..guidance.perceptor import AnyPerceptor, Ensemble, load_ensemble
from .doctor import resolve_device, resolve_precision
from .exploration import Explored, load_explored
from .recipe import Models

# Of the pack's painter, where its CLIP counts 1.
_PAINTER_SHARE = 2


@dataclass(frozen=True)
class LoadedModels:
    """Loaded and on their device.

    Attributes:
        names: what a recipe keeps of them.
        known: random pictures that the pack's CLIP has seen already, if they are the pack's generator and CLIP.
        content: what inversion compares pictures by besides their pixels, if the generator is the pack's.
        explored: those that edits looked at, by their number and the form of CLIP's input.
    """

    generator: StyleGAN2
    perceptor: AnyPerceptor
    encoder: Encoder | None
    face_encoder: FaceEncoder | FaceFeatures | None
    source: str
    device: torch.device
    precision: torch.dtype
    names: Models
    known: Explored | None = None
    content: FaceContent | None = None
    explored: dict[tuple[int, str], Explored] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class ModelChoice:
    """What to load: a pack, and what takes the place of its parts."""

    pack: str = "mini"
    generator: str | None = None
    clip: str | None = None
    encoder: str | None = None
    face_encoder: str | None = None
    device: str = "auto"
    precision: str = "auto"
    clip_input: str = "standard"
    offline: bool = False


def load_models(choice: ModelChoice | None = None) -> LoadedModels:
    """Load everything that an edit needs; the embedded pack if nothing is chosen.

    A generator of the user's own has no encoder and no face encoder unless they are given: the pack's belong to its
    own generator.

    Raises:
        UsageError, InputFileError, MissingError: as the loaders do, in one line.
    """
    choice = choice or ModelChoice()
    device = resolve_device(choice.device)
    precision = resolve_precision(choice.precision, device)
    pack = load_pack(choice.pack)
    generator = load_generator(_generator_path(choice, pack), device=device)
    encoder = _encoder(choice, pack, generator, device)
    return LoadedModels(
        generator,
        load_perceptors(choice, pack, device, precision),
        encoder,
        _face_encoder(choice, pack, device),
        pack.source,
        device,
        precision,
        _names(choice, pack, encoder is not None),
        _known(choice, pack, generator),
        _content(choice, pack, device),
    )


def load_perceptors(
    choice: ModelChoice, pack: Pack, device: torch.device, precision: torch.dtype
) -> AnyPerceptor:
    """The CLIP or CLIPs of a choice.

    Raises:
        UsageError, InputFileError, MissingError: as `load_ensemble`.
    """
    spec = choice.clip or pack.clip_spec
    _check_clip(spec)
    name = str(precision).removeprefix("torch.")
    return load_ensemble(spec, device, name, choice.clip_input, offline=choice.offline)


def load_painters(
    choice: ModelChoice, pack: Pack, device: torch.device, precision: torch.dtype
) -> AnyPerceptor:
    """As `load_perceptors` for methods that move pixels or shapes: by default the pack's painter with its CLIP.

    The hardened model's gradients paint, and the other one looks along: what fools one of them seldom fools both.

    Raises:
        UsageError, InputFileError, MissingError: as `load_ensemble`.
    """
    if choice.clip is None and pack.painter:
        both = [f"{pack.path('painter')}:{_PAINTER_SHARE}", f"{pack.clip_spec}:1"]
        name = str(precision).removeprefix("torch.")
        return load_ensemble(both, device, name, offline=choice.offline)
    return load_perceptors(choice, pack, device, precision)


def _check_clip(spec: str | Path) -> None:
    """A path without its architecture would be taken for the name of published weights."""
    for part in str(spec).split(","):
        path = Path(re.sub(r":[^:/\\]*$", "", part.strip()))
        if path.is_file() and path.suffix != ".json":
            raise UsageError(
                f"{path}: weights of a CLIP need its architecture; give ARCH={path}, or a folder with clip.json"
            )
        if path.is_absolute() and not path.exists():
            raise InputFileError(f"{path}: there is no such CLIP; give a folder with clip.json")


def _generator_path(choice: ModelChoice, pack: Pack) -> Path:
    return input_file(choice.generator) if choice.generator else pack.path("generator")


def _encoder(choice: ModelChoice, pack: Pack, generator: StyleGAN2, device: torch.device) -> Encoder | None:
    if choice.encoder:
        encoder = load_encoder(input_file(choice.encoder))
    elif choice.generator is None and pack.encoder:
        encoder = load_encoder(pack.path("encoder"))
    else:
        return None
    found, wanted = (encoder.num_ws, encoder.w_dim), (generator.num_ws, generator.w_dim)
    if found != wanted:
        raise UsageError(
            f"the encoder makes W+ latents {found}, the generator takes {wanted}; give --encoder for this generator"
        )
    return encoder.to(device)


def _face_encoder_path(choice: ModelChoice, pack: Pack) -> Path | None:
    if choice.face_encoder:
        return input_file(choice.face_encoder)
    return pack.path("face_encoder") if choice.generator is None and pack.face_encoder else None


def _face_encoder(choice: ModelChoice, pack: Pack, device: torch.device) -> FaceEncoder | FaceFeatures | None:
    path = _face_encoder_path(choice, pack)
    return load_face_encoder(path, device) if path else None


def _content_path(choice: ModelChoice, pack: Pack) -> Path | None:
    return pack.path("content") if choice.generator is None and pack.content else None


def _content(choice: ModelChoice, pack: Pack, device: torch.device) -> FaceContent | None:
    path = _content_path(choice, pack)
    return load_content(path).to(device) if path else None


def _explored_path(choice: ModelChoice, pack: Pack) -> Path | None:
    own = choice.generator is None and choice.clip is None
    return pack.path("explored") if own and pack.explored else None


def _known(choice: ModelChoice, pack: Pack, generator: StyleGAN2) -> Explored | None:
    path = _explored_path(choice, pack)
    return load_explored(path, generator) if path else None


def seeing(perceptor: AnyPerceptor, clip_input: str) -> AnyPerceptor:
    """The same CLIP models, with the input that settings ask for where they were loaded with another."""
    if all(member.preprocessing == clip_input for member, _ in perceptor.members):
        return perceptor
    views = [copy.copy(member) for member, _ in perceptor.members]
    for view in views:
        view.preprocessing = clip_input
    return Ensemble(views, [weight for _, weight in perceptor.members])


def required_face_encoder(models: LoadedModels) -> FaceEncoder | FaceFeatures:
    """The identity network.

    Raises:
        MissingError: none was given.
    """
    if models.face_encoder is None:
        raise MissingError(
            "identity_weight needs a face recognition network: give --face-encoder model_ir_se50.pth, or weight 0"
        )
    return models.face_encoder


def _names(choice: ModelChoice, pack: Pack, encoded: bool) -> Models:
    """What was loaded, named so that it is found from any folder, and the hash of each file among it."""
    own: dict[str, Any] = {
        role: _absolute(spec)
        for role in ("generator", "encoder", "face_encoder")
        if (spec := getattr(choice, role))
    }
    if choice.clip:
        own["clip"] = ",".join(_rooted(*member) for member in _members(choice.clip))
    files: dict[str, str | Path] = {"generator": _generator_path(choice, pack)}
    for index, (spec, _) in enumerate(_members(choice.clip or pack.clip_spec)):
        files[f"clip {index + 1}" if index else "clip"] = spec
    if encoded:
        files["encoder"] = choice.encoder or pack.path("encoder")
    if face_encoder := _face_encoder_path(choice, pack):
        files["face_encoder"] = face_encoder
    if known := _explored_path(choice, pack):
        files["explored"] = known
    if content := _content_path(choice, pack):
        files["content"] = content
    weights = {role: _weights(spec) for role, spec in files.items()}
    hashes = {role: short_hash(path) for role, path in weights.items() if path.is_file()}
    return Models(pack=_pack_name(choice, pack), hashes=hashes, **own)


def painter_names(choice: ModelChoice, pack: Pack) -> Models:
    """What `load_painters` loads, as a recipe keeps it."""
    if choice.clip is None and pack.painter:
        files, own = {"painter": _weights(pack.path("painter")), "clip": _weights(pack.clip_spec)}, {}
    else:
        parts = _members(choice.clip or pack.clip_spec)
        files = {f"clip {i + 1}" if i else "clip": _weights(spec) for i, (spec, _) in enumerate(parts)}
        own = {"clip": ",".join(_rooted(*part) for part in _members(choice.clip))} if choice.clip else {}
    hashes = {role: short_hash(path) for role, path in files.items() if path.is_file()}
    return Models(pack=_pack_name(choice, pack), hashes=hashes, **own)


def _pack_name(choice: ModelChoice, pack: Pack) -> str:
    return choice.pack if choice.pack in embedded_packs() else readable(pack.folder.resolve())


# As `load_ensemble` reads it.
_WEIGHTED = re.compile(r"(.+)(:[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)")


def _members(clip: str | Path) -> list[tuple[str, str]]:
    """Each CLIP of "SPEC:weight,SPEC:weight", and its weight with the colon, or nothing."""
    specs = [str(clip)] if isinstance(clip, Path) else clip.split(",")
    found = ((spec.strip(), _WEIGHTED.fullmatch(spec.strip())) for spec in specs)
    return [(match[1], match[2]) if match else (spec, "") for spec, match in found]


def _rooted(spec: str, weight: str) -> str:
    """A CLIP with its weight, spelt from the root; a path that ends like a weight gets one, to stay a path."""
    path = _absolute(spec)
    return path + (weight or (":1" if _WEIGHTED.fullmatch(path) else ""))


def _weights(spec: str | Path) -> Path:
    """The file of a model: of "ARCH=FILE", of a CLIP's folder or .json, or itself; none for published names."""
    path = Path(str(spec).rpartition("=")[2])
    if path.suffix == ".json":
        return path.with_suffix(".safetensors")
    return path / "clip.safetensors" if path.is_dir() else path


def _absolute(spec: str) -> str:
    """A path, also the one in "ARCH=FILE", spelt from the root; names of published models as they are."""
    head, equals, tail = spec.rpartition("=")
    return f"{head}{equals}{readable(Path(tail).resolve())}" if Path(tail).exists() else spec
