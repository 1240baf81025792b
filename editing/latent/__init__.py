"""The method `edit`: a latent of a generator moves until CLIP sees the prompt (StyleCLIP)."""
