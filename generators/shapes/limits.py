"""What both renderers keep to."""

# An opaque shape cannot be undone; this much of what is below shows through, which no 8-bit picture can tell.
OPAQUE = 0.999
# Corners farther out, in pixels, lie here: their columns must fit an integer.
FAR = 1e5
