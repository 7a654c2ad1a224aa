"""Schedules, which repeat a method for each row until its contributions are good enough.

One driver, `repeat_until_enough`, serves means over references, means over random draws and integrals over steps. It
adds references, draws or steps only for rows that are not within tolerance yet.
"""

from dataclasses import dataclass

import numpy as np

from skdeeplift.dtypes import kind_of
from skdeeplift.execution.references import AUTOMATIC_REFERENCES, Path, References
from skdeeplift.execution.results import Sums
from skdeeplift.execution.run import Loop, progress, run_once
from skdeeplift.propagation.summation_check import (
    BY_DTYPE,
    Tolerance,
    change_of_rows,
    convergence_delta,
    excess_of_rows,
    standard_error_of_sums,
)

FIRST_REFERENCES, FIRST_DRAWS, FIRST_STEPS = 16, 100, 5
MOST_DRAWS = 100 * 2**8
# A row that misses its tolerance by more than this factor continues with four times the steps, other rows with twice
# the steps. The error of a quadrature falls about as fast as the number of steps grows, or faster.
FAR = 4
# Draws miss the change of the target if the convergence delta exceeds this share of the explained values' size, and
# exceeds this number of standard errors.
LARGE_SHARE, MANY_ERRORS = 0.2, 4


def repeat_until_enough(n_rows, first, most, attempt, far=np.inf, progress=None):
    """Repeat a computation, with more work each time, for the rows that are not within tolerance.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    first, most : int
        Amount of work of a row at first and at most: references, draws or steps.
    attempt : callable
        Function of the positions of rows, the amount of work done for them and the amount to reach. It returns the
        error of each row as a multiple of its tolerance.
    far : float, default=inf
        Rows with a larger error than this get four times the work in the next attempt; other rows get twice the work.
    progress : tqdm, default=None
        Progress bar, which counts rows that are finished.

    Returns
    -------
    amounts, totals : ndarray of int of shape (n_rows,)
        Amount of work in the last attempt for each row, and in all its attempts.
    converged : ndarray of bool of shape (n_rows,)
        Whether each row is within tolerance.
    """
    amounts, totals = np.zeros((2, n_rows), int)
    excess, pending = np.zeros(n_rows), np.full(n_rows, min(first, most))
    while pending.any():
        amount = int(pending[pending > 0].min())
        rows = np.flatnonzero(pending == amount)
        excess[rows] = attempt(rows, int(amounts[rows[0]]), amount)
        amounts[rows] = amount
        totals[rows] += amount
        more = np.minimum(np.where(excess[rows] > far, 4, 2) * amount, most)
        pending[rows] = np.where((excess[rows] > 1) & (more > amount), more, 0)
        if progress is not None:
            progress.update(int((pending[rows] == 0).sum()))
    return amounts, totals, excess <= 1


@dataclass(frozen=True)
class Schedule:
    """One pass over all references.

    Subclasses override the references that rows are compared with, the repetitions, and the warning.

    Attributes
    ----------
    tolerance : Tolerance
        Tolerance of convergence deltas.
    advice : str or None
        Advice about contributions that do not sum to the change; None if the op at fault is searched instead.
    references_at_once : int or None
        Largest number of references of one round; None for all.
    """

    tolerance = BY_DTYPE
    advice = None
    references_at_once = None

    def check_rows(self, arrays):
        """Raise an error for rows that the schedule cannot explain."""

    def prepare(self, references, arrays):
        """Return the references of a call, with the random draws of the schedule."""
        return references

    # Explains the rows of a problem, and returns `Results`.
    run = staticmethod(run_once)

    def as_one_round(self, problem):
        """Return the same problem for one round of `Loop`.

        Raises
        ------
        ValueError
            If the number of rounds depends on the rows.
        """
        return problem

    def warning(self, results):
        """Return a warning about rows whose standard errors stayed above the tolerance."""
        return ""


ONCE = Schedule()
# Relative standard error at which references are no longer added automatically.
REFERENCE_TOLERANCE = 0.05


