import pytest

from skdeeplift import MeanAbsoluteImportance
from skdeeplift.binding.attributes import restore_on_error, with_attributes


def test_attributes_come_back_after_an_error():
    estimator = MeanAbsoluteImportance().fit([[1.0]])
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt), restore_on_error(estimator):  # noqa: PT012
        estimator.groups_, estimator.other_ = "changed", 1
        raise KeyboardInterrupt
    assert vars(estimator) == before
    with restore_on_error(estimator):
        estimator.other_ = 1
    assert estimator.other_ == 1


def test_a_copy_has_other_attributes_and_shares_all_others():
    class Counted:
        def __init__(self):
            self.parts, self.number = [], 1

        def __copy__(self):
            raise AssertionError("copied by the class")

    value = Counted()
    copied = with_attributes(value, number=2)
    assert (value.number, copied.number) == (1, 2)
    assert copied.parts is value.parts
