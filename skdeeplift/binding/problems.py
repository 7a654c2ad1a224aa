"""Problems of a fitted explainer: rows, targets and references ready to run, and checks of their results."""

from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdeeplift.binding.comparison import references_of_rows
from skdeeplift.binding.estimators import with_attributes
from skdeeplift.exceptions import ReferenceWarning, SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.execution.parallel import run_in_parts
from skdeeplift.execution.problem import Problem
from skdeeplift.network.effects import check_states
from skdeeplift.network.masks import only_decides
from skdeeplift.propagation.summation_check import check_sums, convergence_delta
from skdeeplift.rows.validation import input_labels
from skdeeplift.warn import warn

# Largest number of references for which a row's difference is followed from op to op.
LOCATED_REFERENCES = 100
# Largest number of rows that a warning names.
NAMED_ROWS = 10


def make_problem(explainer, arrays, target=None, reference=None):
    """Return the problem that a fitted explainer solves for some rows.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    arrays : list of ndarray
        Checked rows, one array for each input.
    target : object, default=None
        The user's target; by default that of the explainer.
    reference : object, default=None
        The user's reference; by default the references that `fit` learned.

    Returns
    -------
    problem : Problem
    compiled : CompiledTarget
        The compiled network.
    """
    bound = explainer.bound_
    bound.network.check_unchanged()
    compiled, checked = bound.compiled_with_target(target, len(arrays[0]))
    if compiled.method.uses_references:
        references = references_of_rows(explainer, bound, arrays, reference)
    elif reference is not None:
        raise ValueError(f"{bound.owner} compares rows with no reference. Pass reference=None.")
    else:
        references = None
    if checked.is_pairwise and references is None:
        raise ValueError(
            f"Profile(weights='mean') computes weights from each row and its references, and {bound.owner} compares "
            "rows with no reference. Pass Profile(weights='row'), which computes weights from the row alone."
        )
    problem = Problem(
        compiled.method,
        arrays,
        checked,
        bound.schedule.prepare(references, arrays),
        letters=bound.letters,
        schedule=bound.schedule,
        batch_size=explainer.batch_size,
        fixed=bound.network.batch_size,
        verbose=explainer.verbose,
    )
    return problem, compiled


def run_problem(explainer, problem, compiled):
    """Explain the rows of a problem, in parallel parts if the explainer has ``n_jobs``.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    problem : Problem
        The rows, with their targets and references.
    compiled : CompiledTarget
        The compiled network.

    Returns
    -------
    results : Results
        Results of raw columns if encoded columns are summed to raw columns.
    """
    bound = explainer.bound_

    def shared():
        """Return the function that returns the compiled network in a worker; threads share one compiled network."""
        return partial(with_attributes(bound, references=None).compiled_of_kind, compiled.kind, compiled.function)

    if compiled.states:
        check_states(compiled.states)
    results = run_in_parts(problem, explainer.n_jobs, shared)
    if bound.layer is None and problem.references is not None:
        for name, arrays in results.of_sources.items():
            for position in problem.references.held if name != "multipliers" else ():
                # A held input is not explained: its values, computed twice, may differ by rounding.
                arrays[position][...] = 0
    return results if bound.raw_columns is None else bound.sum_to_raw_columns(results)


