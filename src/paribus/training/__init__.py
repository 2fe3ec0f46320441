"""Training: one loop for every objective, with exact resume."""
