"""Making a pack of a folder of trained models: look at random pictures, hash the files, write the manifest."""

from __future__ import annotations

from collections.abc import Iterator

from ..._base import UsageError
from ..._devices import memory_checked
from ...generators.packs import write_manifest
from ...generators.stylegan2 import load_generator, read_metadata
from ...guidance.perceptor import load_perceptor
from ..doctor import resolve_device
from ..latent.exploration import explore, save_explored
from .generator import CONTENT, WORDS
from .options import PackOptions

GENERATOR = "stylegan2.safetensors"
# Files of a pack that may be missing, by what they do in it.
_OPTIONAL = {
    "painter": "clip/painter.json",
    "encoder": "encoder.safetensors",
    "face_encoder": "features.safetensors",
    "parser": "parser.safetensors",
    "content": CONTENT,
    "explored": "explored.safetensors",
    "styler": "styler.safetensors",
    "prior": "prior.safetensors",
    "redraw": "redraw.safetensors",
    "words": WORDS,
}


@memory_checked("--device cpu")
def make_pack(options: PackOptions) -> Iterator[str]:
    """Write the manifest of a folder that holds stylegan2.safetensors and clip/, and other models of a pack.

    Raises:
        UsageError: neither the options nor the generator's file say what the pack holds.
        InputFileError: a file that cannot be read or written.
    """
    folder, device = options.folder, resolve_device(options.device)
    generator = load_generator(folder / GENERATOR, device=device)
    fields = _described(options)
    found = explore(generator, load_perceptor(folder / "clip", device), options.explored)
    save_explored(found, folder / "explored.safetensors", {"licence": str(fields["licence"])})
    made = write_manifest(
        folder,
        version=options.version,
        resolution=generator.resolution,
        generator=GENERATOR,
        clip="clip",
        **{role: file for role, file in _OPTIONAL.items() if (folder / file).exists()},
        **fields,
    )
    yield f"{folder}: pack '{made.name}' {made.version}, {made.size / 1e6:.1f} MB"


def _described(options: PackOptions) -> dict[str, object]:
    """What the options say of the pack, else the header of its generator; nothing is made up."""
    path = options.folder / GENERATOR
    known = read_metadata(path)
    fields: dict[str, object] = {"name": options.name or options.folder.resolve().name}
    for name in ("domain", "source", "licence"):
        fields[name] = getattr(options, name) or known.get(name)
        if not fields[name]:
            raise UsageError(f"{path}: does not say the {name} of its pictures; give --{name}")
    fields["about"] = options.about or known.get("about") or fields["domain"]
    lines = options.attribution
    fields["attribution"] = lines if lines is not None else tuple(filter(None, [known.get("attribution")]))
    return fields
