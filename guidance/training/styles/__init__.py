"""Procedural styles and materials: what teaches a CLIP the words for how a picture looks."""
