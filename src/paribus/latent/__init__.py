"""Tools for latents: pure functions of arrays and of a decoder."""
