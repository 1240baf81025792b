"""Networks that turn a picture into the same picture in a style."""
