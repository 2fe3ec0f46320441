"""Metrics: pure functions of arrays and feature matrices, and the encoders that make features."""
