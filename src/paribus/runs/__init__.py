"""One run from configuration to scores, and what may change in it when it is resumed."""
