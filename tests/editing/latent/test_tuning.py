"""Pivotal tuning: a generator learns one picture, keeps the others, and what it learnt travels with the latent."""

from __future__ import annotations

import pytest
import torch
from edits import edit_settings, open_subject, run_edit
from promptbrush import InputFileError, UsageError
from promptbrush.editing.drawing import drawn
from promptbrush.editing.latent.subjects import open_latent, open_picture, write_latents
from promptbrush.editing.latent.tuning import TuningSettings, tune, tuned_generator
from promptbrush.editing.latents import load_latent, load_tuned, save_latent
from promptbrush.editing.pictures import read_picture

FEW = TuningSettings(steps=40, others=2)


def layers(images):
    """Maps of pictures without a network: their differences between neighbours."""
    return [images[..., 1:] - images[..., :-1] + 1]


@pytest.fixture(scope="module")
def weights(models, subject):
    """What tuning gives for a picture."""
    return tune(models.generator, subject.w, subject.square, FEW, layers)


def test_the_picture_comes_nearer_and_the_generator_stays_as_it_is(models, subject, weights):
    before = {name: each.clone() for name, each in models.generator.named_parameters()}
    tuned = tuned_generator(models.generator, weights)
    was, becomes = (
        float((each.decode(subject.w) - subject.square).abs().mean().detach())
        for each in (models.generator, tuned)
    )
    assert becomes < 0.9 * was
    assert all(torch.equal(each, before[name]) for name, each in models.generator.named_parameters())
    assert set(weights) == set(models.generator.tunable())
    assert not any(each.requires_grad for each in tuned.parameters())


def test_locality_holds_the_pictures_of_other_latents(models, subject):
    code = models.generator.latent_space.start(
        models.generator.latent_space.sample(torch.randn(1, models.generator.z_dim)), "w+"
    )

    def moved(locality):
        settings = TuningSettings(steps=12, others=2, every=1, locality=locality)
        tuned = tuned_generator(
            models.generator, tune(models.generator, subject.w, subject.square, settings, layers)
        )
        return float((tuned.decode(code) - models.generator.decode(code)).abs().mean().detach())

    assert moved(5.0) < moved(0.0)


def test_what_was_tuned_travels_with_the_latent(models, subject, weights, tmp_path):
    save_latent(tmp_path / "a.safetensors", subject.w, tuned=weights)
    torch.testing.assert_close(load_latent(tmp_path / "a.safetensors"), subject.w)
    found = load_tuned(tmp_path / "a.safetensors")
    assert all(torch.equal(found[name], each) for name, each in weights.items())
    again = open_latent(models, tmp_path / "a.safetensors")
    tuned = tuned_generator(models.generator, weights)
    assert torch.equal(drawn(again.models, again.w), drawn(models.drawing_with(tuned), subject.w))
    save_latent(tmp_path / "b.safetensors", subject.w)
    assert open_latent(models, tmp_path / "b.safetensors").models is None


def test_weights_of_another_generator_are_refused(models, subject, tmp_path):
    save_latent(tmp_path / "a.safetensors", subject.w, tuned={"synthesis.b4.nothing": torch.zeros(2)})
    with pytest.raises(InputFileError, match=r"tuned weight synthesis\.b4\.nothing is not of this generator"):
        open_latent(models, tmp_path / "a.safetensors")


def test_a_generator_that_cannot_be_tuned_says_so(subject):
    with pytest.raises(UsageError, match="cannot be tuned to a picture; give --fidelity refined"):
        tune(object(), subject.w, subject.square, FEW, layers)


@pytest.mark.usefixtures("quick_inversion")
def test_an_edit_of_a_tuned_picture_starts_from_it(models, face, tmp_path):
    subject = open_picture(models, read_picture(face), fidelity="tuned")
    assert subject.tuned
    refined = open_picture(models, read_picture(face), fidelity="refined")
    assert refined.tuned is None
    assert torch.equal(subject.w, refined.w)
    result = run_edit(models, subject, edit_settings("a hat", fidelity="tuned", steps=2))
    write_latents(result, tmp_path / "out.latent.safetensors")
    for name in ("out.latent.safetensors", "out.start.safetensors"):
        assert set(load_tuned(tmp_path / name)) == set(subject.tuned)
    later = open_subject(models, face, tmp_path / "out.start.safetensors")
    assert torch.equal(drawn(later.models, later.w), drawn(subject.models, subject.w))
