"""Contributions of each architecture of the zoo sum to the change of its output, or the zoo says why there are none."""

import keras
import pytest

from tests.zoo.__main__ import PAGE, read
from tests.zoo.measure import TOLERANCES, explain
from tests.zoo.registry import all_architectures

ARCHITECTURES = all_architectures()
# True reasons why there is no gradient, where DeepLIFT has contributions.
NO_GRADIENT = ("as indices of a lookup", "has no derivative", "integers that the network computes")


@pytest.fixture(scope="module")
def built(request):
    architecture = ARCHITECTURES[request.param]
    if not architecture.is_available:
        pytest.skip(f"{architecture.package} is not installed")
    yield architecture, *architecture.build()
    keras.backend.clear_session(free_memory=False)


@pytest.mark.slow
@pytest.mark.optimized
@pytest.mark.parametrize("method", ["rescale", "RevealCancel"])
@pytest.mark.parametrize("built", ARCHITECTURES, indirect=True)
def test_contributions_sum_to_the_change(built, method):
    architecture, model, rows = built
    outcome = explain(architecture, model, rows, method)
    if architecture.refusal is not None:
        assert architecture.refusal in outcome.refusal
        return
    assert outcome.refusal is None
    assert not outcome.warnings
    assert outcome.error <= TOLERANCES[method]
    assert outcome.prediction_error < 1e-3
    assert outcome.reference_error < 1e-3 or architecture.shares_padding


@pytest.mark.slow
@pytest.mark.optimized
@pytest.mark.parametrize("built", ARCHITECTURES, indirect=True)
def test_integrated_gradients_sum_to_the_change_or_say_that_they_do_not(built):
    architecture, model, rows = built
    outcome = explain(architecture, model, rows, "integrated gradients")
    if outcome.refusal is not None:
        reasons = NO_GRADIENT if architecture.refusal is None else (architecture.refusal,)
        assert any(reason in outcome.refusal for reason in reasons)
        return
    assert outcome.error <= TOLERANCES["integrated gradients"] or outcome.warnings
    assert outcome.prediction_error < 1e-3


def test_the_documentation_lists_all_architectures():
    """If not: python -m tests.zoo NAME."""
    assert len(ARCHITECTURES) >= 80
    assert set(read()) == set(ARCHITECTURES)
    text = (PAGE.parent / "help.rst").read_text(encoding="utf-8")
    assert "\n   zoo\n" in text
