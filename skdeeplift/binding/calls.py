"""Calls that explain rows: all at once, or block by block, from any source, into any array."""

import math
from typing import NamedTuple

import numpy as np

from skdeeplift.binding.estimators import with_attributes
from skdeeplift.binding.lengths import at_lengths_of
from skdeeplift.binding.problems import CallReport, make_problem, run_problem
from skdeeplift.binding.row_checks import check_independence, check_sources, find_letters_axes
from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.explanation.subsets import OF_ELEMENTS
from skdeeplift.propagation.sums import OF_ALL_TARGETS, PARTS
from skdeeplift.rows.batches import join
from skdeeplift.rows.blocks import Block, RowSource
from skdeeplift.rows.dask_rows import as_list
from skdeeplift.rows.output import Output, open_outputs, share_elements
from skdeeplift.rows.validation import add_last_axes


class Fields(NamedTuple):
    """Fields of an explanation that a call asks for."""

    # Whether to return an `Explanation` with all fields, or only contributions for `transform`.
    is_full: bool = False
    multipliers: bool = False
    # False, True, or the axis of the one-hot letters.
    hypothetical: object = False
    # Names of the fields to compute, among those with one number for each element of the rows.
    only: frozenset = frozenset(OF_ELEMENTS)


def explain_rows(explainer, X, fields, *, target=None, reference=None, out=None):
    """Explain rows at once, or in blocks if rows are not in memory or results are written to arrays.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    X : array-like, or source of batches
        The rows.
    fields : Fields
        Fields of the explanation to compute.
    target, reference : object, default=None
        The user's choices.
    out : dict, default=None
        Arrays to write fields into, by the names of the fields.

    Returns
    -------
    explanation : Explanation
        Has only contributions if ``fields.is_full`` is false.
    """
    # Another thread may fit the explainer meanwhile.
    explainer = with_attributes(explainer)
    report = CallReport(explainer)
    source = RowSource(X, explainer.bound_, target, reference)
    if source.is_in_memory and out is None:
        explanation = explain_block(explainer, Block(0, X, target, reference), fields, report)
        report.finish()
        return explanation
    # Fields of several blocks are joined. The explanation of a pipeline has the encoded rows.
    bound = explainer.bound_
    keeps_rows = not source.in_batches and (bound.encoder is None or bound.raw_columns is not None)
    if not source.in_batches:
        explainer = at_lengths_of(explainer, X)
        source.bound = explainer.bound_
    bound = explainer.bound_
    left_out = {*(OF_ELEMENTS if out else ()), *(["X"] if out or keeps_rows else [])}
    source.check_lengths()
    shapes = _ResultShapes(bound, source, fields.is_full)
    outputs = shapes.outputs(out or {})
    parts, finished = [], 0
    every = [output for of_name in outputs.values() for output in of_name if output is not None]
    with open_outputs(every, lambda: finished):
        for block in source.blocks(shapes.elements_of_results):
            try:
                part = explain_block(explainer, block, fields, report)
            except ValueError as error:
                _add_note_of_row(error, bound.network, block)
                raise
            for name, of_name in outputs.items():
                if part[name] is None:
                    raise ValueError(f"out= names {name!r}, which this explanation does not have.")
                for output, array, label in zip(of_name, as_list(part[name]), bound.source_names, strict=True):
                    if output is not None and array is None:
                        raise ValueError(
                            f"out= has an array for {name!r} of the input {label!r}, which holds no letters. Pass None "
                            "for this input."
                        )
                    if output is not None:
                        output.write(block.start, array)
            parts.append({name: None if name in left_out else value for name, value in part.items()})
            finished = report.n_rows
        for output in every:
            output.close(finished)
    report.finish()
    explanation = Explanation(**_join_fields(parts))
    explanation.update(out or {})
    if keeps_rows and fields.is_full:
        explanation["X"] = add_last_axes(X, bound.network) if bound.encoder is None else X
    return explanation


# Fields that all rows share.
_SHARED = frozenset(
    (
        "feature_names",
        "class_names",
        "letters_axis",
        "holds_tokens",
        "shared_masks",
        "target_unit",
        "n_outputs",
        "layer",
        "input_names",
    )
)


