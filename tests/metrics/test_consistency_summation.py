import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, GradientExplainer, OcclusionExplainer
from skdeeplift.metrics import summation_to_delta_error
from tests.metrics.networks import both_or_none, classifier, linear

ROWS = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)


def test_errors_by_hand():
    """f is 1, of which occlusion gives 1 to either feature: 1 too much beside 2."""
    rows = np.array([[1.0, 1.0], [0.0, 0.0]])
    occlusion = OcclusionExplainer(both_or_none(), reference="zeros").fit(rows)
    np.testing.assert_allclose(summation_to_delta_error(occlusion, rows, per_row=True), [0.5, 0])
    assert summation_to_delta_error(occlusion, rows) == 0.25
    explanation = occlusion.explain(rows)
    assert summation_to_delta_error(occlusion, rows, explanation=explanation) == 0.25
    explainer = DeepLiftExplainer(linear(1, -2), reference="zeros").fit(rows)
    # f is -1: no contributions miss all of it, one of the wrong sign twice as much.
    for given, error in ([0.0, 0.0], 1), ([0.0, 1.0], 2), ([0.0, -3.0], 2 / 3), ([1.0, -2.0], 0):
        found = summation_to_delta_error(explainer, rows[:1], explanation=np.array([given]))
        assert found == pytest.approx(error, abs=1e-6)


def test_targets_and_layers():
    explainer = DeepLiftExplainer(classifier()).fit(ROWS)
    for target in (None, 2, "all", {0: 1, 1: -1}, lambda output: output[:, 0] ** 2):
        assert summation_to_delta_error(explainer, ROWS, target=target) < 1e-5
    assert summation_to_delta_error(explainer, ROWS, target="all", per_row=True).shape == (10, 3)
    swapped = explainer.explain(ROWS, target=1).contributions
    assert summation_to_delta_error(explainer, ROWS, target=2, explanation=swapped) > 0.1
    assert summation_to_delta_error(explainer, ROWS, target=1, explanation=swapped) < 1e-5
    of_layers = DeepLiftExplainer(classifier(), layer="hidden").fit(ROWS)
    assert summation_to_delta_error(of_layers, ROWS) < 1e-5


@pytest.mark.advice
def test_without_a_reference_there_is_no_difference():
    with pytest.raises(ValueError, match=r"with no reference\. Pass an explainer such as DeepLiftExplainer"):
        summation_to_delta_error(GradientExplainer(classifier()).fit(ROWS), ROWS)
    assert summation_to_delta_error(DeepLiftExplainer(classifier()).fit(ROWS), ROWS) < 1e-5
