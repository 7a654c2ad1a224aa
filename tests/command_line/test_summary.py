"""Summary of an explanation: its targets are named."""

import numpy as np
import pytest

from skdeeplift import Explanation
from skdeeplift.command_line.summary import say_target

PREDICTION = np.array([[1.0, 20.0], [3.0, 40.0]])
NAMED = {"class_names": ["cat", "dog"], "target_unit": "logit"}
CAT = "the logit of cat is 2 on average (1 to 3), and 0.5 at the reference"
DOG = "the logit of dog is 30 on average (20 to 40), and 6 at the reference"


@pytest.mark.parametrize(
    ("target", "fields", "lines"),
    [
        ("all", NAMED, [f"2 rows; {CAT}", DOG]),
        (0, NAMED, [f"2 rows; {CAT}"]),
        (np.array([0, 0]), NAMED, [f"2 rows; {CAT}".replace("of cat", "of each row's class")]),
        (None, {}, [f"2 rows; {CAT}".replace("logit of cat", "target")]),
    ],
    ids=["all", "one", "each row's", "no name"],
)
def test_each_target_is_named(target, fields, lines):
    chosen = ... if target is not None and np.array_equal(target, "all") else (..., 0)
    explanation = Explanation(
        contributions=np.zeros((2, 3, 2))[chosen],
        prediction=PREDICTION[chosen],
        reference_value=np.array([[0.5, 6.0]] * 2)[chosen],
        convergence_delta=np.array([0.0, 0.25]),
        target=target,
        n_outputs=2,
        **fields,
    )
    assert say_target(explanation, "rows") == [*lines, "Largest convergence delta: 2.5e-01"]
