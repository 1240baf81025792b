"""Pictures from words: a prior draws latents, CLIP may pick among them, the generator shows them (clip2latent)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..._base import UsageError
from ..._settings import chosen
from ...guidance.prompt import Prompt
from ..drawing import decoder, drawn, saved_form
from ..drivers import Latent
from ..edit import Edit, Output, Place, Source
from ..latent.compose import latent_edit, origin_of, start_latent
from ..latent.embedded_latent import embed_latent
from ..latent.settings import EditSettings
from ..latent.subjects import open_picture
from ..models import Models
from ..notes import text_notes
from ..pictures import read_picture
from .conditions import Conditions, conditions_of
from .prior_identity import only_clip
from .prior_latents import PriorLatents
from .proposal import PriorProposal, candidate_seeds, chunk_size, seeded
from .settings import SampleSettings, prompts_of


def open_sampler(models: Models, source: Source, settings: SampleSettings) -> Sampler:  # noqa: ARG001
    """What draws all pictures of a run."""
    return Sampler(models, settings)


def compose(models: Models, sampler: Sampler, settings: SampleSettings, place: Place) -> Edit:
    """One picture, drawn in one shot; with `settings.refine` its latent is then optimized step by step.

    Raises:
        UsageError, MissingError: settings that do not fit the models.
    """
    if not settings.refine:
        return Edit(finish=lambda _: _output(models, sampler.draw(place), settings), notes=sampler.notes)
    edit = refinement(models, sampler.draw(place).latent, settings)

    def finish(best: Latent | None) -> Output:
        if not isinstance(best, Tensor):
            raise TypeError("codes in W or W+ are a tensor")
        return _output(models, sampler.shown(best, place), settings)

    edit.finish, edit.notes = finish, sampler.notes
    return edit


@dataclass(frozen=True)
class Drawn:
    """Pictures that were drawn.

    Attributes:
        latent: W (B,w_dim) or W+ (B,num_ws,w_dim).
        image: (B,3,R,R) in [0,1].
        score: (B,), CLIP's weighted similarity to the prompts.
    """

    latent: Tensor
    image: Tensor
    score: Tensor

    def better(self, other: Drawn) -> Drawn:
        """Of each sample the one with the higher score, this one where both are alike."""
        wins = other.score > self.score
        pairs = [(other.latent, self.latent), (other.image, self.image), (other.score, self.score)]
        return Drawn(*(torch.where(wins.view(-1, *[1] * (a.ndim - 1)), a, b) for a, b in pairs))

    def rows(self) -> list[Drawn]:
        """Each sample alone."""
        parts = (torch.split(each, 1) for each in (self.latent, self.image, self.score))
        return [Drawn(*row) for row in zip(*parts, strict=True)]


def _output(models: Models, made: Drawn, settings: SampleSettings) -> Output:
    score = float(made.score[0])
    return Output(
        saved_form(models, made.image, settings.redraw, settings.size).cpu(),
        latent=made.latent,
        score=score,
        described=f"seed {settings.seed}, CLIP similarity {score:.3f}",
        metadata=embed_latent(made.latent, models.hashes.get("generator", "")),
    )


class Sampler:
    """Draws the pictures of one run; their conditions are encoded once.

    Attributes:
        notes: remarks for the user.

    Raises:
        UsageError, InputFileError: prompts or pictures that cannot be read.
    """

    def __init__(self, models: Models, settings: SampleSettings) -> None:
        prior = models.prior(settings.layer_groups)
        self.models, self.settings, self.unit = models, settings, prior.unit
        self.perceptor = only_clip(models, prior.home.clip_input)
        self._conditions = {1: conditions_of(self.perceptor, self.unit, settings, 1)}
        own = self._conditions[1]
        self.proposal = PriorProposal(PriorLatents(prior, models.generator), own.weights, settings)
        self.notes = text_notes(prompts_of(settings), own.cut)
        self._start = self._own_latent() if settings.like and settings.strength < 1 else None
        self._ahead: dict[Place, Drawn] = {}

    @torch.no_grad()
    def draw(self, place: Place) -> Drawn:
        """Picture `place.index` of `place.count`.

        Those that follow it are drawn with it where a batch costs no more than one; each is the same either way.

        Raises:
            UsageError: numbers that are not finite.
        """
        if place not in self._ahead:
            last = min(place.index + chunk_size(self.models.device), place.count)
            places = [Place(index, place.count) for index in range(place.index, max(last, place.index + 1))]
            self._ahead = dict(zip(places, self._batch(places).rows(), strict=True))
        return self._ahead.pop(place)

    @torch.no_grad()
    def shown(self, latent: Tensor, place: Place) -> Drawn:
        """The picture of a latent (1,...) that was found for a place, drawn in float32."""
        return self._judged(latent, self._conditions_of([place]), partial(drawn, self.models))

    def _conditions_of(self, places: Sequence[Place]) -> Conditions:
        """Of pictures of one run; on the way to a second prompt each has its own."""
        if not self.settings.to.strip():
            return self._conditions[1].rows([0] * len(places))
        count = places[0].count
        if count not in self._conditions:
            self._conditions[count] = conditions_of(self.perceptor, self.unit, self.settings, count)
        return self._conditions[count].rows([place.index for place in places])

    def _batch(self, places: Sequence[Place]) -> Drawn:
        """Of the candidates for each place the one that fits best."""
        conditions, rank = self._conditions_of(places), self.settings.rank
        seeds = [getattr(self.settings.of_result(place.index), "seed") for place in places]  # noqa: B009
        listed = [candidate_seeds(seed, rank) for seed in seeds]
        exact = partial(drawn, self.models)
        # Numbers as coarse as a search's are enough to choose by.
        decode = exact if rank == 1 else decoder(self.models)
        found = self._judged(self._proposed(conditions, seeds), conditions, decode)
        for number in range(1, rank):
            latents = self._proposed(conditions, [own[number] for own in listed])
            found = found.better(self._judged(latents, conditions, decode))
        if rank > 1 and self.models.precision != torch.float32:
            found = self._judged(found.latent, conditions, exact)
        return found

    def _judged(self, latents: Tensor, conditions: Conditions, decode: Callable[[Latent], Tensor]) -> Drawn:
        images = self._images(latents, decode)
        seen = torch.cat([self.perceptor.encode_image(each) for each in torch.split(images, 1)])
        return Drawn(latents, images, conditions.scores(seen))

    def _proposed(self, conditions: Conditions, seeds: Sequence[int]) -> Tensor:
        latents = self.proposal.propose(conditions.features, seeded(seeds), self._start)
        return self._finite(latents, "latents")

    def _images(self, latents: Tensor, decode: Callable[[Latent], Tensor]) -> Tensor:
        """The pictures of latents, (B,3,R,R), a fixed number at a time as `chunk_size` says."""
        size, parts = chunk_size(latents.device), []
        for part in torch.split(latents, size):
            rows = [*range(len(part)), *[len(part) - 1] * (size - len(part))]
            parts.append(decode(part[rows])[: len(part)])
        return self._finite(torch.cat(parts), "pictures")

    def _finite(self, found: Tensor, what: str) -> Tensor:
        if not bool(found.isfinite().all()):
            guidance = self.settings.guided(self.proposal.latents.prior.space)
            raise UsageError(
                f"guidance is {guidance:g}, at which the {what} are no longer finite; "
                "give a smaller --guidance, or a --limit"
            )
        return found

    def _own_latent(self) -> Tensor:
        """The latent of `like`, W+ (1,num_ws,w_dim)."""
        if self.settings.like is None:
            raise TypeError("only a picture has a latent of its own")
        subject = open_picture(self.models, read_picture(self.settings.like))
        found = start_latent(self.models.generator.latent_space, subject.w, "w+")
        if not isinstance(found, Tensor):
            raise TypeError("codes in W+ are a tensor")
        return found


def refinement(models: Models, latent: Tensor, settings: SampleSettings) -> Edit:
    """A few steps of optimization after a prior's draw: CLIP's own gradient takes the latent the rest of the way.

    All layers move together along what random w vary in, so that the picture stays one of the generator's; its
    distance from the first one counts as in an edit.

    Args:
        latent: W (1,w_dim) or W+ (1,num_ws,w_dim).
    """
    like = str(Prompt(str(settings.like), is_image=True)) if settings.like else ""
    wanted = chosen(
        EditSettings,
        given={
            "prompt": settings.prompt if settings.prompt.strip() else like,
            "negative": settings.negative,
            "templates": settings.templates,
            "steps": settings.refine,
            "lr": settings.refine_lr,
            "space": "w" if latent.ndim == 2 else "w+",
            "clip_loss": "similarity",
            "explore": 0,
            "loss": settings.loss,
        },
    )
    # The seed is of the draw; the optimization starts from the latent itself.
    origin = replace(origin_of(models, latent, wanted), first=latent)
    return latent_edit(models, origin, wanted.model_copy(update={"seed": settings.seed}))
