"""What users hold: one estimator a file."""
