"""Binding of the user's estimator to one traced network."""
