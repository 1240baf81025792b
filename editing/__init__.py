"""Editing: methods composed from generators, guidance and drivers, and pictures in and out."""
