"""Packs: sets of weights that belong together."""