def schedule_of_references(bound):
    """Return a schedule that adds references to each row, if the parameters ask for it, or the schedule of one pass.

    Parameters
    ----------
    bound : Bound
        The bound network, with the parameters.

    Returns
    -------
    schedule : Schedule
        One pass over all references, or as many references as a row needs.
    """
    tolerance = bound.parameters.get("reference_tol")
    if tolerance is None and bound.parameters.get("max_references") == "auto":
        tolerance = REFERENCE_TOLERANCE
    return ONCE if tolerance is None else UntilPrecise(tolerance)


@dataclass(frozen=True)
class UntilPrecise(Schedule):
    """Schedule that adds references to each row until the standard error of its contributions is relatively small."""

    reference_tol: float
    # One compiled function serves all rounds, for any number of added references.
    references_at_once = FIRST_REFERENCES

    def run(self, problem):
        """Explain the rows of a problem, and return `Results`."""
        references = problem.references
        if not references.is_random:
            return run_once(problem)
        loop, most = Loop(problem.replace(wanted=_with_squares(problem.wanted))), len(references.weights)
        sums = Sums(loop.problem)

        def attempt(rows, start, stop):
            loop.add(sums, np.ones(stop - start), start, rows)
            return sums.relative_standard_errors(rows, stop) / self.reference_tol

        with progress(problem.n_rows, problem.verbose) as bar:
            counts, _, converged = repeat_until_enough(problem.n_rows, FIRST_REFERENCES, most, attempt, progress=bar)
        # No warning below the automatic number, since the user chose to use fewer references.
        unconverged = ~converged & (most >= AUTOMATIC_REFERENCES)
        return sums.means(counts)._replace(unconverged=unconverged)

    def as_one_round(self, problem):
        """Return the problem if references are not random; otherwise raise an error."""
        if not problem.references.is_random:
            return problem
        raise ValueError(
            "An exported function compares each row with the same number of references, but reference_tol= or "
            'max_references="auto" adds references until the standard errors of a row are small. Fit an explainer with '
            "reference_tol=None and a number as max_references."
        )

    def warning(self, results):
        """Return a warning that the largest number of references is too small for the tolerance."""
        number = results.n_references[results.unconverged].max()
        return (
            f"The standard error of {results.unconverged.sum()} of {len(results.unconverged)} rows' contributions is "
            f"above {self.reference_tol:g} of their size after {number} references. Their contributions are means over "
            f"all {number}; explanation.standard_error has the errors. Pass a larger reference_tol=, or a reference "
            "that varies less."
        )


@dataclass(frozen=True)
class Steps(Schedule):
    """Schedule that integrates gradients along the path from each reference, by a quadrature of some steps."""

    method: str
    # An int, or "auto" for as many steps as a row's contributions need to sum to the change.
    n_steps: object
    convergence_tol: float
    max_steps: int
    # Schedule of references for each number of steps.
    inner: Schedule = ONCE

    @property
    def tolerance(self):
        """Tolerance relative to the change of the target: contributions that cancel do not hide an error of steps."""
        return Tolerance(relative=self.convergence_tol, of_change=True)

    @property
    def references_at_once(self):
        """Largest number of references of one round."""
        return self.inner.references_at_once

    @property
    def advice(self):
        """Advice about contributions that do not sum to the change."""
        many = "max_steps, or convergence_tol if this is enough" if self.n_steps == "auto" else "n_steps"
        auto = "" if self.n_steps == "auto" else ', or pass n_steps="auto"'
        return (
            f" This is the error of integrating by steps. Raise {many}{auto}. If the gradient jumps along the path, as "
            "in a network of relu, the error falls slowly with the number of steps; DeepLiftExplainer has no such "
            "error."
        )

    def run(self, problem):
        """Explain the rows of a problem, and return `Results`."""
        if self.n_steps != "auto":
            results = self.inner.run(self._with_path(problem, self.n_steps))
            return results._replace(n_steps=np.full(problem.n_rows, self.n_steps))
        results, unsettled = None, np.zeros(problem.n_rows, bool)
        method, tolerance = problem.method, self.tolerance._replace(dtype=problem.method.coarsest_dtype)
        together = method.summing == [tuple(range(len(method.sources)))]

        def attempt(rows, _, number):
            nonlocal results
            found = self.inner.run(self._with_path(problem.take(rows), number))
            excess = np.zeros(len(rows))
            for group in method.summing:
                excess = np.maximum(excess, excess_of_rows(found.of_group(group), tolerance))
            if results is None:
                # Contributions may sum to the change by chance, so every row is computed at least twice.
                results, change = found, np.full(len(rows), np.nextafter(1, 2))
            else:
                change = change_of_rows(found, results, rows, tolerance, together)
                unsettled[rows] = (change > 1) & (excess <= 1)
                results.replace_rows(rows, found)
            return np.maximum(excess, change)

        _, n_steps, _ = repeat_until_enough(problem.n_rows, FIRST_STEPS, self.max_steps, attempt, far=FAR)
        return results._replace(n_steps=n_steps, unsettled=unsettled)

    def as_one_round(self, problem):
        """Return the problem with the points of all steps, if their number is known."""
        if self.n_steps == "auto":
            raise ValueError(
                'An exported function takes the same number of steps for each row, but n_steps="auto" takes as many as '
                "each row needs. Fit an explainer with a number of steps, such as n_steps=50."
            )
        return self.inner.as_one_round(self._with_path(problem, self.n_steps))

    def _with_path(self, problem, n_steps):
        positions, weights = METHODS[self.method](n_steps)
        path = Path(np.tile(positions, (len(problem.references.weights), 1)), weights)
        return problem.replace(references=problem.references._replace(path=path))

    def warning(self, results):
        """Return a warning about rows whose contributions still change, or whose standard errors stayed too large."""
        if results.unsettled is None or not results.unsettled.any():
            return self.inner.warning(results)
        return (
            f"The contributions of {results.unsettled.sum()} of {len(results.unsettled)} rows still change with the "
            f"number of steps at max_steps={self.max_steps}. Raise max_steps, or convergence_tol if this is enough."
        )