def explain_block(explainer, block, fields, report):
    """Explain the rows of a block.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    block : Block
        The rows, with their targets and references.
    fields : Fields
        Fields of the explanation to compute.
    report : CallReport
        Checks the results.

    Returns
    -------
    explanation : Explanation
    """
    explainer = at_lengths_of(explainer, block.rows)
    bound = explainer.bound_
    if block.target is not None:
        block = block._replace(target=bound.align_targets(block.target, block.rows))
    X = bound.encoded(block.rows, explainer)
    # With an axis of targets, tables are arrays without names.
    arrays, X = bound.arrays(X, explainer), add_last_axes(X, bound.network)
    problem, compiled = make_problem(explainer, arrays, block.target, block.reference)
    if not fields.is_full:
        results = run_problem(explainer, problem, compiled)
        report.add(problem, compiled, results, block.start, with_delta=False)
        contributions = results.contributions
        if problem.target.is_all and bound.gives_table:
            contributions = [array.reshape(len(array), -1) for array in contributions]
        return Explanation(contributions=bound.like_rows(contributions, X))
    return _full_explanation(explainer, block, fields, report, X, problem, compiled)


def _full_explanation(explainer, block, fields, report, X, problem, compiled):
    bound, method = explainer.bound_, problem.method
    if callable(block.target):
        check_independence(bound, method, problem.rows)
    if fields.multipliers or fields.hypothetical is not False:
        # Among several inputs, only those with letters need multipliers.
        check_sources(bound, method, None if fields.multipliers or len(problem.rows) == 1 else ())
        if bound.raw_columns is not None:
            raise ValueError(
                "Contributions summed to raw columns have no multipliers. Pass to_source=False to the explainer, and "
                "fit it again."
            )
    letters = problem.letters
    if fields.hypothetical is not False:
        held = () if problem.references is None else problem.references.held
        letters = find_letters_axes(bound, problem.rows, fields.hypothetical, held)
        check_sources(bound, method, [position for position, axis in enumerate(letters) if axis is not None])
    problem = problem.replace(wanted=_wanted_terms(problem, fields), letters=letters)
    results = run_problem(explainer, problem, compiled)
    delta = report.add(problem, compiled, results, block.start)

    def in_form(name):
        """Return a field in the form of the rows, or None if it was not computed."""
        arrays = results.of_sources.get(name)
        if arrays is not None and name == "hypothetical":
            arrays = [None if axis is None else array for array, axis in zip(arrays, letters, strict=True)]
        return None if arrays is None else bound.like_rows(arrays, X)

    shape, of_rows = compiled.tensor.shape, results.target
    labels = bound.labels(shape) if compiled.function is None else None
    if of_rows is not None and labels is not None:
        of_rows = labels[of_rows]
    target = bound.parameters["target"] if block.target is None else block.target
    if isinstance(problem.target.choice, np.ndarray) and not isinstance(target, np.ndarray):
        target = np.array(target)
    if isinstance(target, np.ndarray) and not bound.has_entry_per_row(target):
        # Weights that all rows share are a list, since an array has an entry for each row.
        target = target.tolist()
    is_single = compiled.function is None and problem.target.is_single
    given = block.rows
    explanation = Explanation(
        **{name: in_form(name) for name in (*OF_ELEMENTS, "deletions")},
        prediction=results.prediction,
        reference_value=results.reference_value,
        target=of_rows if of_rows is not None else None if is_single else target,
        convergence_delta=delta,
        n_steps=results.n_steps,
        X=X if bound.raw_columns is None else given,
        target_unit=("centered " if compiled.centered and compiled.function is None else "") + compiled.tensor.unit,
        n_outputs=int(np.prod(shape)),
        layer=bound.layer,
        input_names=_find_input_names(bound, X),
        class_names=labels,
        holds_tokens=_find_tokens(bound, X),
        letters_axis=None if letters is None else letters[0] if len(letters) == 1 else bound.like_rows(letters, X),
        feature_names=bound.contribution_names(explainer) if bound.gives_table else None,
        index=getattr(given, "index", None) if hasattr(given, "columns") else None,
        n_references=results.n_references,
        reference_spread=results.reference_spread,
        shared_masks=method.padding or None,
    )
    if results.n_references is not None:
        explanation.remember_references(_ReferencesOfRows(bound, X, problem, results.n_references))
    return explanation


