"""Metrics: pure functions of arrays and feature matrices, the encoders that make features, and the metrics' meanings.

Nothing heavy is imported here; `paribus.metrics.catalogue` can be read without torch.
"""
