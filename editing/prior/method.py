"""Pictures from words: a prior draws latents, CLIP may pick among them, the generator shows them (clip2latent)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._base import UsageError
from ...guidance.prompts import Prompt
from ..carried import embed_latent
from ..editor import text_notes
from ..metadata import embed
from ..models import ModelChoice
from ..optimise import decoder, draw, start_latent
from ..pictures import read_picture, write_picture
from ..recipe import MAX_SEED
from ..subjects import open_picture
from .codes import Start
from .conditions import Conditions, conditions_of, prompts_of
from .home import SamplingModels, load_sampling
from .recipe import SampleRecipe, recipe_of
from .refining import refined
from .sampler import candidate_seeds, chunk_size, draw_latents
from .settings import SampleSettings, sample_settings


@dataclass(frozen=True)
class SampleResult:
    """A drawn picture.

    Attributes:
        image: (1,3,R,R) in [0,1].
        latent: W (1,w_dim) or W+ (1,num_ws,w_dim), which every command for latents takes.
        seed: of this picture. score: CLIP's weighted cosine with the prompts.
        recipe: makes the same picture again.
    """

    image: Tensor
    latent: Tensor
    seed: int
    score: float
    recipe: SampleRecipe

    def metadata(self) -> dict[str, str]:
        """What its file carries: the recipe and the latent."""
        generator = self.recipe.models.hashes.get("generator", "")
        return {**embed(self.recipe.to_toml()), **embed_latent(self.latent, generator)}

    def save(self, path: str | Path, metadata: bool = True) -> None:
        """Write the picture as .png, .jpg or .webp, with its recipe and its latent inside.

        Raises:
            UsageError, InputFileError: as `write_picture`.
        """
        write_picture(self.image, path, self.metadata() if metadata else None)


class Sampler:
    """Draws pictures for one request; `draw` streams them.

    Args:
        like: a picture whose variations are wanted.

    Attributes:
        notes: remarks for the user.

    Raises:
        UsageError, InputFileError: prompts or pictures that cannot be read.
    """

    def __init__(self, models: SamplingModels, settings: SampleSettings, like: Path | None = None) -> None:
        settings = settings.model_copy(update={"guidance": settings.guided(models.prior.space)})
        self.own, self.settings, self.like = models, settings, like
        self._recipe = recipe_of(models, settings, like)
        self._start = self._begin() if like and settings.strength < 1 else None
        self._all = self._told(1)
        self.notes = text_notes(prompts_of(settings, like), self._all.cut)

    def draw(self, count: int, only: Sequence[int] | None = None) -> Iterator[SampleResult]:
        """Pictures 0 to count-1, a batch at a time, or only some of them.

        Raises:
            UsageError: a count below 1, seeds past the last one, or numbers that are not finite.
        """
        check_count(count, self.settings)
        wanted = range(count) if only is None else only
        size, way = chunk_size(self.own.models.device), bool(self.settings.to.strip())
        told = self._told(count) if way else self._all
        for at in range(0, len(wanted), size):
            rows = wanted[at : at + size]
            yield from self._batch(rows, told.rows(rows if way else [0] * len(rows)), count, way)

    def _told(self, count: int) -> Conditions:
        return conditions_of(self.own.perceptor, self.own.prior.unit, self.settings, self.like, count)

    def _batch(self, rows: Sequence[int], told: Conditions, count: int, same: bool) -> Iterator[SampleResult]:
        # Pictures on the way between prompts differ by the prompt alone, and have one seed.
        seeds = [self.settings.seed + (0 if same else row) for row in rows]
        latents, images, scores = self._best(told, seeds)
        for at, (row, seed) in enumerate(zip(rows, seeds, strict=True)):
            latent, image, score = latents[at : at + 1], images[at : at + 1], float(scores[at])
            if self.settings.refine:
                latent, image, score = self._refined(latent, told.rows([at]), seed)
            recipe = self._recipe.model_copy(
                update={
                    "settings": self._recipe.settings.model_copy(update={"seed": seed}),
                    "index": row if same else 0,
                    "count": count if same else 1,
                }
            )
            yield SampleResult(image.cpu(), latent, seed, score, recipe)

    def _best(self, told: Conditions, seeds: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Of the candidates for each seed the one that fits best: its latent, picture and score."""
        listed = [candidate_seeds(seed, self.settings.rank) for seed in seeds]
        coarse = self.own.models.precision != torch.float32
        for number in range(self.settings.rank):
            latents = self._drawn(told, [own[number] for own in listed])
            images = self._shown(latents) if self.settings.rank > 1 else self._result(latents)
            scores = told.scores(self._seen(images))
            if number == 0:
                kept = (latents, images, scores)
                continue
            better = scores > kept[2]
            pairs = zip((latents, images, scores), kept, strict=True)
            kept = tuple(  # type: ignore[assignment]
                torch.where(better.view(-1, *[1] * (new.ndim - 1)), new, old) for new, old in pairs
            )
        if coarse and self.settings.rank > 1:
            images = self._result(kept[0])
            return kept[0], images, told.scores(self._seen(images))
        return kept

    def _drawn(self, told: Conditions, seeds: Sequence[int]) -> Tensor:
        begun, settings = self._start, self.settings
        start = None if begun is None else begun.x.expand(len(seeds), -1, -1)
        x = draw_latents(self.own.prior, told.told, told.weights, seeds, settings, start)
        # What the prior cannot draw of the picture stays by as much as the picture does.
        rest = None if begun is None else (1 - settings.strength) * begun.rest
        return self._finite(self.own.codes.latents(x, settings.truncation, rest), "latents")

    def _shown(self, latents: Tensor) -> Tensor:
        """The pictures of latents, (B,3,R,R), to choose from."""
        return self._pictures(latents, decoder(self.own.models))

    def _result(self, latents: Tensor) -> Tensor:
        """The pictures of latents, (B,3,R,R) in float32, to keep."""
        return self._pictures(latents, partial(draw, self.own.models))

    @torch.no_grad()
    def _pictures(self, latents: Tensor, decode: Callable[[Tensor], Tensor]) -> Tensor:
        """A fixed number at a time as `chunk_size` says."""
        size = chunk_size(latents.device)
        parts = []
        for part in torch.split(latents, size):
            rows = [*range(len(part)), *[len(part) - 1] * (size - len(part))]
            parts.append(decode(part[rows])[: len(part)])
        return self._finite(torch.cat(parts), "pictures")

    def _finite(self, found: Tensor, what: str) -> Tensor:
        if not bool(found.isfinite().all()):
            raise UsageError(
                f"guidance is {self.settings.guidance:g}, at which the {what} are not finite any more; "
                "give a smaller --guidance, or a --limit"
            )
        return found

    @torch.no_grad()
    def _seen(self, images: Tensor) -> Tensor:
        return torch.cat([self.own.perceptor.encode_image(each) for each in torch.split(images, 1)])

    def _refined(self, latent: Tensor, told: Conditions, seed: int) -> tuple[Tensor, Tensor, float]:
        # Spelt as a prompt, since a path may hold what prompts are joined by.
        prompt = (
            self.settings.prompt
            if self.settings.prompt.strip()
            else str(Prompt(str(self.like), is_image=True))
        )
        better = refined(self.own.models, latent, self.settings, prompt, seed)
        image = self._result(better)
        return better, image, float(told.scores(self._seen(image))[0])

    def _begin(self) -> Start:
        """The picture's own latent."""
        if self.like is None:
            raise TypeError("only a picture has a latent of its own")
        models = self.own.models
        found = start_latent(models.generator, open_picture(models, read_picture(self.like)).w, "w+")
        if not isinstance(found, Tensor):
            raise TypeError("codes in W+ are a tensor")
        return self.own.codes.start(found)


