"""From what the user hands in to one traced network."""
