import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, OcclusionExplainer
from skdeeplift.metrics import infidelity, sensitivity_n
from tests.metrics.networks import both_or_none, classifier, linear

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def of_sum():
    return DeepLiftExplainer(linear(1, -2, 5), reference="zeros").fit(ROWS[:, :3])


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(classifier(), reference="zeros").fit(ROWS)


def test_exact_contributions_of_a_linear_network(of_sum):
    rows = ROWS[:, :3]
    for n in (1, 2, 0.5, [1, 2]):
        np.testing.assert_allclose(sensitivity_n(of_sum, rows, n=n, per_row=True), 1, rtol=0, atol=1e-6)
    assert infidelity(of_sum, rows) < 1e-10
    assert infidelity(of_sum, rows, perturbation="noise") < 1e-10
    # Whatever the explainer's own reference, what is erased is what `fill` says.
    assert infidelity(of_sum, rows, fill=np.full(3, 2.0)) > 1


def test_sensitivity_of_two_features():
    """The target relu(a + b - 1) at (1, 0.75) loses as much without a as without b, so no correlation exists."""
    rows = np.array([[1.0, 0.75]])
    explainer = DeepLiftExplainer(both_or_none(), reference="zeros").fit(rows)
    assert np.isnan(sensitivity_n(explainer, rows, n=1))
    explainer = DeepLiftExplainer(linear(1, 2), reference="zeros").fit(rows)
    assert sensitivity_n(explainer, np.ones((1, 2)), n=1) == pytest.approx(1)
    against = sensitivity_n(explainer, np.ones((1, 2)), n=1, explanation=np.array([[2.0, 1.0]]))
    assert against == pytest.approx(-1)


def test_sensitivity_is_a_correlation_over_sets(of_sum):
    rows = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
    given = np.array([[3.0, 2.0, 10.0], [0.0, 1.0, 0.0]])
    lost = rows * [1, -2, 5]
    expected = [np.corrcoef(each, other)[0, 1] for each, other in zip(given, lost, strict=True)]
    found = sensitivity_n(of_sum, rows, n=1, n_draws=6000, explanation=given, per_row=True)
    np.testing.assert_allclose(found, expected, atol=0.02)
    # Two of three lose the sum but for one: all is turned twice.
    np.testing.assert_allclose(
        sensitivity_n(of_sum, rows, n=2, n_draws=6000, explanation=given, per_row=True), expected, atol=0.02
    )
    of_both = sensitivity_n(of_sum, rows, n=[1, 2], explanation=given)
    assert of_both == pytest.approx(
        np.mean([sensitivity_n(of_sum, rows, n=n, explanation=given) for n in (1, 2)]), abs=0.1
    )


def test_infidelity_by_hand():
    """relu(a + b - 1) at (1, 1) loses 1 without one feature, to which 0.5 is given, and 1 without both, rightly."""
    rows = np.ones((1, 2))
    explainer = DeepLiftExplainer(both_or_none(), reference="zeros").fit(rows)
    np.testing.assert_allclose(explainer.transform(rows), [[0.5, 0.5]])
    assert infidelity(explainer, rows, n_draws=8000) == pytest.approx(0.5 * 0.25, rel=0.05)
    occlusion = OcclusionExplainer(both_or_none(), reference="zeros").fit(rows)
    assert infidelity(occlusion, rows, n_draws=8000) == pytest.approx(0.5 * 1, rel=0.05)
    explainer = DeepLiftExplainer(linear(2.0), reference="zeros").fit(np.ones((2, 1)))
    rows = np.array([[3.0], [0.0]])
    of_rows = [
        infidelity(explainer, rows, explanation=np.zeros((2, 1)), normalize=normalize, per_row=True)
        for normalize in (False, True)
    ]
    np.testing.assert_allclose(of_rows, [[36, 0], [1, 0]], rtol=1e-6)
    assert infidelity(explainer, rows, explanation=np.ones((2, 1)), normalize=True) == np.inf


