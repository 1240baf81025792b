"""Drawing latents of a generator for a prompt (clip2latent, Pinkney & Li 2022)."""
