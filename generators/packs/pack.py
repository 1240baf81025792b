"""Packs: weights that belong together, and a manifest that says what they are and how their bytes hash.

A pack is a folder with `pack.json` and the files that it lists; the embedded ones stand beside this module.
Nothing here imports torch, so that listing packs stays fast.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, from_json

from ..._base import InputFileError, MissingError, UsageError, did_you_mean
from ..._files import FOLDER_MEND, atomic_file, reason, sha256_of

MANIFEST_NAME = "pack.json"
FORMAT = 1
STYLERS = "stylers"
ROLES = (
    "generator",
    "clip",
    "painter",
    "encoder",
    "face_encoder",
    "parser",
    "content",
    "explored",
    "styler",
    "prior",
    "redraw",
    "words",
)
ROOT = Path(__file__).parent
_MANIFEST_BYTES = 2**20
_HASH_SHOWN = 12
# Beside the weights stand a package's own files and its model card, which may be reworded at any time.
_NOT_WEIGHTS = (".py", ".pyc", ".md")
_PUBLISHED_CLIP = re.compile(r"(hf-hub:)?[\w-][\w.-]*(/[\w-][\w.-]*)?")


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of text")
    return text


def _inside(path: str) -> str:
    """The path itself, if it is relative, spelt plainly, and cannot leave the folder on any system."""
    plain = PurePosixPath(path).as_posix() == path and path.isprintable() and path != "."
    if not plain or path.startswith("/") or ".." in path.split("/") or PureWindowsPath(path).drive:
        raise ValueError(f"{_short(path)} must be a relative path inside the pack's folder")
    if "\\" in path:
        raise ValueError(f"{_short(path)} must use '/' between folders")
    return path


Line = Annotated[str, AfterValidator(_one_line)]
Inside = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Fault:
    """A file of a pack that is not as its manifest says."""

    file: Path
    kind: Literal["missing", "changed", "extra", "unreadable"]

    def __str__(self) -> str:
        told = {
            "missing": "is missing; download the pack again",
            "changed": "has changed since the manifest was written; download the pack again",
            "extra": "is not in the manifest; remove it or write the manifest again",
            "unreadable": "cannot be read; check its permissions",
        }
        return f"{self.file}: {told[self.kind]}"


class Pack(BaseModel):
    """What a manifest says; `load_pack` reads one and `write_manifest` makes one.

    Attributes:
        format: of the manifest; this version reads up to `FORMAT`.
        name, version: of the pack; the version is the author's.
        about: one line for people.
        domain: what the pictures show, e.g. "cartoon faces".
        source: what one such picture is called in a prompt, e.g. "a cartoon face".
        resolution: side of the generator's pictures in pixels.
        generator, encoder: files of the pack.
        face_encoder, parser: files of the pack, the identity network and the one that finds the parts of a face.
        content: file of the pack, the network by whose features inversion compares pictures.
        painter: file of the pack, the .json of a CLIP hardened against attacks, whose gradients paint: for methods that
            move pixels or shapes, where nothing else keeps a picture plausible.
        explored: file of the pack, what its CLIP sees in random pictures of its generator.
        styler: file of the pack, the network that gives any picture a style told in words. Stylers of one style each
            need no role: they are the files in the folder `stylers`.
        prior: file of the pack, the network that draws latents of its generator for what its CLIP reads.
        redraw: file of the pack, the network that draws its generator's pictures large and sharp.
        words: file of the pack, what prompts may say of its pictures, see `words.Words`.
        clip: a folder or file of the pack, "ARCH=file of the pack", or published weights such as
            "ViT-B-32/openai" or "hf-hub:organisation/name".
        files: sha256 in hex of every file, by its path in the folder, with "/".
        licence: of the weights, as SPDX writes it.
        attribution: whom to name, a line each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Annotated[int, Field(gt=0)] = FORMAT
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: Annotated[str, Field(strict=False, coerce_numbers_to_str=True), AfterValidator(_one_line)]
    about: Line
    domain: Line
    source: Line
    resolution: Annotated[int, Field(gt=0, le=2**14)]
    generator: str
    clip: str
    encoder: str | None = None
    face_encoder: str | None = None
    parser: str | None = None
    content: str | None = None
    painter: str | None = None
    explored: str | None = None
    styler: str | None = None
    prior: str | None = None
    redraw: str | None = None
    words: str | None = None
    files: dict[Inside, Sha256]
    licence: Line
    # Lax about list or tuple only: the lines themselves must be text.
    attribution: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _roles_are_listed(self) -> Pack:
        for role in (role for role in ROLES if role != "clip"):
            file = getattr(self, role)
            if file is not None and file not in self.files:
                raise ValueError(f"{role} {_short(file)} is not among the files")
        file = self.clip.partition("=")[2]
        if file and file not in self.files:
            raise ValueError(f"clip {_short(file)} is not among the files")
        published = _PUBLISHED_CLIP.fullmatch(self.clip) and not self.clip.endswith(".json")
        if not (file or published or self._holds(self.clip)):
            raise ValueError(f"clip {_short(self.clip)} is neither among the files nor published weights")
        return self

    @property
    def folder(self) -> Path:
        """Where the pack is."""
        return self._folder

    @property
    def hashes(self) -> dict[str, str]:
        """File -> the first 12 hex digits of its sha256, as the manifest says; `verify` compares."""
        return {file: digest[:_HASH_SHOWN] for file, digest in self.files.items()}

    @property
    def size(self) -> int:
        """Bytes of the listed files that are there."""
        paths = (self.folder / file for file in self.files)
        return sum(path.stat().st_size for path in paths if path.is_file())

    @property
    def clip_spec(self) -> str | Path:
        """What `guidance.perceptor.load_perceptor` takes: a path where the pack has one, else a name.

        Raises:
            MissingError: the model is the pack's own and a file of it is not there.
        """
        architecture, equals, file = self.clip.partition("=")
        if equals:
            return f"{architecture}={self._existing(file)}"
        return self.path("clip") if self._holds(self.clip) else self.clip

    def path(self, role: str) -> Path:
        """The file that plays a role, or the folder of a CLIP; see `ROLES`.

        Raises:
            UsageError: no such role, or a CLIP that is not a path of the pack (`clip_spec` tells it).
            MissingError: the pack has nothing for this role, or not the file.
        """
        if role not in ROLES:
            raise UsageError(f"no role is called '{role}'{did_you_mean(role, list(ROLES))}")
        part: str | None = getattr(self, role)
        if part is None:
            raise MissingError(f"pack '{self.name}' has no {role}; choose a pack that has one")
        if not self._holds(part):
            raise UsageError(f"the {role} of pack '{self.name}' is not a path of the pack but '{part}'")
        for file in self._below(part):
            self._existing(file)
        return self.folder / part

    def stylers(self) -> dict[str, Path]:
        """Name -> file of each styler of one style, sorted."""
        found = [Path(file) for file in sorted(self.files) if file.startswith(f"{STYLERS}/")]
        return {file.stem: self.folder / file for file in found if file.suffix == ".safetensors"}

    def verify(self) -> list[Fault]:
        """The files that are missing, changed, unreadable or too many; reads every byte. Empty if all is well.

        The manifest, model cards (.md), Python files and hidden files may be there unlisted.
        """
        checked = ((self.folder / file, digest) for file, digest in sorted(self.files.items()))
        faults = [Fault(path, kind) for path, digest in checked if (kind := _compare(path, digest))]
        extra = sorted(set(_weights(self.folder)) - self.files.keys())
        return faults + [Fault(self.folder / file, "extra") for file in extra]

    def _below(self, part: str) -> list[str]:
        return [file for file in self.files if file == part or file.startswith(f"{part}/")]

    def _holds(self, part: str) -> bool:
        return bool(self._below(part))

    def _existing(self, file: str) -> Path:
        path = self.folder / file
        if not path.is_file():
            raise MissingError(f"pack '{self.name}' is incomplete: {Fault(path, 'missing')}")
        return path


