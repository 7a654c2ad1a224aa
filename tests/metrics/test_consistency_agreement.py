import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from skdeeplift import DeepLiftExplainer, Explanation, GradientExplainer
from skdeeplift.metrics import rank_agreement
from tests.metrics.networks import classifier

ROWS = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)


def test_agreement_by_hand():
    first = np.array([[4.0, 3.0, 2.0, -9.0], [1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]])
    second = np.array([[8.0, 6.0, 4.0, 0.0], [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    np.testing.assert_allclose(rank_agreement(first, second, per_row=True), [1, np.nan, -1])
    assert rank_agreement(first, second) == 0
    np.testing.assert_allclose(rank_agreement(first, second, measure="top_k", k=2, per_row=True), [1, 0, 0])
    np.testing.assert_allclose(rank_agreement(first, second, measure="top_k", k=3, per_row=True), [1, 2 / 3, 2 / 3])
    of_sizes = rank_agreement(first, second, measure="top_k", k=0.25, absolute=True, per_row=True)
    np.testing.assert_allclose(of_sizes, [0, 0, 0])
    assert rank_agreement(first, second, measure="top_k", k=100) == 1


@pytest.mark.parametrize(("measure", "expected"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_agreement_is_the_correlation_of_each_row(measure, expected):
    first, second = np.random.default_rng(1).normal(size=(2, 5, 3, 4))
    second[0, 0] = second[0, 1]
    found = rank_agreement(first, second, measure=measure, per_row=True)
    pairs = zip(first.reshape(5, -1), second.reshape(5, -1), strict=True)
    np.testing.assert_allclose(found, [expected(*pair).statistic for pair in pairs])
    scaled = rank_agreement(first, 3 * first - (measure == "pearson"), measure=measure, per_row=True)
    np.testing.assert_allclose(scaled, 1)


def test_explanations_of_all_targets_and_several_inputs():
    model = classifier()
    explainers = [DeepLiftExplainer(model).fit(ROWS), GradientExplainer(model).fit(ROWS)]
    every = rank_agreement(*(each.explain(ROWS, target="all") for each in explainers), per_row=True)
    assert every.shape == (10, 3)
    second = rank_agreement(*(each.explain(ROWS, target=1) for each in explainers), per_row=True)
    np.testing.assert_allclose(every[:, 1], second, atol=1e-6)
    first = Explanation(contributions={"b": ROWS[:, :2], "a": ROWS[:, 2:]})
    second = {"a": ROWS[:, 2:] * 2, "b": ROWS[:, :2] * 2}
    assert rank_agreement(first, second) == pytest.approx(1)
    assert rank_agreement([ROWS, -ROWS], [ROWS, -ROWS]) == pytest.approx(1)


def test_what_can_not_be_compared():
    with pytest.raises(ValueError, match=r"Got \(10, 1, 6\) and \(10, 1, 5\)"):
        rank_agreement(ROWS, ROWS[:, 1:])
    with pytest.raises(ValueError, match="'measure' parameter"):
        rank_agreement(ROWS, ROWS, measure="kendall")
    with pytest.raises(ValueError, match="'k' parameter"):
        rank_agreement(ROWS, ROWS, k=0)
