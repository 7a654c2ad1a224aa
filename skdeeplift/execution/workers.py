"""Workers: objects that each worker receives once, and the work on a Dask cluster."""

import hashlib
import os
import pickle
import threading
from functools import partial
from uuid import uuid4

import numpy as np
from joblib import wrap_non_picklable_objects

# Largest number of objects that a process keeps unpacked; those used last are kept.
MOST_UNPACKED = 4
_UNPACKED = {}
_LOCK = threading.Lock()


class WorkerCopy:
    """Object for workers, which is packed when it is pickled for another process.

    Another process unpacks the object when it is first asked for, and keeps it under a hash of its bytes. The next
    call that ships an equal object finds it there, with all its compiled functions.

    Parameters
    ----------
    value : object
        The object, which must not change afterwards.
    """

    def __init__(self, value):
        self._value, self._packed, self._lock = value, None, threading.Lock()
        self.name = uuid4().hex

    @property
    def value(self):
        """The object."""
        return self._value

    def pack(self):
        """Pack the object, or raise an error that tells why it cannot be packed."""
        with self._lock:
            if self._packed is None:
                # Workers do not have the classes that the user defined in a notebook.
                content = pickle.dumps(wrap_non_picklable_objects(self._value, keep_wrapper=False))
                # An array, since joblib shares the memory of arrays among processes on one machine.
                array = np.frombuffer(content, np.uint8)
                self._packed = hashlib.blake2b(content, digest_size=16).hexdigest(), array
            return self._packed

    def __reduce__(self):
        return _ReceivedCopy, self.pack()

    def __dask_tokenize__(self):
        return self.name


class _ReceivedCopy:
    """A `WorkerCopy` in the process that received it."""

    def __init__(self, key, content):
        self.name, self._content = key, content

    @property
    def value(self):
        # Launchers of several workers on one machine limit the threads of other libraries by this variable. Without
        # it, TensorFlow would start as many threads in each worker as there are processors.
        if "OMP_NUM_THREADS" in os.environ:
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])
        # The first of several workers would take all memory of a GPU.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        with _LOCK:
            # Reinserted, so that the dict is ordered by last use.
            value = _UNPACKED.pop(self.name) if self.name in _UNPACKED else pickle.loads(self._content)
            _UNPACKED[self.name] = value
            while len(_UNPACKED) > MOST_UNPACKED:
                del _UNPACKED[next(iter(_UNPACKED))]
            return value

    def __reduce__(self):
        return _ReceivedCopy, (self.name, self._content)

    def __dask_tokenize__(self):
        return self.name


# Number of partial results that one task merges.
MERGED_AT_ONCE = 16


def ship_once(copy):
    """Return a lazy object that each worker receives once, or again after a worker was lost."""
    import dask

    return dask.delayed(copy, name=f"shipped-{copy.name}", traverse=False)


def compute_on_cluster(client, function, shared, arguments):
    """Call a function for each part of a call on a cluster; parts of lost workers are computed again.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.
    function : callable
        Takes the arguments of a part, and the shared objects.
    shared : list of WorkerCopy
        Objects that all parts need. Each worker receives them once.
    arguments : iterable of tuple
        Arguments of each part, which are sent with it.

    Yields
    ------
    result : object
        Result of each part, in order.
    """
    import dask

    shared = [ship_once(value) for value in shared]
    tasks = [dask.delayed(partial(function, of_part), pure=False)(shared) for of_part in arguments]
    # The rows are part of the graph, so that parts of lost workers can be sent again.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
        futures = client.compute(tasks)
    for future in futures:
        yield future.result()


def reduce_partials(partials, merge):
    """Merge partial results on the cluster, and return the last.

    Parameters
    ----------
    partials : list of Delayed
        Partial result of each block.
    merge : callable
        Takes a list of partial results, and returns one.

    Returns
    -------
    result : object
        The merged result, in memory.
    """
    import dask

    merge = dask.delayed(merge)
    while len(partials) > 1:
        partials = [
            merge(partials[start : start + MERGED_AT_ONCE]) for start in range(0, len(partials), MERGED_AT_ONCE)
        ]
    return dask.compute(partials[0])[0]
