"""What runs and studies gave: typed, written and read in one place, and what may be said of it."""
