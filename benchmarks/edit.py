"""How well `promptbrush edit` does what the prompt says and leaves the rest alone, judged by a classifier.

    python benchmarks/edit.py --judge benchmarks/judge.safetensors [--sheet gallery/edits.png]

For each of 40 prompts, ten unseen faces that do not show the attribute yet are edited by the default preset and
by `paper` (StyleCLIP's published settings), with the same models, in one run. The judge guides nothing. Counted:
- target: the share of results in which the judge sees the attribute of the prompt;
- others: the share of the input's other visible attributes whose judged value differs from the input's. Those that
  the target decides by itself do not count as others (a bald head has no hair colour): see ENTAILED.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from faces import JUDGE, NAMES, Faces, drawn, judged
from promptbrush._settings import chosen
from promptbrush.editing.callbacks import watch
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.latent.compose import between, decoder, latent_edit, origin_of
from promptbrush.editing.latent.settings import EditSettings
from promptbrush.editing.latent.subjects import inverted
from promptbrush.editing.models import Models
from promptbrush.editing.paste import paste_changed
from promptbrush.editing.pictures import write_png
from promptbrush.generators.training.face_captions import attribute_prompt
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import CHOICES, resolve
from promptbrush.generators.training.judge import Judge, load_judge
from torch import Tensor

FIRST_SEED = 20_000_000
TARGETS = {
    "hair_colour": ["black", "blonde", "red", "blue", "pink", "green", "purple"],
    "hair_style": ["afro", "mohawk", "bald", "spiky"],
    "hair_length": ["long straight", "braids"],
    "skin": ["light", "dark"],
    "beard": ["full beard", "moustache", "goatee"],
    "glasses": ["round glasses", "sunglasses", "none"],
    "hat": ["beanie", "top hat", "crown"],
    "earrings": ["hoop", "none"],
    "mouth": ["smile", "laugh", "sad", "surprised"],
    "eyes": ["closed", "wide"],
    "clothes_colour": ["red", "blue", "black"],
    "background_colour": ["white", "blue", "green"],
    "freckles": ["yes"],
    "age": ["old"],
}
HAIR = {"hair_style", "hair_length", "hair_colour"}
ENTAILED = {
    "hair_style": HAIR | {"hat", "hat_colour"},
    "hair_length": HAIR,
    "hat": HAIR | {"hat_colour"},
    "glasses": {"eyes"},
    "beard": {"mouth"},
}


@dataclass(frozen=True)
class Task:
    """One prompt and its faces."""

    attribute: str
    value: str
    faces: Faces

    @property
    def prompt(self) -> str:
        return attribute_prompt(self.attribute, self.value)


def tasks(count: int, first_seed: int) -> list[Task]:
    """Every prompt with the next `count` seeds whose faces lack its attribute."""
    found, seed = [], first_seed
    for attribute, values in TARGETS.items():
        for value in values:
            faces = []
            while len(faces) < count:
                face = face_of(seed)
                seed += 1
                shown = resolve(face)
                if shown[attribute] != value and shown[attribute] in CHOICES[attribute]:
                    faces.append(face)
            found.append(Task(attribute, value, drawn(faces)))
    return found


def edited(models: Models, task: Task, settings: EditSettings) -> Tensor:
    """The finished pictures, at the size of the inputs; all faces of a task as one batch."""
    found = inverted(models, task.faces.pictures)
    origin = origin_of(models, found.latent, settings)
    edit = latent_edit(models, origin, settings)
    watch(edit.run(), [])
    if edit.answer() is None:
        raise RuntimeError("no steps were run")
    with torch.no_grad():
        after = decoder(models)(between(origin.latent, edit.answer(), settings.strength))
        if settings.paste == "changed":
            return paste_changed(task.faces.pictures, origin.image, after, found.placement)
    return found.placement.restore(after)


def measures(judge: Judge, task: Task, results: Tensor) -> tuple[float, float]:
    """Share with the target, and share of the others among the visible attributes that changed."""
    before, after = judged(judge, task.faces.pictures), judged(judge, results)
    index = NAMES.index(task.attribute)
    wanted = after[:, index] == list(CHOICES[task.attribute]).index(task.value)
    own = ENTAILED.get(task.attribute, set()) | {task.attribute}
    others = task.faces.visible & torch.tensor([name not in own for name in NAMES])
    return float(wanted.float().mean()), float((before != after)[others].float().mean())


def command_seconds(runs: int = 5) -> float:
    """Median seconds of the whole command on one picture, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "face.png")
        task = tasks(1, FIRST_SEED)[0]
        write_png(task.faces.pictures, picture)
        seconds = []
        for run in range(runs):
            start = time.perf_counter()
            command = [
                "promptbrush",
                "edit",
                str(picture),
                "a person with pink hair",
                "-o",
                f"{folder}/{run}.png",
            ]
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--presets", default="default,paper")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument(
        "--sheet", type=Path, help="write inputs and results of the first three faces of each prompt"
    )
    parser.add_argument("--pack", default="mini")
    arguments = parser.parse_args()
    judge, todo = load_judge(arguments.judge), tasks(arguments.pictures, arguments.first_seed)
    rows: list[Tensor] = []
    for preset in arguments.presets.split(","):
        models, start, shares = None, time.perf_counter(), []
        for task in todo:
            settings = chosen(EditSettings, preset, {"prompt": task.prompt})
            models = models or Models(ModelChoice(pack=arguments.pack))
            results = edited(models, task, settings)
            shares.append(measures(judge, task, results))
            rows.append(torch.cat([*task.faces.pictures[:3], *results[:3]], dim=2))
            print(
                f"{preset:8s} {task.prompt:45s} target {shares[-1][0]:.2f}  others {shares[-1][1]:.3f}",
                flush=True,
            )
        target, others = (statistics.fmean(share[i] for share in shares) for i in (0, 1))
        took = (time.perf_counter() - start) / (len(todo) * arguments.pictures)
        print(
            f"{preset}: target {target:.3f}, others changed {others:.3f}, {took:.2f} s a picture in batches"
        )
    if arguments.sheet:
        write_png(torch.cat(rows, dim=1)[None], arguments.sheet)
    print(f"whole command, median: {command_seconds():.1f} s")


if __name__ == "__main__":
    sys.exit(main())
