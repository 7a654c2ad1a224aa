"""What travels to workers."""

import pickle

import numpy as np
import pytest

from skdeeplift.execution import worker_copy
from skdeeplift.execution.worker_copy import Carried, with_attributes


class Counted:
    """Counts how often it is unpacked."""

    unpacked = 0

    def __init__(self, number):
        self.number = number

    def __setstate__(self, state):
        Counted.unpacked += 1
        vars(self).update(state)


def test_itself_here_and_unpacked_once_elsewhere(monkeypatch):
    monkeypatch.setattr(worker_copy, "_UNPACKED", {})
    monkeypatch.setattr(Counted, "unpacked", 0)
    value = Counted(3)
    assert Carried(value).value is value
    # Two calls that carry the same.
    arrived = [pickle.loads(pickle.dumps(Carried(value))) for _ in range(2)]
    assert Counted.unpacked == 0
    assert arrived[0].value is arrived[1].value is not value
    # From worker to worker, packed as it came.
    assert pickle.loads(pickle.dumps(arrived[0])).value is arrived[0].value
    assert Counted.unpacked == 1
    assert arrived[0].value.number == 3


def test_few_are_kept(monkeypatch):
    monkeypatch.setattr(worker_copy, "_UNPACKED", {})
    arrived = [pickle.loads(pickle.dumps(Carried(Counted(number)))) for number in range(6)]
    kept = arrived[0].value
    for each in arrived[1:4]:
        assert each.value
    # Used again, so that it is another one that goes.
    assert arrived[0].value is kept
    assert arrived[4].value.number == 4
    assert len(worker_copy._UNPACKED) == worker_copy.MOST_UNPACKED
    assert arrived[0].value is kept


def test_functions_of_a_notebook_travel():
    arrived = pickle.loads(pickle.dumps(Carried({"square": lambda x: x**2})))
    assert arrived.value["square"](3) == 9


def test_what_can_not_be_packed_says_so():
    with pytest.raises(TypeError, match="generator"):
        Carried(each for each in ()).pack()


def test_copy_with_other_attributes():
    value = Counted(np.arange(3))
    copied = with_attributes(value, other=1)
    assert copied.number is value.number
    assert copied.other == 1
    assert not hasattr(value, "other")
