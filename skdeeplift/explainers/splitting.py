"""Rows in several parts, which are explained side by side."""

from skdeeplift.config import config_context, get_config
from skdeeplift.execution.memory import memory_limit
from skdeeplift.execution.parallel import compute_parts, cut, number_of_workers
from skdeeplift.execution.results import joined
from skdeeplift.execution.run import chunk_of_call
from skdeeplift.execution.worker_copy import with_attributes


class SplitsRows:
    """What an explainer with a parameter ``n_jobs`` does about it."""

    def _compute_in_parts(self, arrays, references, explained, wanted, letters):
        """Compute what `_compute` does, side by side where the user asks for it."""
        n_rows, n_workers = len(arrays[0]), number_of_workers(self.n_jobs)
        if n_workers == 1:
            return self._compute(arrays, references, explained, wanted, letters)
        # As much memory for all together as for one alone.
        config = {**get_config(), "memory_limit": memory_limit() // n_workers}
        with config_context(**config):
            chunk, batch_size = chunk_of_call(
                explained.method,
                arrays,
                references,
                explained.target,
                wanted=tuple(wanted),
                letters=letters,
                batch_size=self.batch_size,
                fixed=self.network_.batch_size,
                tolerance=self._reference_tolerance() if explained.method.uses_references else None,
            )
        parts = cut(n_rows, chunk, n_workers)
        if len(parts) == 1:
            return self._compute(arrays, references, explained, wanted, letters)
        has_own = references is not None and references.per_row and references.arrays is not None
        common = None if references is None or has_own else references._replace(classes=None)

        def arguments(rows):
            """What a part needs for itself."""
            own = None if references is None else references.take(rows)
            own = own if has_own or own is None else own.classes
            return [array[rows] for array in arrays], own, explained.target.of_rows(rows), wanted, letters, config

        results = compute_parts(
            _explain_part,
            [self._to_go(explained.function, ("references_", "feature_importances_"), batch_size=batch_size), common],
            parts,
            map(arguments, parts),
            n_workers,
            self.verbose,
        )
        return joined(results)

    def _to_go(self, target, leave_out=(), **parameters):
        """A copy for workers: it has what computing contributions to a target needs, as of now; the compiled is shared.

        What fits made attributes of, and is not needed, can be left out.
        """
        if hasattr(self, "reference"):
            # What was made of it counts.
            parameters["reference"] = None
        copied = with_attributes(self, **parameters, n_jobs=None, verbose=0)
        copied._fitted = {**self._fitted, **parameters, "target": target}
        # How much memory there is, each worker knows best.
        copied._config = {"jit_compile": get_config()["jit_compile"]}
        for name in leave_out:
            vars(copied).pop(name, None)
        return copied


def _explain_part(explainer, common, arrays, own, target, wanted, letters, config):
    """Explain a part of the rows with the copy of an explainer."""
    explained = explainer._compiled(explainer._fitted["target"])._replace(target=target)
    references = own if common is None else common._replace(classes=own)
    # A thread, or a process, does not know what is set around the call.
    with config_context(**config):
        return explainer._compute(arrays, references, explained, wanted, letters)
