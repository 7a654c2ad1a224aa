"""Small simulated data sets with known relevant inputs, for examples and tests."""

from skdeeplift.datasets.simulations import make_event_series, make_motif_sequences, make_reviews

__all__ = ["make_event_series", "make_motif_sequences", "make_reviews"]