def _find_tokens(bound, X):
    """Return whether rows are tokens, one entry for each of several inputs; None for layers of several inputs."""
    are_tokens = [spec.dtype.is_integer and bound.raw_columns is None for spec in bound.network.flat_specs]
    if bound.network.is_single:
        return are_tokens[0]
    return bound.like_rows(are_tokens, X) if bound.layer is None else None


def _find_input_names(bound, X):
    """Return the names of inputs that are passed as a list; None for names that Keras made and that no user knows."""
    names = None if bound.network.is_single or isinstance(X, dict) else list(bound.network.input_names)
    return None if names is None or any(name.startswith("keras_tensor") for name in names) else names


class _ReferencesOfRows(NamedTuple):
    """Function that makes the references of a row again, from the row's position."""

    bound: object
    X: object
    problem: object
    # Number of references of each row.
    numbers: np.ndarray

    def __call__(self, row):
        """Return one array for each input, in the form of the rows."""
        network, arrays = self.bound.network, self.problem.references_of_row(row, int(self.numbers[row]))
        if network.is_single:
            return arrays[0]
        return dict(zip(network.input_names, arrays, strict=True)) if isinstance(self.X, dict) else list(arrays)


def _wanted_terms(problem, fields):
    """Return the terms to sum over references."""
    n_references = 0 if problem.references is None else len(problem.references.weights)
    wanted = ["contributions"]
    if fields.multipliers:
        wanted.append("multipliers")
    if "standard_error" in fields.only:
        if n_references > 1:
            wanted.append("squares")
        elif n_references == 1 and problem.method.draws > 1:
            wanted.append("squares_of_draws")
    if problem.method.tells_parts:
        wanted += [name for name in PARTS if name in fields.only]
    if problem.method.tells_deletions:
        wanted.append("deletions")
    if fields.hypothetical is not False:
        wanted.append("hypothetical")
    return tuple(wanted)


class _ResultShapes:
    """Shapes of the results of a call, known before anything is computed."""

    def __init__(self, bound, source, is_full):
        self.bound, self.source, self.is_full = bound, source, is_full
        compiled = bound.compiled(source.target)
        self.method, self.is_all = compiled.method, False
        if not source.has_targets:
            self.is_all = bound.compiled_with_target(source.target)[1].is_all
        self.n_targets = compiled.method.n_outputs if self.is_all else 1

    def elements_of_results(self, elements):
        """Return the number of elements of a row and its results."""
        if self.bound.layer is None:
            return elements * self.n_targets
        shapes = self.bound.shapes_of_sources(self.method)
        units = sum(elements if None in shape else math.prod(shape) for shape in shapes)
        return elements + units * self.n_targets

    def outputs(self, out):
        """Check the arrays that fields are written into.

        Parameters
        ----------
        out : dict of str to array-like, or list or dict of array-like
            The user's arrays, by the names of the fields.

        Returns
        -------
        outputs : dict of str to list of Output
        """
        outputs, bound, source = {}, self.bound, self.source
        names, method, n_rows = bound.source_names, self.method, source.n_rows
        rows = [] if n_rows is None else bound.network.flatten(source.X)
        shapes_of_rows = [np.shape(each)[1:] for each in rows] or [None] * len(names)
        for name, arrays in out.items():
            if isinstance(arrays, dict) and (
                set(arrays) == set(names) or (name == "hypothetical" and set(arrays) <= set(names))
            ):
                arrays = [arrays.get(each) for each in names]
            arrays = as_list(arrays)
            if len(arrays) != len(method.sources):
                raise ValueError(
                    f"out= takes {len(method.sources)} arrays, one for each array of contributions. Got {len(arrays)}."
                )
            outputs[name] = []
            for position, array in enumerate(arrays):
                if array is None and name == "hypothetical" and len(arrays) > 1:
                    # An input that holds no letters.
                    outputs[name].append(None)
                    continue
                shape = self._shape_of(position, name, shapes_of_rows[position] if bound.layer is None else None)
                label = "out=" if name == "contributions" else f"out= for {name!r}"
                output = Output(array, (n_rows, *shape), method.contribution_dtypes[position], label)
                if any(share_elements(array, each) for each in rows):
                    raise ValueError(f"{label} shares memory with X. Pass an array of its own.")
                if any(
                    share_elements(array, other.array) for of_name in outputs.values() for other in of_name if other
                ):
                    raise ValueError(f"{label} shares memory with another array of out=. Pass an array of its own.")
                outputs[name].append(output)
        return outputs

    def _shape_of(self, position, name, shape_of_row):
        shape = self.bound.shapes_of_sources(self.method)[position]
        if self.bound.raw_columns is not None:
            shape = (self.bound.n_columns,)
        elif shape_of_row is not None and None in shape:
            shape = shape_of_row
        elif self.bound.layer is None and self.source.in_batches:
            # Batches may be of any length that the network takes.
            axes = self.bound.network.open_axes[position]
            shape = tuple(None if axis in axes else size for axis, size in enumerate(shape, 1))
        if not self.is_all or name in OF_ALL_TARGETS:
            return shape
        if not self.is_full and self.bound.gives_table and len(shape) == 1:
            return (shape[0] * self.n_targets,)
        return (*shape, self.n_targets)


