"""Explainers that are fitted once for all tests of bound networks."""

import pytest

from skdeeplift import DeepLiftExplainer
from tests.binding.networks import IRIS, MLP, NAMES, ROWS, SPECIES, table_network


@pytest.fixture(scope="session")
def by_name():
    return DeepLiftExplainer(MLP).fit(IRIS, NAMES[SPECIES])


@pytest.fixture(scope="session")
def fitted():
    return DeepLiftExplainer(table_network(activation="sigmoid")).fit(ROWS)
