"""The method `sample`: a diffusion prior draws latents for a prompt (clip2latent, Pinkney & Li 2022)."""