class CallReport:
    """Checks of a call's results, block by block, with each warning shown once at the end.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    name_row : callable, default="row {}".format
        Function from a row's position to its name in a warning.
    """

    def __init__(self, explainer, name_row="row {}".format):
        self.bound, self.how = explainer.bound_, getattr(explainer, "check", "ignore")
        self.name_row = name_row
        self.departures, self.unconverged, self.not_finite = [], [], None
        self.n_not_finite, self.n_rows, self.is_function = 0, 0, False
        # Number of shuffles that equal their row, and number of the row's references, keyed by the row's position.
        self.equal = {}

    def add(self, problem, compiled, results, start=0, with_delta=True):
        """Check the results of a block, and return its convergence deltas, or None if the method has none.

        Parameters
        ----------
        problem : Problem
            The rows of the block.
        compiled : CompiledTarget
            The compiled network.
        results : Results
            Their results.
        start : int, default=0
            Position of the block's first row.
        with_delta : bool, default=True
            Whether to return the convergence deltas.

        Returns
        -------
        delta : ndarray or None

        Raises
        ------
        SummationToDeltaError
            If contributions do not sum to the change of the target, and ``check="raise"``.
        """
        method = problem.method
        self.n_rows += problem.n_rows
        self.is_function = compiled.function is not None
        if results.reported.any():
            self.unconverged.append(results)
        if results.n_equal is not None:
            for row in np.flatnonzero(results.n_equal):
                self.equal[start + int(row)] = int(results.n_equal[row]), int(results.n_references[row])
        sums = method.sums_to_delta and method.summing
        if not sums:
            self._note_outputs(results, start)
        if not sums or self.how == "ignore":
            return convergence_delta(results) if with_delta else None
        worst = -1.0 if not self.departures else max(each.badness for each in self.departures)
        tolerance = self.bound.schedule.tolerance._replace(dtype=method.coarsest_dtype)
        for group in method.summing:
            delta, found = check_sums(results.of_group(group), tolerance, worst)
            if found is not None:
                self._describe(found, problem, start, group)
        if not with_delta or len(group) == len(method.sources):
            return delta
        return convergence_delta(results)

    def _describe(self, found, problem, start, group):
        if found.row is not None:
            row = found.row
            place = self.name_row(start + row) + ("" if found.target is None else f", target {found.target}")
            if len(group) < len(problem.method.sources):
                place += f", layer {self.bound.layer[group[0]]!r}"
            advice = self.bound.schedule.advice
            if advice is None:
                advice = self._op_at_fault(problem, row, found.tolerance)
            found = found._replace(place=place, advice=advice, is_function=self.is_function)
        if self.how == "raise":
            raise SummationToDeltaError(
                found.message(problem.n_rows) + ' Pass check="ignore" to get these contributions anyway.'
            )
        self.departures.append(found)

    def _op_at_fault(self, problem, row, tolerance):
        """Name the first op at which a row's propagated difference departs from the true difference."""
        distrust = f" Do not trust these rows' contributions.{self._advice_about_masks(problem)}"
        if problem.fixed is not None:
            return distrust
        op = problem.method.first_departure(*problem.pairs_of_row(row, LOCATED_REFERENCES), tolerance)
        if op is None:
            return distrust
        return (
            f"{distrust} The propagated difference first departs from the true one at "
            f"{problem.method.graph.describe(op)}."
        )

    def _advice_about_masks(self, problem):
        """Advise to hold inputs that mask elements of other inputs."""
        graph, target = problem.method.graph, problem.method.target
        if len(graph.inputs) == 1:
            return ""
        labels = zip(input_labels(self.bound.network), graph.inputs, strict=True)
        of_others = (each for number, each in enumerate(labels) if number not in problem.references.held)
        masks = [label for label, value in of_others if only_decides(graph, value, target)]
        if not masks:
            return ""
        return (
            f" The input {' and '.join(masks)} acts on the target through comparisons alone, as a mask does. Pass "
            '"held" as its reference to keep it at the row\'s values.'
        )

    def _note_outputs(self, results, start):
        """Count rows whose target is not finite, if no check of sums would find them."""
        outputs = results.prediction.reshape(len(results.prediction), -1)
        bad = np.flatnonzero(~np.isfinite(outputs).all(1))
        if len(bad):
            self.n_not_finite += len(bad)
            self.not_finite = self.not_finite or self.name_row(start + bad[0])

    def finish(self):
        """Show the warnings of all blocks, each once."""
        if self.unconverged:
            worst = max(self.unconverged, key=lambda results: results.n_references[results.reported].max())
            warn(self.bound.schedule.warning(worst), ConvergenceWarning)
        if self.equal:
            named = [f"{self.name_row(row)} ({n} of {total})" for row, (n, total) in self.equal.items()]
            more = "" if len(named) <= NAMED_ROWS else f" and {len(named) - NAMED_ROWS} more"
            warn(
                f"In {len(named)} of {self.n_rows} rows, shuffles equal the row itself, and contribute zero: "
                f"{', '.join(named[:NAMED_ROWS])}{more}. A sequence of repeats has few other orders. If all shuffles "
                "of a row equal the row, all its contributions are zero. Pass another reference for these rows, such "
                'as "shuffle", "background_frequency" or "zeros".',
                ReferenceWarning,
            )
        if self.not_finite is not None:
            look_at = "the target function" if self.is_function else "the network's weights"
            warn(
                f"In {self.n_not_finite} of {self.n_rows} rows, first in {self.not_finite}, the target is "
                f"not finite, so contributions mean nothing there. Look at {look_at}, and at these rows.",
                RuntimeWarning,
            )
        if self.departures:
            worst = max(self.departures, key=lambda each: each.badness)
            number = sum(each.number for each in self.departures)
            warn(worst._replace(number=number).message(self.n_rows), SummationToDeltaWarning)
