"""Rules that carry a difference through an op, one file for each family of ops."""