def _add_note_of_row(error, network, block):
    """Add a note to an error that names the first row of a block that is not finite, if there is one."""
    for array in map(np.asarray, network.flatten(block.rows)):
        if kind_of(array.dtype) == "f" and not (finite := np.isfinite(array)).all():
            row = block.start + int(np.argmin(finite.reshape(len(array), -1).all(1)))
            error.add_note(f"Row {row} of X is the first that holds NaN or infinity.")


def _join_fields(parts):
    """Join the fields of blocks to those of one explanation."""
    first, fields = parts[0], {}
    for name, value in first.items():
        values = [part[name] for part in parts]
        is_shared = name in _SHARED
        if is_shared or value is None or len(parts) == 1 or (name == "target" and not isinstance(value, np.ndarray)):
            fields[name] = value
        elif name == "index":
            fields[name] = value.append(values[1:])
        else:
            of_elements = ("X", "deletions", *OF_ELEMENTS)
            fields[name] = _join_elements(values) if name in of_elements else np.concatenate(values)
    return fields


def _join_elements(values):
    """Concatenate arrays, or lists or dicts of arrays, in which the array of an input may be None."""
    first = values[0]
    if isinstance(first, dict):
        return {name: _join_elements([value[name] for value in values]) for name in first}
    if isinstance(first, list):
        return [_join_elements(list(of_input)) for of_input in zip(*values, strict=True)]
    if any(value is None for value in values):
        if all(value is None for value in values):
            return None
        raise ValueError(
            "hypothetical=True finds one-hot letters of an input in some blocks of rows, and none in others. Pass a "
            "dict of the names of the inputs that hold letters, such as hypothetical={'sequence': True}."
        )
    return join(values)


def check_out(out):
    """Return the arrays that fields are written into, by the names of the fields.

    Parameters
    ----------
    out : array-like, list, dict or None
        The user's ``out``.

    Returns
    -------
    out : dict or None
    """
    if out is None:
        return None
    if not (isinstance(out, dict) and "contributions" in out):
        return {"contributions": out}
    unknown = sorted(set(out) - set(OF_ELEMENTS))
    if unknown:
        raise ValueError(
            f"out= as a dict takes the keys {', '.join(OF_ELEMENTS)}. Got {', '.join(map(repr, unknown))}."
        )
    return out


def check_single_target(bound, target):
    """Raise an error if `transform` is asked for all targets by an explainer of one target.

    Parameters
    ----------
    bound : Bound
        The bound network.
    target : object
        The user's target, or None.

    Raises
    ------
    ValueError
        If the result would not have the columns that the explainer names.
    """
    if isinstance(target, str) and target == "all" and not bound.compiled_with_target()[1].is_all:
        raise ValueError(
            "transform takes target= as one output for each row. For contributions to all outputs, fit an explainer "
            "with target='all'."
        )