@dataclass(frozen=True)
class Draws(Schedule):
    """Schedule that draws random pairs of a reference and a point on the path from this reference."""

    # An int, or "auto" for as many draws as the standard errors need.
    n_draws: object
    reference_tol: float
    seed: int

    def prepare(self, references, arrays):
        """Return the drawn references, if the number of draws is known."""
        return references if self.n_draws == "auto" else draw_references(references, self.n_draws, self.seed)

    def run(self, problem):
        """Explain the rows of a problem, and return `Results`."""
        if self.n_draws == "auto":
            results = self._run_until_precise(problem)
        else:
            results = run_once(problem)._replace(unconverged=np.zeros(problem.n_rows, bool))
        for group in problem.method.summing:
            results.unconverged[self._rows_that_miss(problem, results, group)] = True
        return results

    def as_one_round(self, problem):
        """Return the problem if the number of draws is known."""
        if self.n_draws == "auto":
            raise ValueError(
                'An exported function makes the same number of draws for each row, but n_draws="auto" makes as many as '
                "each row needs. Fit an explainer with a number of draws, such as n_draws=200."
            )
        return problem

    def _rows_that_miss(self, problem, results, group):
        """Find the rows whose draws miss the change of the target by more than their standard errors show.

        All draws may lie where the function is flat. Their contributions are nearly zero then, and their standard
        errors are too.
        """
        tolerance, of_group = Tolerance(problem.method.coarsest_dtype, LARGE_SHARE), results.of_group(group)
        rows = np.flatnonzero(excess_of_rows(of_group, tolerance) > 1)
        if not len(rows):
            return rows
        if "standard_error" in results.of_sources:
            errors = standard_error_of_sums(of_group)[rows]
        else:
            # Standard errors take time, and few calls need them.
            with_errors = run_once(problem.take(rows).replace(wanted=_with_squares(problem.wanted)))
            errors = standard_error_of_sums(with_errors.of_group(group))
        beyond = np.abs(convergence_delta(of_group)[rows]) > MANY_ERRORS * errors
        return rows[beyond.reshape(len(rows), -1).any(1)]

    def _run_until_precise(self, problem):
        """Draw until the standard errors of each row are small beside its contributions."""
        sums, problem = None, problem.replace(wanted=_with_squares(problem.wanted))

        def attempt(rows, start, stop):
            nonlocal sums
            # Each round doubles the draws by adding new ones, so that every draw is computed once.
            seed = [self.seed, start] if start else self.seed
            drawn = problem.replace(references=draw_references(problem.references, stop - start, seed))
            if sums is None:
                sums = Sums(drawn)
            Loop(drawn).add(sums, np.ones(stop - start), 0, rows)
            return sums.relative_standard_errors(rows, stop) / self.reference_tol

        counts, _, converged = repeat_until_enough(problem.n_rows, FIRST_DRAWS, MOST_DRAWS, attempt)
        return sums.means(counts)._replace(unconverged=~converged)

    def warning(self, results):
        """Return a warning that there are too few draws."""
        number = results.n_references[results.unconverged].max()
        if self.n_draws != "auto" or number < MOST_DRAWS:
            return (
                f"In {results.unconverged.sum()} of {len(results.unconverged)} rows the {number} draws miss much of "
                "the change of the target: the contributions do not sum to f(x) - f(reference). Standard errors do not "
                "show this, because they are computed from the same draws. Raise n_draws. If the target is a "
                "probability, which changes in a small part of the path, explain its logit with pre_activation=True."
            )
        return (
            f"After {number} draws the standard errors of {results.unconverged.sum()} of {len(results.unconverged)} "
            f"rows are still beyond reference_tol={self.reference_tol:g} of their contributions. Raise reference_tol "
            "if they are small enough."
        )


