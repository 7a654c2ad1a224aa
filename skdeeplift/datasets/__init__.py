"""Small simulated data sets with known relevant inputs, for examples and tests."""

from skdeeplift.datasets.motifs import make_motif_sequences
from skdeeplift.datasets.reviews import make_reviews
from skdeeplift.datasets.series import make_event_series

__all__ = ["make_event_series", "make_motif_sequences", "make_reviews"]
