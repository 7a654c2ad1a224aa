import pytest

from skdeeplift import MeanAbsoluteImportance
from skdeeplift.explainers.unchanged import unchanged_on_error


def test_attributes_come_back():
    estimator = MeanAbsoluteImportance().fit([[1.0]])
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt), unchanged_on_error(estimator):  # noqa: PT012
        estimator.groups_, estimator.other_ = "changed", 1
        raise KeyboardInterrupt
    assert vars(estimator) == before
    with unchanged_on_error(estimator):
        estimator.other_ = 1
    assert estimator.other_ == 1