@dataclass(frozen=True)
class Noise(Schedule):
    """Schedule that adds normal noise to copies of each row (SmoothGrad)."""

    scale: float
    n_draws: int
    seed: int

    def check_rows(self, arrays):
        """Raise an error if all rows hold integers, to which no noise can be added."""
        if all(kind_of(array.dtype) in "biu" for array in arrays):
            raise ValueError(
                "noise_scale adds noise to floating-point numbers, and the network takes integers. Pass noise_scale=0."
            )

    def prepare(self, references, arrays):
        """Return the noise, the same for all rows, so that a row's results do not depend on the rows beside it."""
        random = np.random.default_rng(self.seed)
        noise = [
            random.normal(scale=self.scale, size=(self.n_draws, *array.shape[1:])).astype(array.dtype)
            for array in arrays
        ]
        return References(noise, False, np.full(self.n_draws, 1 / self.n_draws))


def _with_squares(wanted):
    """Return the terms, with the squares for standard errors."""
    return tuple(dict.fromkeys([*wanted, "contributions", "squares"]))


def draw_references(references, number, seed):
    """Draw references with replacement, each with one point on the path from it.

    Parameters
    ----------
    references : References
        References to draw from, by their weights.
    number : int
        Number of draws.
    seed : int or list of int
        Seed of the random numbers, which all rows share.

    Returns
    -------
    references : References
        One reference for each draw, with its path.
    """
    random = np.random.default_rng(seed)
    order = _sorted_by_content(references)
    chosen = order[random.choice(len(order), number, p=references.weights[order])]
    return references.choose(chosen)._replace(path=Path(random.uniform(size=(number, 1)), np.ones(1)))


def _sorted_by_content(references):
    """Return an order by content, so that draws do not depend on the references' order or duplicates' weights."""
    if references.per_row:
        return np.arange(len(references.weights))
    flat = np.concatenate([array.reshape(len(array), -1) for array in references.arrays], 1)
    return np.lexsort(flat.T)


def _gausslegendre(n_steps):
    positions, weights = np.polynomial.legendre.leggauss(n_steps)
    return (positions + 1) / 2, weights / 2


def _trapezoid(n_steps):
    if n_steps == 1:
        return _equal(np.array([0.5]))
    weights = np.full(n_steps, 1 / (n_steps - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, n_steps), weights


def _equal(positions):
    return positions, np.full(len(positions), 1 / len(positions))


# Quadratures by name: functions from the number of points to the points and their weights, which sum to one.
METHODS = {
    "gausslegendre": _gausslegendre,
    "midpoint": lambda n_steps: _equal((np.arange(n_steps) + 0.5) / n_steps),
    "trapezoid": _trapezoid,
    "riemann_left": lambda n_steps: _equal(np.arange(n_steps) / n_steps),
    "riemann_right": lambda n_steps: _equal(np.arange(1, n_steps + 1) / n_steps),
}
