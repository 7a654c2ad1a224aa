"""Parts of a problem's rows in parallel, by joblib: in threads, processes or on a cluster."""

import math
import warnings
from functools import partial

import joblib

from skdeeplift.compat import get_active_backend
from skdeeplift.config import config_context, get_config
from skdeeplift.execution.memory import memory_limit
from skdeeplift.execution.results import concatenate_results
from skdeeplift.execution.run import Loop, progress
from skdeeplift.execution.workers import WorkerCopy, compute_on_cluster

# Number of parts for each worker: more parts balance the workers, but each costs a little.
PARTS_OF_WORKER = 4


def run_in_parts(problem, n_jobs, shared):
    """Explain the rows of a problem, in parallel parts if the user asks for several.

    Parameters
    ----------
    problem : Problem
        The rows, with their targets and references.
    n_jobs : int or None
        Number of parts that are computed at once, as in joblib.
    shared : callable
        Returns a function that each worker receives once, and calls for the compiled network. The problem's own method
        cannot be pickled.

    Returns
    -------
    results : Results
    """
    n_workers = 1 if n_jobs == 1 else number_of_workers(n_jobs)
    if n_workers == 1:
        return problem.schedule.run(problem)
    # The memory limit holds for all workers together.
    config = {**get_config(), "memory_limit": memory_limit() // n_workers}
    with config_context(**config):
        loop = Loop(problem)
    verbose = problem.verbose
    # The size of chunks is the same as without parts.
    problem = problem.replace(batch_size=loop.room.most, verbose=0)
    parts = cut_rows(problem.n_rows, loop.size.rows, n_workers)
    if len(parts) == 1:
        return problem.schedule.run(problem)
    references = problem.references
    # Shared references, and sources of references, are sent once to each worker.
    common = None if references is None else references._replace(classes=None)
    if references is not None and references.per_row:
        common = common._replace(arrays=None)

    def arguments(rows):
        part = problem.take(rows).replace(method=None)
        if references is not None:
            own = part.references
            part = part.replace(references=own._replace(arrays=own.arrays if own.per_row else None, source=None))
        return part, config

    results = compute_parts(_run_part, [shared(), common], parts, map(arguments, parts), n_workers, verbose)
    return concatenate_results(results)


def _run_part(compile_again, common, problem, config):
    """Explain a part of the rows in a worker."""
    # Set again, since neither threads nor processes inherit the settings of the call.
    with config_context(**config):
        problem = problem.replace(method=compile_again().method)
        if common is not None:
            own = problem.references
            arrays = own.arrays if own.per_row else common.arrays
            problem = problem.replace(references=own._replace(arrays=arrays, source=common.source))
        return problem.schedule.run(problem)


def number_of_workers(n_jobs):
    """Return the number of parts that are computed at once.

    Parameters
    ----------
    n_jobs : int or None
        The user's choice.

    Returns
    -------
    number : int

    Raises
    ------
    ValueError
        If the active backend of joblib forks.
    """
    backend, _ = get_active_backend(prefer="threads")
    # No preference is passed, since joblib then forgets a number that was set without a backend.
    _, configured = get_active_backend()
    number = backend.effective_n_jobs(configured if n_jobs is None else n_jobs)
    if number > 1 and type(backend).__name__ == "MultiprocessingBackend":
        raise ValueError(
            "n_jobs cannot use joblib's backend 'multiprocessing': it forks, and TensorFlow hangs in a forked "
            "process. Pass 'threading', 'loky', 'dask' or another that does not fork to joblib.parallel_config."
        )
    return number


def cut_rows(n_rows, chunk, n_workers):
    """Cut rows into parts of whole chunks.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    chunk : int
        Number of rows of a chunk.
    n_workers : int
        Number of parts that are computed at once.

    Returns
    -------
    parts : list of slice
    """
    n_chunks = math.ceil(n_rows / chunk)
    size = chunk * math.ceil(n_chunks / (n_workers * PARTS_OF_WORKER))
    if n_chunks > n_workers:
        # With few parts, each worker gets the same number.
        n_parts = math.ceil(n_rows / size / n_workers) * n_workers
        size = chunk * math.ceil(n_chunks / n_parts)
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def compute_parts(function, shared, parts, arguments, n_workers, verbose):
    """Call a function for each part of the rows, by the active backend of joblib, which is threads by default.

    Parameters
    ----------
    function : callable
        Function of the shared objects and the arguments of a part, defined in a module, so that workers find it.
    shared : list of object
        Objects that all parts need. Each worker receives them once.
    parts : list of slice
        The rows of each part.
    arguments : iterable of tuple
        Arguments of each part.
    n_workers : int
        Number of parts that are computed at once.
    verbose : int
        Whether to show a progress bar.

    Returns
    -------
    results : list
        Results in the order of the parts.

    Warns
    -----
    Warning
        The warnings of other processes, each once.
    """
    backend, _ = get_active_backend(prefer="threads")
    shared = [WorkerCopy(value) for value in shared]
    if not getattr(backend, "supports_sharedmem", False):
        # Packed here, since an object that cannot be packed raises its own error.
        for value in shared:
            value.pack()
    if type(backend).__name__ == "DaskDistributedBackend":
        # Without joblib, which would fail with a lost worker, or send the network with each part.
        computed = compute_on_cluster(backend.client, partial(_compute, function), shared, arguments)
    else:
        form = "generator" if backend.supports_return_generator else "list"
        tasks = (joblib.delayed(_compute)(function, of_part, shared) for of_part in arguments)
        computed = joblib.Parallel(n_workers, prefer="threads", return_as=form)(tasks)
    results, warned = [], {}
    with progress(parts[-1].stop, verbose) as bar:
        for part, (result, caught) in zip(parts, computed, strict=True):
            results.append(result)
            warned.update(((category, text), place) for category, text, place in caught)
            bar.update(part.stop - part.start)
    for (category, text), place in warned.items():
        warnings.warn_explicit(text, category, *place)
    return results


def _compute(function, arguments, shared):
    """Call the function, and return its result with the warnings that would be lost in a worker."""
    values = [each.value for each in shared]
    if all(isinstance(each, WorkerCopy) for each in shared):
        return function(*values, *arguments), []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*values, *arguments)
    return result, [(each.category, str(each.message), (each.filename, each.lineno)) for each in caught]
