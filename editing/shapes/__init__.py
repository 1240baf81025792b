"""ES-CLIP: pictures of a few dozen shapes, found by evolution or by gradients."""
