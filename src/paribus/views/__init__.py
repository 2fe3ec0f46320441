"""What is to be seen of a model's latents: each view is a picture with its caption, and the numbers behind it."""
