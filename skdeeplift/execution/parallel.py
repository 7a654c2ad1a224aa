"""Parts of a call side by side, by joblib: in threads, processes or on a cluster."""

import math
import warnings
from functools import partial

import joblib

# What Parallel itself asks which backend is active; there is no public way to ask before what to compute is cut.
from joblib.parallel import get_active_backend

from skdeeplift.execution.dask import computed_on_cluster
from skdeeplift.execution.progress import progress
from skdeeplift.execution.worker_copy import Carried

# More parts even out how long they take, and each costs a little.
PARTS_OF_WORKER = 4


def number_of_workers(n_jobs):
    """Tell how many parts are computed at once.

    Parameters
    ----------
    n_jobs : int or None
        What the user asked for.

    Returns
    -------
    number : int

    Raises
    ------
    ValueError
        If the active backend of joblib forks.
    """
    backend, _ = get_active_backend(prefer="threads")
    # With a preference, joblib forgets the number for which no backend was named.
    _, configured = get_active_backend()
    number = backend.effective_n_jobs(configured if n_jobs is None else n_jobs)
    if number > 1 and type(backend).__name__ == "MultiprocessingBackend":
        raise ValueError(
            "n_jobs can not use joblib's backend 'multiprocessing': it forks, and TensorFlow hangs in a forked "
            "process. Pass 'threading', 'loky', 'dask' or another that does not fork to joblib.parallel_config."
        )
    return number


def cut(n_rows, chunk, n_workers):
    """Cut rows into parts of whole chunks, so that each row is computed in the same chunk as in one part.

    Parameters
    ----------
    n_rows : int
        How many rows there are.
    chunk : int
        How many rows are computed at once.
    n_workers : int
        How many parts are computed side by side.

    Returns
    -------
    parts : list of slice
    """
    n_chunks = math.ceil(n_rows / chunk)
    size = chunk * math.ceil(n_chunks / (n_workers * PARTS_OF_WORKER))
    if n_chunks > n_workers:
        # As many for each worker, where there are few.
        n_parts = math.ceil(n_rows / size / n_workers) * n_workers
        size = chunk * math.ceil(n_chunks / n_parts)
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def compute_parts(function, shared, parts, arguments, n_workers, verbose):
    """Call a function for each part of the rows, with whichever backend of joblib is active; threads by default.

    Parameters
    ----------
    function : callable
        Takes what is shared, and the arguments of a part. Defined in a module, so that workers find it.
    shared : list of object
        What all parts need; it travels once to each worker.
    parts : list of slice
        The rows of each part.
    arguments : iterable of tuple
        Those of each part.
    n_workers : int
        How many parts are computed at once.
    verbose : int
        Whether to show a progress bar.

    Returns
    -------
    results : list
        In the order of the parts.

    Warns
    -----
    Warning
        What is warned of in another process, each once.
    """
    backend, _ = get_active_backend(prefer="threads")
    shared = [Carried(value) for value in shared]
    if not getattr(backend, "supports_sharedmem", False):
        # What can not be sent is to say so itself.
        for value in shared:
            value.pack()
    if type(backend).__name__ == "DaskDistributedBackend":
        # joblib's own way would lose what was on a worker that is lost, or send the network with each part.
        computed = computed_on_cluster(backend.client, partial(_compute, function), shared, arguments)
    else:
        form = "generator" if backend.supports_return_generator else "list"
        tasks = (joblib.delayed(_compute)(function, of_part, shared) for of_part in arguments)
        computed = joblib.Parallel(n_workers, prefer="threads", return_as=form)(tasks)
    results, warned = [], {}
    with progress(parts[-1].stop, verbose, "Explaining") as bar:
        for part, (result, caught) in zip(parts, computed, strict=True):
            results.append(result)
            warned.update(((category, text), place) for category, text, place in caught)
            bar.update(part.stop - part.start)
    for (category, text), place in warned.items():
        warnings.warn_explicit(text, category, *place)
    return results


def _compute(function, arguments, shared):
    """Call the function, and return what it warns of where nobody would see it."""
    values = [each.value for each in shared]
    if all(isinstance(each, Carried) for each in shared):
        return function(*values, *arguments), []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*values, *arguments)
    return result, [(each.category, str(each.message), (each.filename, each.lineno)) for each in caught]
