"""The models of a job: a pack's, or the user's own files in their place, each loaded when it is first used."""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._base import Entry, InputFileError, MissingError, UsageError, load_target
from .._files import input_file, readable, short_hash
from ..generators.packs.pack import Pack, embedded_packs, load_pack
from .choice import ROLES, ModelChoice
from .doctor import resolve_device, resolve_precision
from .record import ModelNames
from .specs import members, rooted, weighted

if TYPE_CHECKING:
    from ..generators.content import FaceContent
    from ..generators.encoder import Encoder
    from ..generators.packs.words import Words
    from ..generators.parser import FaceParser
    from ..generators.prior.prior import Prior
    from ..generators.redraw import Redraw
    from ..generators.style.styler import Styler
    from ..guidance.face_features import FaceFeatures
    from ..guidance.identity import FaceEncoder
    from ..guidance.perceptor import AnyPerceptor, Perceptor
    from .latent.exploration import Explored

# Weight of the pack's painter, where its CLIP has weight 1.
_PAINTER_WEIGHT = 2


class Models:
    """Loads each role on its device when it is first used, and notes the hash of every file that took part.

    A generator of the user's own has no encoder and no face encoder unless they are given: the pack's belong to its
    own generator.

    Args:
        choice: the embedded pack if None.
        expected: by role, the first digits of the SHA-256 that each file must have, as a recipe says.
        loaded: roles that are there already, by name, in place of files.

    Attributes:
        explored: random pictures that edits looked at, by their number and the form of CLIP's input.

    Raises:
        UsageError, MissingError: an unknown device, precision or pack.
        InputFileError: from any role, a file that cannot be read or is not the expected one.
    """

    def __init__(
        self, choice: ModelChoice | None = None, expected: dict[str, str] | None = None, **loaded: Any
    ) -> None:
        self.choice = choice or ModelChoice()
        self.device = resolve_device(self.choice.device)
        self.precision = resolve_precision(self.choice.precision, self.device)
        self.pack: Pack = load_pack(self.choice.pack)
        self.expected, self.hashes = expected or {}, dict[str, str]()
        self.explored: dict[tuple[int, str], Explored] = {}
        self._clip_asked = False
        self._perceptors: dict[tuple[str, str], AnyPerceptor] = {}
        self._priors: dict[tuple[int, ...], Prior] = {}
        self.__dict__.update(loaded)

    # Roles, each loaded once.

    @cached_property
    def generator(self) -> Any:
        """What draws latents; see `generators.base.Generator`."""
        from ..generators import open_generator

        spec = self.choice.generator or self.pack.path("generator")
        model, path = open_generator(spec, self.device)
        if path is not None:
            self.note("generator", path)
        return model

    @cached_property
    def encoder(self) -> Encoder | None:
        """The inversion encoder of the generator, if there is one."""
        from ..generators.encoder import load_encoder

        path = self.own_or_pack("encoder")
        if path is None:
            return None
        encoder, generator = load_encoder(path), self.generator
        found, wanted = (encoder.num_ws, encoder.w_dim), (generator.num_ws, generator.w_dim)
        if found != wanted:
            raise UsageError(
                f"the encoder makes W+ latents {found}, the generator takes {wanted}; "
                "give --encoder for this generator"
            )
        return encoder.to(self.device)

    @cached_property
    def face_encoder(self) -> FaceEncoder | FaceFeatures | None:
        """The identity network, if there is one."""
        from ..guidance.identity import load_face_encoder

        path = self.own_or_pack("face_encoder")
        return load_face_encoder(path, self.device) if path else None

    @cached_property
    def content(self) -> FaceContent | None:
        """What inversion compares pictures by besides their pixels, if the generator is the pack's."""
        found: FaceContent | None = self._network("content", ".generators.content:load_content")
        return found

    @cached_property
    def parser(self) -> FaceParser | None:
        """What finds the parts of a picture, if the generator is the pack's."""
        found: FaceParser | None = self._network("parser", ".generators.parser:load_parser")
        return found

    @cached_property
    def redraw(self) -> Redraw | None:
        """What draws the generator's pictures large and sharp, if the generator is the pack's."""
        found: Redraw | None = self._network("redraw", ".generators.redraw:load_redraw")
        return found

    @cached_property
    def words(self) -> Words | None:
        """What prompts may say of the generator's pictures, if the generator is the pack's."""
        from ..generators.packs.words import load_words

        path = self.own_or_pack("words")
        return load_words(path) if path else None

    def drawing_with(self, generator: Any) -> Models:
        """The same models with another generator in the place of theirs, such as one that was tuned to a picture."""
        own = copy.copy(self)
        own.__dict__["generator"] = generator
        return own

    @cached_property
    def known(self) -> Explored | None:
        """Random pictures that the pack's CLIP has seen, if generator and CLIP are the pack's."""
        from .latent.exploration import load_explored

        path = self.own_or_pack("explored") if self.choice.clip is None else None
        return load_explored(path, self.generator) if path else None

    def prior(self, groups: tuple[int, ...] = ()) -> Prior:
        """The diffusion prior of the choice, else the pack's, which belongs to these models.

        Args:
            groups: how many layers each latent of a published checkpoint feeds, where the generator does not tell.

        Raises:
            MissingError: the pack has none. InputFileError: it belongs to other models.
        """
        from .sample.prior_identity import load_own_prior

        if groups not in self._priors:
            path = input_file(self.choice.prior) if self.choice.prior else self.pack.path("prior")
            self.note("prior", path)
            self._priors[groups] = load_own_prior(self, path, groups)
        return self._priors[groups]

    @cached_property
    def styler(self) -> Styler | None:
        """The pack's network that gives pictures a style by its words, if the pack has one; `pack_clip` reads them."""
        from ..generators.style.styler import load_styler

        if not self.pack.styler:
            return None
        path = self.pack.path("styler")
        self.note("styler", path)
        return load_styler(path).to(self.device)

    @cached_property
    def pack_clip(self) -> Perceptor:
        """The pack's own CLIP in float32, which reads words for its other networks, whichever CLIP guides."""
        from ..guidance.perceptor import load_perceptor

        spec = self.pack.clip_spec
        if (weights := clip_weights(spec)).is_file():
            self.note("clip" if self.choice.clip is None else "pack clip", weights)
        return load_perceptor(spec, self.device, offline=self.choice.offline)

    def perceptor(self, clip_input: str = "standard") -> AnyPerceptor:
        """The CLIP or CLIPs of the choice.

        Args:
            clip_input: how pictures reach CLIP: standard, reference or twice.
        """
        return self._clip([self.clip_spec], "clip", clip_input)

    @property
    def clip_spec(self) -> str | Path:
        """What names the CLIP of the choice, for loaders."""
        self._clip_asked = True
        return self.choice.clip or self.pack.clip_spec

    @property
    def painters(self) -> AnyPerceptor:
        """As `perceptor` for methods that move pixels or shapes: by default the pack's painter with its CLIP.

        The gradients of the hardened model paint, and the other one looks along: what fools one seldom fools both.
        """
        if self.choice.clip is None and self.pack.painter:
            both = [f"{self.pack.path('painter')}:{_PAINTER_WEIGHT}", f"{self.pack.clip_spec}:1"]
            return self._clip(both, "painter", "standard")
        return self.perceptor()

    def _clip(self, specs: list[Any], role: str, clip_input: str) -> AnyPerceptor:
        from ..guidance.perceptor import load_ensemble

        key = (role, clip_input)
        if key in self._perceptors:
            return self._perceptors[key]
        loaded = next((each for (own, _), each in self._perceptors.items() if own == role), None)
        if loaded is not None:
            self._perceptors[key] = seeing(loaded, clip_input)
            return self._perceptors[key]
        parts = [part for spec in specs for part in members(spec)]
        check_clip([spec for spec, _ in parts])
        roles = (
            ("painter", "clip")
            if role == "painter"
            else ("clip", *(f"clip {i + 2}" for i in range(len(parts) - 1)))
        )
        for name, (spec, _) in zip(roles, parts, strict=True):
            if (weights := clip_weights(spec)).is_file():
                self.note(name, weights)
        precision = str(self.precision).removeprefix("torch.")
        named = specs if len(specs) > 1 else specs[0]
        found = load_ensemble(named, self.device, precision, clip_input, offline=self.choice.offline)
        self._perceptors[key] = found
        return found

    def _network(self, role: str, loader: str) -> Any:
        """The network of a role, by "module:function" that loads its file; None if there is no file."""
        path = self.own_or_pack(role)
        return load_target(Entry(loader), role)(path).to(self.device) if path else None

    def own_or_pack(self, role: str) -> Path | None:
        """The file of a role: the user's own, else the pack's if the generator is the pack's too; noted."""
        own = getattr(self.choice, role, None)
        if own:
            path = input_file(own)
        elif self.choice.generator is None and getattr(self.pack, role):
            path = self.pack.path(role)
        else:
            return None
        self.note(role, path)
        return path

    def note(self, role: str, path: Path) -> None:
        """Keep the hash of a file that takes part.

        Raises:
            InputFileError: it cannot be read, or is not the expected one.
        """
        if role not in self.hashes:
            self.hashes[role] = short_hash(path)
        wanted = self.expected.get(role)
        if wanted and wanted != self.hashes[role]:
            raise InputFileError(
                f"{path}: is not the {role} of the recipe (its SHA-256 begins with {self.hashes[role]}, the recipe's "
                f"with {wanted}); give the same file, or install the version of promptbrush that wrote the recipe"
            )

    def check_used(self) -> None:
        """Find models of the choice that nothing asked for, once everything is composed.

        Raises:
            UsageError: one has no effect with the settings.
        """
        asked = {
            "generator": "generator" in self.__dict__,
            "clip": self._clip_asked,
            "face_encoder": "face_encoder" in self.__dict__,
            "prior": bool(self._priors),
        }
        for role, used in asked.items():
            if getattr(self.choice, role) and not used:
                flag = f"--{role.replace('_', '-')}"
                raise UsageError(f"{flag} has no effect with these settings; leave it out")

    @property
    def source(self) -> str:
        """What one picture of the pack's domain is called in a prompt."""
        return self.pack.source

    @property
    def names(self) -> ModelNames:
        """What took part so far, named so that it is found from any folder, with the hash of each file."""
        own = {
            role: rooted(spec) for role in ROLES if (spec := getattr(self.choice, role)) and role != "clip"
        }
        if self.choice.clip:
            own["clip"] = ",".join(weighted(*member) for member in members(self.choice.clip))
        embedded = self.choice.pack in embedded_packs()
        pack = self.choice.pack if embedded else readable(self.pack.folder.resolve())
        return ModelNames(pack=pack, hashes=dict(sorted(self.hashes.items())), **own)


