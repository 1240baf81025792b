"""What pictures are judged by: CLIP, prompts, cutouts and the objectives made of them.

Names load lazily, so that listing the objectives does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .._base import Entry, NameTable, lazy_attributes

if TYPE_CHECKING:
    from .clip import Directional, Progress, Similarity, cosine_distance, spherical_distance, text_direction
    from .cutouts import Cutouts, draw_seeds, step_seed
    from .face_features import FaceFeatures, load_face_features
    from .identity import FaceEncoder, FeatureDistance, load_face_encoder
    from .objective import Context, Function, Latent, Losses, Objective, Scaled, Start, Sum, total
    from .perceptor import AnyPerceptor, Ensemble, Perceptor, load_ensemble, load_perceptor
    from .prompts import Prompt, PromptFeatures, encode_prompts, load_templates, parse_prompts, text_features
    from .regularity import LatentDistance, PictureDistance, TotalVariation

__all__ = [
    "OBJECTIVES",
    "AnyPerceptor",
    "ContentName",
    "Context",
    "Cutouts",
    "Directional",
    "Ensemble",
    "FaceEncoder",
    "FaceFeatures",
    "FeatureDistance",
    "Function",
    "Latent",
    "LatentDistance",
    "Losses",
    "Objective",
    "Perceptor",
    "PictureDistance",
    "Progress",
    "Prompt",
    "PromptFeatures",
    "Scaled",
    "Similarity",
    "Start",
    "Sum",
    "TotalVariation",
    "cosine_distance",
    "draw_seeds",
    "encode_prompts",
    "load_ensemble",
    "load_face_encoder",
    "load_face_features",
    "load_perceptor",
    "load_templates",
    "parse_prompts",
    "spherical_distance",
    "step_seed",
    "text_direction",
    "text_features",
    "total",
]

# Networks that see what a picture shows; here, so that settings can name them without torch.
ContentName = Literal["auto", "vgg19", "lite0"]

# Each is a factory (settings, Start) -> Objective; settings are a mapping or the term's own dataclass.
OBJECTIVES = NameTable(
    "objective",
    {
        "content": Entry(".guidance.content:content"),
        "directional": Entry(".guidance.clip:directional"),
        "features": Entry(".guidance.identity:features"),
        "identity": Entry(".guidance.identity:identity"),
        "latent": Entry(".guidance.regularity:latent_distance"),
        "naming": Entry(".guidance.naming:naming"),
        "patches": Entry(".guidance.patches:patches"),
        "picture": Entry(".guidance.regularity:picture_distance"),
        "progress": Entry(".guidance.clip:progress"),
        "similarity": Entry(".guidance.clip:similarity"),
        "spherical": Entry(".guidance.clip:spherical"),
        "tv": Entry(".guidance.regularity:total_variation"),
    },
    group="promptbrush.objectives",
    accepts=lambda name, found: callable(found),
)

_MODULES = {
    "perceptor": "AnyPerceptor Ensemble Perceptor load_ensemble load_perceptor",
    "prompts": "Prompt PromptFeatures encode_prompts load_templates parse_prompts text_features",
    "cutouts": "Cutouts draw_seeds step_seed",
    "objective": "Context Function Latent Losses Objective Scaled Start Sum total",
    "clip": "Directional Progress Similarity cosine_distance spherical_distance text_direction",
    "regularity": "LatentDistance PictureDistance TotalVariation",
    "face_features": "FaceFeatures load_face_features",
    "identity": "FaceEncoder FeatureDistance load_face_encoder",
}
_LAZY = {name: f".{module}" for module, names in _MODULES.items() for name in names.split()}

__getattr__ = lazy_attributes(__name__, _LAZY)
