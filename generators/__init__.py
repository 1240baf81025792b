"""Generators: everything that turns latents into pictures."""

from __future__ import annotations
