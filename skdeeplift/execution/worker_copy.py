"""What travels to workers: packed once where it comes from, and unpacked once in each process that it comes to."""

import hashlib
import os
import pickle
import threading
from uuid import uuid4

import numpy as np
from joblib import wrap_non_picklable_objects

# How many of them a process keeps, those it used last.
MOST_UNPACKED = 4
_UNPACKED = {}
_LOCK = threading.Lock()


class Carried:
    """Something to hand to workers: itself in the same process, and packed wherever it is pickled.

    In another process it is unpacked when it is first asked for, and kept: by what it consists of, so that the next
    call that carries the same finds it there, with all that was compiled for it.

    Parameters
    ----------
    value : object
        Of which nothing is changed any more.
    """

    def __init__(self, value):
        self._value, self._packed, self._lock = value, None, threading.Lock()
        self.name = uuid4().hex

    @property
    def value(self):
        """What is carried."""
        return self._value

    def pack(self):
        """Pack it, or raise the error that says why it can not be."""
        with self._lock:
            if self._packed is None:
                # Workers know nothing of what the user defined in a notebook.
                content = pickle.dumps(wrap_non_picklable_objects(self._value, keep_wrapper=False))
                # As an array, which joblib lets processes of one machine share.
                array = np.frombuffer(content, np.uint8)
                self._packed = hashlib.blake2b(content, digest_size=16).hexdigest(), array
            return self._packed

    def __reduce__(self):
        return _Arrived, self.pack()

    def __dask_tokenize__(self):
        return self.name


class _Arrived:
    """The same in another process."""

    def __init__(self, key, content):
        self.name, self._content = key, content

    @property
    def value(self):
        # Who starts several workers on one machine tells other libraries by this how many threads to start; without,
        # TensorFlow would start as many in each as there are processors.
        if "OMP_NUM_THREADS" in os.environ:
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])
        with _LOCK:
            # Those used last are the last.
            value = _UNPACKED.pop(self.name) if self.name in _UNPACKED else pickle.loads(self._content)
            _UNPACKED[self.name] = value
            while len(_UNPACKED) > MOST_UNPACKED:
                del _UNPACKED[next(iter(_UNPACKED))]
            return value

    def __reduce__(self):
        return _Arrived, (self.name, self._content)

    def __dask_tokenize__(self):
        return self.name


def with_attributes(value, **attributes):
    """A shallow copy with other attributes, whatever its class does to be copied."""
    copied = object.__new__(type(value))
    vars(copied).update(vars(value), **attributes)
    return copied
