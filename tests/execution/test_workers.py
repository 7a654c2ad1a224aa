"""Objects that are packed for workers."""

import os
import pickle

import pytest

from skdeeplift.execution import workers as worker_copy
from skdeeplift.execution.workers import WorkerCopy


class Counted:
    """Counts how often it is unpacked."""

    unpacked = 0

    def __init__(self, number):
        self.number = number

    def __setstate__(self, state):
        Counted.unpacked += 1
        vars(self).update(state)


def test_the_object_in_this_process_and_unpacked_once_in_others(monkeypatch):
    monkeypatch.setattr(worker_copy, "_UNPACKED", {})
    monkeypatch.setattr(Counted, "unpacked", 0)
    value = Counted(3)
    assert WorkerCopy(value).value is value
    # Two calls with equal objects.
    arrived = [pickle.loads(pickle.dumps(WorkerCopy(value))) for _ in range(2)]
    assert Counted.unpacked == 0
    assert arrived[0].value is arrived[1].value is not value
    # From worker to worker, still packed.
    assert pickle.loads(pickle.dumps(arrived[0])).value is arrived[0].value
    assert Counted.unpacked == 1
    assert arrived[0].value.number == 3


def test_few_objects_are_kept(monkeypatch):
    monkeypatch.setattr(worker_copy, "_UNPACKED", {})
    arrived = [pickle.loads(pickle.dumps(WorkerCopy(Counted(number)))) for number in range(6)]
    kept = arrived[0].value
    for each in arrived[1:4]:
        assert each.value
    # The first was used again, so that another one is forgotten.
    assert arrived[0].value is kept
    assert arrived[4].value.number == 4
    assert len(worker_copy._UNPACKED) == worker_copy.MOST_UNPACKED
    assert arrived[0].value is kept


def test_functions_of_a_notebook_are_packed():
    arrived = pickle.loads(pickle.dumps(WorkerCopy({"square": lambda x: x**2})))
    assert arrived.value["square"](3) == 9


def test_error_about_objects_that_cannot_be_packed():
    with pytest.raises(TypeError, match="generator"):
        WorkerCopy(each for each in ()).pack()


@pytest.mark.parametrize("chosen", [None, "false"])
def test_a_worker_leaves_memory_of_a_gpu_to_others(monkeypatch, chosen):
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    if chosen is None:
        monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH")
    assert pickle.loads(pickle.dumps(WorkerCopy([1]))).value == [1]
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == (chosen or "true")
