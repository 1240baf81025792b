"""Training the embedded generator: a reader of attributes, the fit to drawn faces, and the adversarial finish."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator

import torch

from ..._devices import memory_checked
from ..._files import atomic_file
from ..._weights import save_half
from ...generators.content import save_content
from ...generators.stylegan2 import save_generator
from ...generators.training.face_prompts import words_of_faces
from ...generators.training.face_set import load_faces
from ...generators.training.finish import FinishTrainer
from ...generators.training.fit import FitTrainer
from ...generators.training.reader import ReaderTrainer
from ...generators.training.settings import FinishSettings, FitSettings, ReaderSettings
from ...generators.training.sheets import fit_rows, save_sheet
from ..doctor import resolve_device
from .options import GeneratorOptions, part_of

LICENCE = "CC-BY-4.0"
# What a pack says of a generator of drawn faces; `train pack` reads it from the file.
ABOUT = {
    "licence": LICENCE,
    "about": "small models of drawn faces, for trying out, tests and teaching",
    "domain": "cartoon faces",
    "source": "a person",
    "attribution": "Faces drawn with 'Toon Head' by Johan Melin (CC BY 4.0), through DiceBear, with changes: parts, "
    "colours and backgrounds were added",
}
ATTRIBUTES, CONTENT, WORDS = "attributes.safetensors", "content.safetensors", "words.json"
SIZE = 128


@memory_checked("a smaller --batch, or --device cpu")
def train_generator(options: GeneratorOptions) -> Iterator[str]:
    """Train the reader, fit to drawn faces, refine by what it reads, distil the mapping, finish adversarially.

    Raises:
        InputFileError, MissingError: in one line.
    """
    work, seed, device = options.work, options.seed, resolve_device(options.device)
    faces = load_faces(work, options.faces, SIZE)
    reading = ReaderTrainer(faces, work, ReaderSettings(steps=options.reader_steps), seed, device)
    yield from reading.lines()
    settings = part_of(FitSettings, options)
    fit = FitTrainer(faces, reading.network, work, settings, seed, device)
    sheet = functools.partial(save_sheet, path=work / "stylegan2.png", zoom=2)
    yield from fit.lines(lambda: sheet(fit_rows(fit.fitted, faces)))
    finishing = FinishSettings(steps=options.finish_steps)
    finish = FinishTrainer(faces, work, fit.fitted, reading.network, finishing, seed)
    yield from finish.lines(lambda: sheet(fit_rows(finish.finished, faces)), every=200)
    if not finish.processes.is_main:
        return
    output, header = options.output, {**ABOUT, "seed": str(seed)}
    save_generator(finish.finished.generator, output, header, torch.float16)
    save_half(finish.finished.attributes, output.with_name(ATTRIBUTES), header)
    save_content(reading.network, output.with_name(CONTENT), header)
    with atomic_file(output.with_name(WORDS)) as temporary:
        temporary.write_text(json.dumps(words_of_faces(), indent=1) + "\n", encoding="utf-8")
    yield f"{output}: {settings.steps} steps of fit, {settings.refine_steps} of refining, {finishing.steps} of finish"
