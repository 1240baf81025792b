"""Training the embedded CLIP."""
