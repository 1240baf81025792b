"""Commands that train the embedded models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import CLIP, DEVICE, PACK, PRECISION, report
from .root import train

_WORK = typer.Option(help="folder for drawn faces, checkpoints and sample sheets")
_SEED = typer.Option(help="of the weights and the order of pictures")
_FACES = typer.Option(min=2, help="how many faces to draw")
_STEPS = typer.Option(min=1, help="steps of training; else the preset's")


def _run(command: str, /, **given: Any) -> None:
    from .._base import load_target
    from ..editing.training.options import TRAININGS

    training = TRAININGS[command]
    options = training.load_options(**given)
    report(load_target(training.run, f"training '{command}'")(options))


@train.command("stylegan2")
def train_stylegan2(
    work: Annotated[Path, _WORK],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained generator, .safetensors")],
    faces: Annotated[int, _FACES] = 40_000,
    half_steps: Annotated[int | None, typer.Option(min=0, help="steps at half the size")] = None,
    steps: Annotated[int | None, _STEPS] = None,
    reader_steps: Annotated[int | None, typer.Option(min=1, help="steps of the reader of attributes")] = None,
    refine_steps: Annotated[int | None, typer.Option(min=0, help="steps with the reader's loss")] = None,
    finish_steps: Annotated[int | None, typer.Option(min=0, help="adversarial steps at the end")] = None,
    seed: Annotated[int, _SEED] = 0,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Train a StyleGAN2 on drawn faces; a stopped training goes on from its checkpoint."""
    _run(
        "stylegan2",
        work=work,
        output=output,
        faces=faces,
        half_steps=half_steps,
        steps=steps,
        reader_steps=reader_steps,
        refine_steps=refine_steps,
        finish_steps=finish_steps,
        seed=seed,
        device=device,
    )


@train.command("clip")
def train_clip(
    work: Annotated[Path, _WORK],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder of the trained model")],
    data: Annotated[Path, typer.Option(help="folder with icons, clip art and WordNet; see the model card")],
    preset: Annotated[str, typer.Option(help="mini, which guides, or judge, which names pictures")] = "mini",
    faces: Annotated[int, _FACES] = 40_000,
    steps: Annotated[int | None, _STEPS] = None,
    harden_steps: Annotated[
        int | None,
        typer.Option(min=0, help="steps on attacked pictures; need the stylegan2 of this work folder"),
    ] = None,
    attack_steps: Annotated[int | None, typer.Option(min=0, help="of each attack in these")] = None,
    times: Annotated[
        int | None, typer.Option(min=1, help="times the pictures a step has, for a device that idles")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="of the weights; else the preset's")] = None,
    device: Annotated[str, DEVICE] = "cpu",
    workers: Annotated[int, typer.Option(min=0, help="processes that prepare pictures ahead")] = 0,
) -> None:
    """Train a CLIP on faces, drawings and styles; a stopped training goes on from its checkpoint."""
    _run(
        "clip",
        work=work,
        output=output,
        data=data,
        preset=preset,
        faces=faces,
        steps=steps,
        harden_steps=harden_steps,
        attack_steps=attack_steps,
        times=times,
        seed=seed,
        device=device,
        workers=workers,
    )