def check_count(count: int, settings: SampleSettings) -> None:
    """Raises UsageError for a count below 1, or seeds past the last one."""
    if count < 1:
        raise UsageError(f"{count} pictures were asked for; give 1 or more")
    if settings.seed + count - 1 > MAX_SEED:
        raise UsageError(
            f"seed is {settings.seed}, so that picture {count} is past the last seed {MAX_SEED}; give a smaller --seed"
        )


def sample(
    prompt: str = "",
    n: int = 1,
    *,
    like: str | Path | None = None,
    preset: str = "default",
    prior: str | Path | None = None,
    groups: Sequence[int] = (),
    models: ModelChoice | SamplingModels | None = None,
    **settings: Any,
) -> Iterator[SampleResult]:
    """Draw pictures from words: `for each in promptbrush.sample("a bald man", 8): each.save(f"{each.seed}.png")`.

    They come one by one, so that ten thousand need no more memory than one.

    Args:
        prompt: what they should show, in the notation of `parse_prompts`.
        n: how many.
        like: a picture whose variations are wanted.
        preset: "default" or "paper".
        prior: our .safetensors or a published .ckpt; the pack's if None.
        groups: how many layers each latent of a published checkpoint feeds, where that is not clear.
        models: the pack, generator, CLIP and device; or all loaded with `load_sampling`, for many calls.
        settings: fields of `SampleSettings`.

    Raises:
        UsageError, InputFileError, MissingError: in one line that says what to do, at the call.
    """
    wanted = sample_settings(preset, prompt=prompt, **settings)
    check_count(n, wanted)
    loaded = (
        models
        if isinstance(models, SamplingModels)
        else load_sampling(models or ModelChoice(), prior, groups)
    )
    return Sampler(loaded, wanted, Path(like) if like else None).draw(n)
