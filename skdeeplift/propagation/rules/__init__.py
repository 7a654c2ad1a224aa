"""Rules for families of ops, each of which carries a difference through an op."""
