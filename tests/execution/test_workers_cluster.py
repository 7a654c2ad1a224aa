"""Parts of a call on a Dask cluster, here one in this process."""

import dask
import numpy as np
import pytest
from distributed import Client

from skdeeplift.execution.workers import WorkerCopy, compute_on_cluster, reduce_partials, ship_once


@pytest.fixture(scope="module")
def client():
    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
        yield client


def add_part(of_part, shared):
    [number], (offset, array) = of_part, [copy.value for copy in shared]
    return number, offset + number, array


def test_parts_come_in_order_with_the_shared_objects(client):
    array = np.arange(3)
    results = list(compute_on_cluster(client, add_part, [WorkerCopy(10), WorkerCopy(array)], [(2,), (0,), (1,)]))
    assert [result[:2] for result in results] == [(2, 12), (0, 10), (1, 11)]
    for _, _, received in results:
        np.testing.assert_array_equal(received, array)


def test_partial_results_are_merged_several_at_once():
    sizes = []

    def merge(partials):
        sizes.append(len(partials))
        return sum(partials)

    with dask.config.set(scheduler="synchronous"):
        assert reduce_partials([dask.delayed(number) for number in range(100)], merge) == 4950
    assert max(sizes) <= 16
    assert len(sizes) == 8


def test_one_object_is_one_task():
    copy, other = WorkerCopy(3), WorkerCopy(3)
    assert ship_once(copy).key == ship_once(copy).key != ship_once(other).key