def required_face_encoder(models: Models) -> FaceEncoder | FaceFeatures:
    """The identity network.

    Raises:
        MissingError: none was given.
    """
    if models.face_encoder is None:
        raise MissingError(
            "identity needs a face recognition network: give --face-encoder model_ir_se50.pth, or weight 0"
        )
    return models.face_encoder


def seeing(perceptor: AnyPerceptor, clip_input: str) -> AnyPerceptor:
    """The same CLIP models with another form of input."""
    from ..guidance.perceptor import Ensemble

    if all(member.preprocessing == clip_input for member, _ in perceptor.members):
        return perceptor
    views = [copy.copy(member) for member, _ in perceptor.members]
    for view in views:
        view.preprocessing = clip_input
    return Ensemble(views, [weight for _, weight in perceptor.members])


def check_clip(specs: list[str]) -> None:
    """A path without its architecture would be taken for the name of published weights.

    Raises:
        UsageError, InputFileError: it is one, or there is no such path.
    """
    for part in specs:
        path = Path(part)
        if path.is_file() and path.suffix != ".json":
            raise UsageError(
                f"{path}: weights of a CLIP need its architecture; give ARCH={path}, or a folder with clip.json"
            )
        if path.is_absolute() and not path.exists():
            raise InputFileError(f"{path}: there is no such CLIP; give a folder with clip.json")


def clip_weights(spec: str | Path) -> Path:
    """The file of a CLIP: of "ARCH=FILE", of its folder or .json, or itself; none for published names."""
    path = Path(str(spec).rpartition("=")[2])
    if path.suffix == ".json":
        return path.with_suffix(".safetensors")
    return path / "clip.safetensors" if path.is_dir() else path