@dataclass(frozen=True)
class Summary:
    """A line about an embedded pack; `state` is "ok", "not built" or what is wrong with it.

    Attributes:
        size: bytes of its files.
    """

    name: str
    state: str
    domain: str = ""
    resolution: int = 0
    size: int = 0

    def row(self) -> tuple[str, str, str, str, str]:
        """As people read it: name, domain, resolution, size, state."""
        px, size = (f"{self.resolution} px", f"{self.size / 1e6:.1f} MB") if self.resolution else ("", "")
        return self.name, self.domain, px, size, self.state

    @property
    def ok(self) -> bool:
        return self.state == "ok"


def embedded_packs() -> list[str]:
    """Names of the packs that are part of the package, sorted, whether their weights are there or not."""
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def summaries() -> list[Summary]:
    """One line for each embedded pack; no hash is computed."""
    return [_summary(name) for name in embedded_packs()]


def load_pack(name_or_folder: str | Path) -> Pack:
    """Read the manifest of a pack; no weights are opened.

    Args:
        name_or_folder: the name of an embedded pack, or a folder with a pack.json, or that file. A folder
            that is called like an embedded pack is written "./name".

    Raises:
        UsageError: neither a known name nor a path.
        MissingError: an embedded pack whose weights were not built.
        InputFileError: a manifest that is missing, broken, or of a newer format.
    """
    if not isinstance(name_or_folder, str) or name_or_folder not in embedded_packs():
        return _read(_own_manifest(name_or_folder))
    manifest = ROOT / name_or_folder / MANIFEST_NAME
    if not manifest.is_file():
        raise MissingError(
            f"pack '{name_or_folder}' has no weights in this installation ({manifest.parent}); train them "
            "(promptbrush train --help), install a build that holds them, or name a folder with a pack.json"
        )
    return _read(manifest)


