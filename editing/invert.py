"""The method `invert`: the latent of a picture, and what the generator draws of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._settings import Settings, setting
from .latent.settings import FIDELITY, Fidelity, resolved_fidelity
from .methods import Method, Takes
from .outputs import Outputs, beside

if TYPE_CHECKING:
    from .edit import Edit, Place
    from .models import Models


class InvertSettings(Settings):
    """How the latent of a picture is found."""

    fidelity: Fidelity = setting("auto", FIDELITY)

    def resolved(self, models: Any) -> InvertSettings:
        """Whether the generator is tuned to the picture by default, written out."""
        return self.model_copy(update={"fidelity": resolved_fidelity(self.fidelity, models.generator)})


class InvertOutputs(Outputs):
    """The latent stands beside the picture that the generator draws of it."""

    latents: bool = beside(
        "also NAME.safetensors: the latent, and what the generator was tuned by",
        ".safetensors",
        default=True,
        write=".editing.result:write_latent",
    )


def compose(models: Models, subject: Any, settings: InvertSettings, place: Place) -> Edit:  # noqa: ARG001
    """The inversion of a subject, which was made when it was opened: nothing is left to be moved."""
    from .drawing import drawn
    from .edit import Edit, Output

    def finish(_: Any) -> Output:
        image = drawn(subject.models or models, subject.w)
        apart = float((image - subject.square).abs().mean())
        return Output(
            image.cpu(),
            before=subject.square.cpu(),
            latent=subject.w,
            start=subject.w,
            tuned=subject.tuned,
            score=1 - apart,
            described=f"mean difference from the picture {apart:.3f}",
        )

    return Edit(finish=finish)


METHOD = Method(
    name="invert",
    about="Find the latents of pictures: NAME-invert.safetensors, and what the generator draws as NAME-invert.png.",
    settings=InvertSettings,
    compose=compose,
    takes=Takes("many", "none"),
    open=".editing.latent.subjects:open_subject",
    outputs=InvertOutputs,
    roles=("pack", "generator", "encoder", "device", "precision", "offline"),
)
