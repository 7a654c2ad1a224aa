import numpy as np

from skdeeplift import Explanation


def test_keys_are_attributes_and_the_repr_is_short():
    explanation = Explanation(
        contributions=np.zeros((1000, 30)), prediction=np.zeros(1000), convergence_delta=np.array([1e-7, -3e-6])
    )
    assert explanation.contributions is explanation["contributions"]
    assert repr(explanation) == "<Explanation of 1000 rows: contributions (1000, 30), convergence delta <= 3e-06>"


def test_repr_of_several_inputs():
    arrays = {"a": np.zeros((2, 3)), "b": np.zeros((2, 4))}
    for contributions in (arrays, list(arrays.values())):
        explanation = Explanation(contributions=contributions, prediction=np.zeros(2), convergence_delta=np.zeros(2))
        assert "(2, 3)" in repr(explanation)
        assert "(2, 4)" in repr(explanation)
