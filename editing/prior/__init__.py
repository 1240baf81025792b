"""Data that priors are trained on: latents of a generator, and what CLIP saw in their pictures."""
