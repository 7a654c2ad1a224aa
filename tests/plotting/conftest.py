"""Settings of the tests of displays."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def closed_figures():
    """Close the figures of a test, since displays leave them open."""
    yield
    plt.close("all")
