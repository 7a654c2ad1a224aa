"""Explanations made by hand, whose pictures are known, for the tests of displays."""

import numpy as np

from skdeeplift import Explanation


def table(**fields):
    """Return an explanation of two rows of three features, which sum to prediction - reference_value."""
    return Explanation(
        **{
            "contributions": np.array([[1.0, -3.0, 0.5], [2.0, 1.0, -0.5]]),
            "X": np.array([[10.0, 20.0, 30.0], [11.0, 21.0, 31.0]]),
            "feature_names": np.array(["a", "b", "c"], dtype=object),
            "prediction": np.array([-1.0, 3.0]),
            "reference_value": np.array([0.5, 0.5]),
            "convergence_delta": np.zeros(2),
            "target": None,
            **fields,
        }
    )


def of_classes(**fields):
    """Return an explanation of two classes: the contributions of `table`, and minus half of them."""
    one = table()
    both = {name: np.stack([one[name], -0.5 * one[name]], -1) for name in ("contributions", "prediction")}
    return table(
        **both,
        reference_value=np.tile([0.5, -0.25], (2, 1)),
        convergence_delta=np.zeros((2, 2)),
        target="all",
        class_names=np.array(["cat", "dog"]),
        **fields,
    )


def of_rows():
    """Return the explanation of `table`, with a target of its own for each row."""
    return table(target=np.array([4, 7]))


def of_inputs():
    """Return an explanation of two inputs: the contributions of `table`, and twice as much."""
    one = table(feature_names=None)
    return table(
        contributions={"left": one.contributions, "right": 2 * one.contributions},
        X={"left": one.X, "right": one.X},
        feature_names=None,
    )
