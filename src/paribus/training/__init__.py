"""Training: one loop for every objective, with exact resume."""

NUMERICS_VERSION = 2
"""Part of every run's identity: raise it with any change after which the same configuration and images end with other
weights, wherever it is made (data, networks, losses, draws, optimisers, the loop). Runs of another version are not
resumed and not mixed with new ones in a study."""
