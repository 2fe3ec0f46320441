"""What is minimised: each objective is its own configuration and names its networks, phases and losses."""
