"""Selection of the combinations in tests of layers that run only by command."""

import pytest

from tests.conformance.networks import ARCHITECTURES

ARCHITECTURE_NAMES = {build.__name__ for build in ARCHITECTURES}


def is_more_of_the_same(test, parameters):
    """Return whether another test of the layer shows the same, in this or in the other precision."""
    if "network" not in parameters or parameters["network"][0] in ARCHITECTURE_NAMES:
        return False
    (_, dtype), mode, rule = parameters["network"], parameters.get("mode"), parameters.get("rule")
    if dtype == "float64" and mode in ("zeros", "mean"):
        return True
    return mode == "per row" or rule == "genomics_default" or "of_each_row" in test or ("batch" in test and rule)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item, "callspec") and is_more_of_the_same(item.originalname, item.callspec.params):
            item.add_marker(pytest.mark.exhaustive)
