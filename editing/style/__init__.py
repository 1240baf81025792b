"""Photographs in a style described by words: per picture, or by networks that were trained for it (CLIPstyler)."""