@train.command(
    "judge", help="Train the classifier that measures edits and never guides them; a stopped one goes on."
)
@train.command("parser", help="Train the network that finds the parts of a face; a stopped training goes on.")
@train.command("features", help="Train the network that tells faces apart; a stopped training goes on.")
def train_network(
    called: typer.Context,
    work: Annotated[Path, _WORK],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained network, .safetensors")],
    faces: Annotated[int | None, _FACES] = None,
    steps: Annotated[int | None, _STEPS] = None,
    seed: Annotated[int | None, typer.Option(help="of the weights; the judge's also of its faces")] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Train one of the small networks; which one says the name of the command."""
    name = str(called.info_name)
    _run(name, work=work, output=output, faces=faces, steps=steps, seed=seed, device=device)


@train.command("encoder")
def train_encoder(
    work: Annotated[Path, _WORK],
    generator: Annotated[Path, typer.Option(help="the finished generator, .safetensors")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained encoder, .safetensors")],
    faces: Annotated[int, _FACES] = 40_000,
    steps: Annotated[int | None, _STEPS] = None,
    seed: Annotated[int, _SEED] = 0,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Train the encoder that finds the latent of a picture; a stopped training goes on."""
    _run(
        "encoder",
        work=work,
        generator=generator,
        output=output,
        faces=faces,
        steps=steps,
        seed=seed,
        device=device,
    )


_PHOTOS = typer.Option(help="folder of photographs, of any size and kind")


@train.command("fast-styler")
def train_fast_styler(
    photos: Annotated[Path, _PHOTOS],
    work: Annotated[Path, typer.Option(help="folder for drawn pictures and checkpoints")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained styler, .safetensors")],
    steps: Annotated[int | None, _STEPS] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="pictures a step; else the preset's")] = None,
    each: Annotated[int | None, typer.Option(min=1, help="pictures drawn of every style")] = None,
    begin: Annotated[Path | None, typer.Option("--from", help="go on with this styler of all styles")] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="learning rate at first")] = None,
    crop: Annotated[
        int | None, typer.Option(min=32, max=304, help="side of what a step sees, pixels")
    ] = None,
    naming: Annotated[float | None, typer.Option(min=0, help="weight of CLIP naming the style")] = None,
    seed: Annotated[int, _SEED] = 0,
    pack: Annotated[str, typer.Option(help="whose CLIP tells the styler a text")] = "mini",
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Teach one network all styles that promptbrush draws, by their words; a stopped training goes on."""
    _run(
        "fast-styler",
        photos=photos,
        work=work,
        output=output,
        steps=steps,
        batch=batch,
        each=each,
        start=begin,
        lr=lr or None,
        crop=crop,
        naming=naming,
        seed=seed,
        pack=pack,
        device=device,
    )


@train.command("styler")
def train_styler(
    prompt: Annotated[str, typer.Argument(help="the style, in words", show_default=False)],
    photos: Annotated[Path, _PHOTOS],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained styler, .safetensors")],
    steps: Annotated[int | None, _STEPS] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="photographs a step")] = None,
    crop: Annotated[int | None, typer.Option(min=32, help="their side in pixels")] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="learning rate of Adam")] = None,
    consistency: Annotated[
        float | None, typer.Option(min=0, help="weight of looking the same when things move, for films")
    ] = None,
    light: Annotated[
        bool, typer.Option("--light", help="a small file, of use beside the pack's styler only")
    ] = False,
    example: Annotated[str | None, typer.Option(help="a drawn style whose textures it takes as well")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="file that keeps the training; where it is there, it goes on")
    ] = None,
    seed: Annotated[int, _SEED] = 0,
    pack: Annotated[str, PACK] = "mini",
    clip: Annotated[str | None, CLIP] = None,
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Train a network that gives any photograph one style in one pass, for `style --styler`."""
    _run(
        "styler",
        prompt=prompt,
        photos=photos,
        output=output,
        steps=steps,
        batch=batch,
        crop=crop,
        lr=lr,
        consistency=consistency,
        light=light,
        example=example,
        checkpoint=checkpoint,
        seed=seed,
        pack=pack,
        clip=clip,
        device=device,
        precision=precision,
    )


_DATA = typer.Option(help="folder that keeps the pairs; made ones are not made again")
_PAIRS = typer.Option(min=2, help="random pictures to learn from")
_CAPTIONS = typer.Option(
    min=0, help="captions to learn from as well; known only of generators that 'train stylegan2' made"
)
_GROUPS = typer.Option(help="layers that each w of a picture feeds, such as 4,4,10; else one w for all")
_PSI = typer.Option(min=0, max=1, help="truncation of the random w")
_CLIP_INPUT = typer.Option(
    help="how pictures reach CLIP: standard, reference, or twice as clip2latent had it"
)
_GENERATOR = typer.Option(help="another StyleGAN2: .pkl, .pt, .safetensors")


