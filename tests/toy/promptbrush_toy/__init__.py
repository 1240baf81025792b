"""A method, an objective and a generator for promptbrush, one file each."""
