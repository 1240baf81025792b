"""Packs: sets of weights that belong together. Nothing here imports torch."""

from .pack import Fault, Pack, Summary, embedded_packs, load_pack, summaries, write_manifest

__all__ = ["Fault", "Pack", "Summary", "embedded_packs", "load_pack", "summaries", "write_manifest"]