def test_infidelity_under_noise_by_hand(of_sum):
    rows = ROWS[:, :3]
    explanation = of_sum.explain(rows, multipliers=True)
    explanation.multipliers = 3 * explanation.multipliers
    # The mean square of twice the weighted sum of noise of 0.5.
    found = infidelity(of_sum, rows, perturbation="noise", noise_scale=0.5, n_draws=1000, explanation=explanation)
    assert found == pytest.approx(4 * 0.25 * (1 + 4 + 25), rel=0.1)
    normalized = infidelity(of_sum, rows, perturbation="noise", explanation=explanation, normalize=True, per_row=True)
    np.testing.assert_allclose(normalized, 4, rtol=1e-4)
    gradient = GradientExplainer(of_sum.estimator).fit(rows)
    assert infidelity(gradient, rows, perturbation="noise") < 1e-10


def test_worse_explanations_are_told_apart(fitted):
    noise = np.random.default_rng(1).normal(size=ROWS.shape)
    assert sensitivity_n(fitted, ROWS) > 0.7 > 0.3 > sensitivity_n(fitted, ROWS, explanation=noise)
    assert infidelity(fitted, ROWS) < 0.2 * infidelity(fitted, ROWS, explanation=noise)
    assert infidelity(fitted, ROWS, normalize=True) < 1


def test_each_target_and_the_same_draws(fitted):
    for metric in (sensitivity_n, infidelity):
        every = metric(fitted, ROWS, target="all", per_row=True)
        assert every.shape == (20, 3)
        for target in range(3):
            np.testing.assert_allclose(
                every[:, target], metric(fitted, ROWS, target=target, per_row=True), rtol=1e-3, atol=1e-6
            )
        assert metric(fitted, ROWS) == metric(fitted, ROWS)
        assert metric(fitted, ROWS, random_state=1) != metric(fitted, ROWS)
    every = infidelity(fitted, ROWS, target="all", perturbation="noise", per_row=True)
    one = infidelity(fitted, ROWS, target=2, perturbation="noise", per_row=True)
    np.testing.assert_allclose(every[:, 2], one, rtol=1e-3, atol=1e-7)


def test_channels_of_a_position_are_erased_together():
    """Channels of a position are erased together, so only the sum of their contributions matters."""
    images = np.random.default_rng(0).normal(size=(3, 2, 3, 2)).astype(np.float32)
    model = keras.Sequential([keras.Input((2, 3, 2)), layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(images)
    swapped = explainer.transform(images)[..., ::-1]
    for metric, right in ((sensitivity_n, 1), (infidelity, 0)):
        assert metric(explainer, images, explanation=swapped, axes=(1, 2)) == pytest.approx(right, abs=1e-5)
        assert abs(metric(explainer, images, explanation=swapped) - right) > 0.1


def test_errors(fitted):
    for n in (0, 6, 1.0, [2, 7], "few", []):
        with pytest.raises(ValueError, match=r"n= |'n' parameter"):
            sensitivity_n(fitted, ROWS, n=n)
    with pytest.raises(ValueError, match=r"has neither multipliers|multiplied by multipliers"):
        infidelity(OcclusionExplainer(fitted.estimator).fit(ROWS), ROWS, perturbation="noise")
    with pytest.raises(ValueError, match="multipliers=True"):
        infidelity(fitted, ROWS, perturbation="noise", explanation=fitted.explain(ROWS))
    with pytest.raises(ValueError, match="Pass axes=None"):
        infidelity(fitted, ROWS, perturbation="noise", axes=1)
    tokens = np.array([[1, 2], [0, 1]])
    model = keras.Sequential(
        [keras.Input((2,), dtype="int32"), layers.Embedding(3, 2), layers.Flatten(), layers.Dense(1)]
    )
    explainer = OcclusionExplainer(model).fit(tokens)
    explanation = explainer.explain(tokens)
    explanation.multipliers = explanation.contributions
    with pytest.raises(ValueError, match="cannot be added to integers"):
        infidelity(explainer, tokens, perturbation="noise", explanation=explanation)
    assert infidelity(explainer, tokens) < 1e-10