@train.command("pairs")
def train_pairs(
    data: Annotated[Path, _DATA],
    pairs: Annotated[int, _PAIRS] = 40_000,
    captions: Annotated[int, _CAPTIONS] = 0,
    groups: Annotated[str, _GROUPS] = "",
    psi: Annotated[float, _PSI] = 1.0,
    shard: Annotated[int, typer.Option(min=1, help="pairs in a file")] = 1000,
    seed: Annotated[int, typer.Option(help="of the random latents")] = 0,
    pack: Annotated[str, PACK] = "mini",
    generator: Annotated[str | None, _GENERATOR] = None,
    clip: Annotated[str | None, CLIP] = None,
    clip_input: Annotated[str, _CLIP_INPUT] = "standard",
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Make what a prior learns from: random latents, and what CLIP sees in their pictures; a stopped run goes on."""
    _run(
        "pairs",
        data=data,
        pairs=pairs,
        captions=captions,
        groups=groups,
        psi=psi,
        shard=shard,
        seed=seed,
        pack=pack,
        generator=generator,
        clip=clip,
        clip_input=clip_input,
        device=device,
        precision=precision,
    )


@train.command("prior")
def train_prior(
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained prior, .safetensors")],
    data: Annotated[Path | None, _DATA] = None,
    preset: Annotated[str, typer.Option(help="mini, the embedded pack's; or paper: clip2latent's")] = "mini",
    pairs: Annotated[int, _PAIRS] = 40_000,
    captions: Annotated[int, _CAPTIONS] = 0,
    groups: Annotated[str, _GROUPS] = "",
    psi: Annotated[float, _PSI] = 1.0,
    shard: Annotated[int, typer.Option(min=1, help="pairs in a file")] = 1000,
    space: Annotated[
        str | None, typer.Option(help="what it draws: z, of which every one is a picture, or w as published")
    ] = None,
    network: Annotated[str | None, typer.Option(help="mini or published")] = None,
    steps: Annotated[int | None, _STEPS] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="samples a step, of all processes together")
    ] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="learning rate of AdamW")] = None,
    width: Annotated[int | None, typer.Option(min=8, help="of the network mini")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="of the network mini")] = None,
    noise: Annotated[
        float | None, typer.Option(min=0, help="pseudo-text noise on what CLIP sees, in shares of it")
    ] = None,
    drop: Annotated[
        float | None, typer.Option(min=0, max=1, help="share of samples without condition")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="file that keeps the training; where it is there, it goes on")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the pairs and of the training")] = 0,
    pack: Annotated[str, PACK] = "mini",
    generator: Annotated[str | None, _GENERATOR] = None,
    clip: Annotated[str | None, CLIP] = None,
    clip_input: Annotated[str, _CLIP_INPUT] = "standard",
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Train a prior for a generator and a CLIP, for `sample --prior` (clip2latent); a stopped training goes on."""
    _run(
        "prior",
        output=output,
        data=data,
        preset=preset,
        pairs=pairs,
        captions=captions,
        groups=groups,
        psi=psi,
        shard=shard,
        space=space,
        network=network,
        steps=steps,
        batch=batch,
        lr=lr or None,
        width=width,
        depth=depth,
        noise=noise,
        drop=drop,
        checkpoint=checkpoint,
        seed=seed,
        pack=pack,
        generator=generator,
        clip=clip,
        clip_input=clip_input,
        device=device,
        precision=precision,
    )


@train.command("pack")
def train_pack(
    folder: Annotated[
        Path, typer.Argument(help="holds stylegan2.safetensors, encoder.safetensors, clip/, ...")
    ],
    name: Annotated[str | None, typer.Option(help="of the pack; else the folder's")] = None,
    version: Annotated[str, typer.Option("--pack-version", help="of the pack")] = "1",
    explored: Annotated[
        int, typer.Option(min=1, help="random pictures that edits need not look at any more")
    ] = 4096,
    about: Annotated[str | None, typer.Option(help="what the pack is, in a line")] = None,
    domain: Annotated[
        str | None, typer.Option(help="what the pictures show, such as 'cartoon faces'")
    ] = None,
    source: Annotated[str | None, typer.Option(help="what one shows, in a prompt: 'a person'")] = None,
    licence: Annotated[str | None, typer.Option(help="of the weights, as SPDX writes it")] = None,
    attribution: Annotated[list[str] | None, typer.Option(help="whom to name; several times")] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Make a folder of trained models a pack: look at random pictures, hash the files and write pack.json."""
    _run(
        "pack",
        folder=folder,
        name=name,
        version=version,
        about=about,
        domain=domain,
        source=source,
        licence=licence,
        attribution=tuple(attribution) if attribution else None,
        explored=explored,
        device=device,
    )
