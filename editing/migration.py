"""Recipes of earlier layouts in the present one, so that pictures written then can still be made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def migrated(data: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe of any layout as the present one."""
    second = dict(data) if "recipe" in data else _from_first(data)
    return _from_second(second) if second["recipe"] == 2 else second


def _from_second(data: Mapping[str, Any]) -> dict[str, Any]:
    """Layout 2 knew no tuned generators, regions and redrawn pictures."""
    settings = {**_THEN.get(str(data.get("method")), {}), **dict(data.get("settings", {}))}
    return {**data, "recipe": 3, "settings": settings}


_THEN: dict[str, dict[str, Any]] = {
    "edit": {"fidelity": "refined", "region": "all", "redraw": False},
    "invert": {"fidelity": "refined"},
    "sample": {"redraw": False},
}


def _from_first(data: Mapping[str, Any]) -> dict[str, Any]:
    """Layout 1 had fields of its own for each method, and files beside the settings."""
    old = dict(data)
    settings, models = dict(old.pop("settings", {})), dict(old.pop("models", {}))
    files: dict[str, dict[str, str]] = {}
    for number, (path, digest) in enumerate(dict(old.pop("images", {})).items(), start=1):
        files[f"image prompt {number}"] = {"path": path, "sha256": digest}
    if digest := old.pop("templates_sha256", None):
        files["templates"] = {"path": str(settings.get("templates", "")), "sha256": digest}
    for name in [key.removesuffix("_sha256") for key in old if key.endswith("_sha256")]:
        path, digest = old.pop(name, None), old.pop(f"{name}_sha256")
        if path:
            files[_FILES.get((str(old.get("method")), name), name)] = {"path": path, "sha256": digest}
    if move := _MOVES.get(str(old.get("method"))):
        move(old, settings, models)
    for name, file in files.items():
        if name in ("mask", "from_latent", "target", "from_svg", "like"):
            settings[name] = file["path"]
    return {"recipe": 2, **old, "settings": settings, "models": models, "files": files}


# (method, field of layout 1) -> field of the settings.
_FILES = {("edit", "latent"): "from_latent", ("shapes", "start"): "from_svg"}


def _of_shapes(old: dict[str, Any], settings: dict[str, Any], models: dict[str, Any]) -> None:  # noqa: ARG001
    if (height := old.pop("height", None)) is not None:
        settings["size"] = height
    if (distance := settings.pop("loss", None)) is not None:
        settings["distance"] = distance
    if settings.get("prompt") and settings.get("background") == "noise":  # which had no effect then
        settings["background"] = "auto"


def _of_style(old: dict[str, Any], settings: dict[str, Any], models: dict[str, Any]) -> None:  # noqa: ARG001
    way, styler = old.pop("way", "train"), old.pop("styler", None)
    if way == "fast":
        settings["fast"] = True
    if styler:
        settings["styler"] = styler
    settings.update(old.pop("published", {}))


def _of_sample(old: dict[str, Any], settings: dict[str, Any], models: dict[str, Any]) -> None:
    if prior := old.pop("prior", None):
        models["prior"] = prior
    groups = old.pop("groups", ())
    if prior and groups:
        settings["groups"] = ",".join(map(str, groups))


_MOVES: dict[str, Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], None]] = {
    "shapes": _of_shapes,
    "style": _of_style,
    "sample": _of_sample,
}