def write_manifest(folder: str | Path, **fields: Any) -> Pack:
    """Hash the files of a folder and write its pack.json, in one step.

    Args:
        folder: holds the weights already.
        fields: those of `Pack`, without `files`; cards (.md), Python files and hidden files are not listed.

    Raises:
        InputFileError: a field that does not fit, or a folder that cannot be read or written.
    """
    path = Path(folder) / MANIFEST_NAME
    try:
        files = {file: sha256_of(Path(folder) / file) for file in sorted(_weights(Path(folder)))}
    except OSError as error:
        raise InputFileError(
            f"{path}: its files cannot be read ({reason(error)}); choose another folder"
        ) from error
    pack = _parse({**fields, "files": files}, path)
    with atomic_file(path, FOLDER_MEND) as temporary:
        text = json.dumps(pack.model_dump(mode="json", exclude_none=True), indent=1)
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")
    return pack


def _summary(name: str) -> Summary:
    try:
        pack = load_pack(name)
    except MissingError:
        return Summary(name, "not built")
    except InputFileError as error:
        return Summary(name, str(error))
    gone = [file for file in pack.files if not (pack.folder / file).is_file()]
    state = str(Fault(pack.folder / gone[0], "missing")) if gone else "ok"
    return Summary(name, state, pack.domain, pack.resolution, pack.size)


def _own_manifest(given: str | Path) -> Path:
    path = Path(given)
    try:
        exists = given != "" and path.exists()  # Path("") is the current folder
        if exists and path.is_dir():
            return path / MANIFEST_NAME
    except (OSError, ValueError):  # a name that is too long or has a NUL character
        exists = False
    if path.name == MANIFEST_NAME:
        return path
    if exists or isinstance(given, Path) or len(path.parts) > 1:
        raise InputFileError(f"{given!s:.200}: is not a folder with a {MANIFEST_NAME}; name such a folder")
    known = embedded_packs()
    raise UsageError(
        f"no pack is called '{given:.200}'{did_you_mean(given, known)}; known: {', '.join(known)}; "
        f"or name a folder with a {MANIFEST_NAME}"
    )


def _read(manifest: Path) -> Pack:
    try:
        if not manifest.is_file():
            raise InputFileError(f"{manifest}: not found; name a folder with a {MANIFEST_NAME}")
        with manifest.open("rb") as file:
            raw = file.read(_MANIFEST_BYTES + 1)
        if len(raw) > _MANIFEST_BYTES:
            raise InputFileError(
                f"{manifest}: is too large for a manifest (over 1 MiB); download the pack again"
            )
        return _parse(from_json(raw), manifest)
    except OSError as error:
        raise InputFileError(f"{manifest}: cannot be read ({error}); check its permissions") from error
    except ValueError as error:
        raise InputFileError(f"{manifest}: is not JSON ({error}); download the pack again") from error


def _parse(data: object, manifest: Path) -> Pack:
    """Check a manifest's content; `manifest` is for messages, and its folder becomes the pack's."""
    if not isinstance(data, Mapping):
        raise InputFileError(f"{manifest}: must be a JSON object, not {type(data).__name__}")
    # Before the fields: those of a newer format may be unknown here.
    if isinstance(number := data.get("format"), int) and number > FORMAT:
        raise InputFileError(
            f"{manifest}: its format is newer than {FORMAT}, the latest that this version supports; update promptbrush"
        )
    try:
        pack = Pack.model_validate(dict(data))
    except ValidationError as error:
        raise InputFileError(f"{manifest}: {_problem(error.errors()[0])}") from error
    pack._folder = manifest.parent
    return pack


def _problem(error: ErrorDetails) -> str:
    place = [str(part) for part in error["loc"] if part != "[key]"]
    field, kind = _short(".".join(place)), error["type"]
    if kind == "missing":
        return f"field {field} is missing; add it"
    if kind == "extra_forbidden":
        known = list(Pack.model_fields)
        return f"field {field} is unknown{did_you_mean(place[0], known)}; known: {', '.join(known)}"
    told = error["msg"].removeprefix("Value error, ")
    return f"field {field}: {told}; correct it" if place else f"{told}; correct it"


def _short(text: str) -> str:
    """In quotes, on one line and not endless, whatever a hostile file holds."""
    return repr(text if len(text) <= 80 else f"{text[:80]}...")


def _weights(folder: Path) -> Iterator[str]:
    """Files of a folder that a manifest lists, as paths with "/"."""
    for path in folder.rglob("*"):
        inner = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inner.parts)
        if not hidden and path.is_file() and path.suffix not in _NOT_WEIGHTS and path.name != MANIFEST_NAME:
            yield inner.as_posix()


def _compare(path: Path, digest: str) -> Literal["missing", "changed", "unreadable"] | None:
    try:
        if not path.is_file():
            return "missing"
        return None if sha256_of(path) == digest else "changed"
    except OSError:
        return "unreadable"
