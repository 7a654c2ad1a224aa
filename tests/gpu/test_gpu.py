"""The program that measures GPUs, run with small sizes on the CPU."""

import pytest

from skdeeplift.network import devices
from tests.gpu.__main__ import main
from tests.gpu.measure import Column, advise, measure_row
from tests.gpu.workloads import WORKLOADS

# Rows that are read from the device instead of compared.
READ = {"has_xla", "memory_overhead"}


def test_every_row_of_the_table_is_measured():
    assert WORKLOADS.keys() | READ == set(devices.Choices._fields)


def test_advice_follows_the_times():
    assert advise("large", {2**22: 0.3, 2**16: 0.1, 2**20: 0.2}) == (
        "CHANGE large from 2**22 to 2**16, 3.00 x as fast (2**22: 300 ms, 2**16: 100 ms, 2**20: 200 ms)"
    )
    assert advise("spared", {1.3: 0.1, 3.0: 0.095}) == "keep spared=1.3 (1.3: 100 ms, 3.0: 95 ms)"


def test_a_machine_without_a_gpu_says_so(capsys):
    assert main([]) == 2
    assert "finds no GPU" in capsys.readouterr().out


@pytest.mark.slow
def test_a_row_takes_effect_and_is_restored():
    column, before = Column("CPU"), devices.CPU
    seconds = measure_row(column, "unrolled_references", small=True)
    assert list(seconds) == [5, 2, 16, 40]
    assert all(value > 0 for value in seconds.values())
    assert devices.CPU is not None
    assert before == devices.CPU


@pytest.mark.slow
def test_the_program_on_the_cpu(capsys):
    assert main(["--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "24 of 24 methods and networks equal" in printed
    for row in WORKLOADS:
        assert f" {row} from " in printed or f"keep {row}=" in printed
    assert "not measured" not in printed
