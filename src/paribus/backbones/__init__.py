"""Network families: each builds `up` (latent to image) and `down` (image to vector), for every objective."""
