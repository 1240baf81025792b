"""Diffusion priors: networks that draw a generator's latents for what CLIP sees or reads (Pinkney & Li 2022)."""
