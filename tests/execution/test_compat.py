"""Private parts of joblib, as this package relies on them."""

import joblib
from joblib._dask import DaskDistributedBackend

from skdeeplift.execution.compat import get_active_backend


def test_active_backend_and_its_number_of_workers():
    """Threads where the user chose nothing; what the user chose otherwise, also if another backend is preferred."""
    backend, n_jobs = get_active_backend(prefer="threads")
    assert backend.supports_sharedmem
    assert backend.supports_return_generator
    assert (type(backend).__name__, n_jobs) == ("ThreadingBackend", 1)
    assert backend.effective_n_jobs(3) == 3
    for name, expected in (("loky", "LokyBackend"), ("multiprocessing", "MultiprocessingBackend")):
        with joblib.parallel_config(backend=name, n_jobs=3):
            backend, n_jobs = get_active_backend(prefer="threads")
        assert (type(backend).__name__, n_jobs) == (expected, 3)
        assert not getattr(backend, "supports_sharedmem", False)
    with joblib.parallel_config(n_jobs=3):
        # Only without a preference is the number known that the user set for all backends.
        assert get_active_backend()[1] == 3
        assert type(get_active_backend(prefer="threads")[0]).__name__ == "ThreadingBackend"


def test_class_of_the_backend_for_dask():
    """`compute_parts` knows it by this name."""
    assert DaskDistributedBackend.__name__ == "DaskDistributedBackend"
