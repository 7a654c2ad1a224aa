"""Explainers, which users hold: one estimator in each file."""
