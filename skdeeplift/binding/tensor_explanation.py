"""Explanations as functions of tensors, for any number of rows and for rows of several lengths."""

from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from sklearn.base import clone

from skdeeplift.binding.both_strands import on_both_strands_of
from skdeeplift.binding.comparison import describe_own_length, flat_reference, references_of_rows
from skdeeplift.binding.lengths import at_lengths_of
from skdeeplift.binding.row_checks import check_sources, find_letters_axes
from skdeeplift.binding.saved_models import identifiers
from skdeeplift.config import config_context
from skdeeplift.dtypes import kind_of
from skdeeplift.execution.function import RowsFunction
from skdeeplift.execution.problem import Problem
from skdeeplift.network.effects import check_states
from skdeeplift.references.tensor_references import as_tensors
from skdeeplift.rows.validation import input_labels
from skdeeplift.targets.tensor_targets import TensorTargets


class Asked(NamedTuple):
    """Choices of `skdeeplift.binding.export.ExportMixin.as_function`."""

    target: Any = None
    target_per_row: bool = False
    multipliers: bool = False
    hypothetical: Any = False
    standard_errors: bool = False
    both_strands: Any = False
    lengths: Any = None


class TensorExplanation:
    """Function from rows to a dict of tensors, in the structures of `explain`.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    asked : Asked
        Choices of the call.

    Attributes
    ----------
    network : Network
        The explained network.
    specs : list
        Specs of the arguments: rows in the form that the network takes, of any number unless the network takes only
        batches of one size, and the targets of rows, if they are an argument. Sizes are None if there are several.
    resources : list of tf.Variable and other trackable objects
        Variables and tables that the function reads.
    """

    def __init__(self, explainer, asked):
        if asked.both_strands is not False:
            explainer = on_both_strands_of(explainer, asked.both_strands)
        self.bound, self.network = explainer.bound_, explainer.bound_.network
        explainers = [explainer]
        if asked.lengths is not None:
            explainers = [at_lengths_of(explainer, rows) for rows in _rows_of_lengths(self.network, asked.lengths)]
        self._of_lengths = [_OfLengths(each, asked, self.bound.references) for each in explainers]
        self._targets = self._of_lengths[0].targets
        sizes = zip(*(each.shapes for each in self._of_lengths), strict=True)
        flat = [
            tf.TensorSpec([None, *(size[0] if len(set(size)) == 1 else None for size in zip(*shapes, strict=True))])
            for shapes in sizes
        ]
        pairs = zip(flat, self.network.flat_specs, strict=True)
        flat = [tf.TensorSpec(shape.shape, spec.dtype, spec.name) for shape, spec in pairs]
        self.specs = [tf.nest.pack_sequence_as(self.network.input_specs, flat)]
        if self._targets is not None:
            self.specs.append(self._targets.spec)
        found = [resource for each in self._of_lengths for resource in each.resources]
        self.resources = list({id(resource): resource for resource in found}.values())

    def __call__(self, rows, target=None):
        """Explain rows, with the network's weights at the time of the call.

        Parameters
        ----------
        rows : tensor, or list or dict of tensor
            Rows as the network takes them.
        target : tensor of shape (n_rows,) or (n_rows, n_axes), default=None
            Target of each row, if the function takes targets.

        Returns
        -------
        explanation : dict
            Tensors ``"prediction"`` and ``"reference_value"`` and, in the form of the rows, ``"contributions"`` and the
            additional terms that were requested.
        """
        flat = [
            tf.cast(array, spec.dtype)
            for array, spec in zip(self.network.flatten(rows), self.network.flat_specs, strict=True)
        ]
        for resource in self.resources:
            if isinstance(resource, tf.Variable):
                # Read here, since a tape watches only variables that are read by their own methods, and the graph reads
                # handles.
                resource.read_value()
        if (target is None) is not (self._targets is None):
            takes = "takes no targets: pass target_per_row=True" if self._targets is None else "needs targets: pass one"
            raise ValueError(f"This function {takes} for each row as a second argument. Got target={target!r}.")
        # Compiled parts cannot run where XLA is not linked in, and have no second derivative.
        with config_context(jit_compile=False):
            results = self._explain(flat, target)
        return {
            name: self._in_form(value, rows) if isinstance(value, list) else value for name, value in results.items()
        }

    def _explain(self, rows, target):
        """Explain rows by the function of their lengths."""
        fitting = [each for each in self._of_lengths if each.may_take(rows)]
        if not fitting:
            got = ", ".join(str(array.shape[1:]) for array in rows)
            takes = " or ".join(", ".join(map(str, each.shapes)) for each in self._of_lengths)
            further = ", or make a function with lengths= for all rows" if any(self.network.open_axes) else ""
            raise ValueError(
                f"Rows have shape {got}, and this function takes rows of shape {takes}. Pass rows of that shape"
                f"{further}."
            )
        if len(fitting) == 1:
            return fitting[0](rows, target)
        sizes = tf.concat([tf.shape(array)[1:] for array in rows], 0)
        of_each = np.stack([np.concatenate(each.shapes) for each in fitting])
        fits = tf.reduce_all(sizes == tf.constant(of_each, tf.int32), 1)
        known = [each.shapes if len(rows) > 1 else each.shapes[0] for each in fitting]
        check = tf.debugging.Assert(tf.reduce_any(fits), [f"Rows have one of the shapes {known}. Got the sizes", sizes])
        with tf.control_dependencies([check]):
            place = tf.argmax(tf.cast(fits, tf.int32), output_type=tf.int32)
        return tf.switch_case(place, [partial(each, rows, target) for each in fitting])

    def _in_form(self, arrays, rows):
        if self.bound.layer is not None:
            return self.bound.like_rows(arrays, rows)
        return self.structure(arrays)

    def structure(self, arrays):
        """Arrange one tensor for each input in the structure of rows."""
        return arrays[0] if self.network.is_single else tf.nest.pack_sequence_as(self.network.input_specs, arrays)

    def flatten(self, results):
        """Return a dict of tensors, whose keys are valid names of a signature's outputs."""
        flat, sources = {}, identifiers(self.bound.source_names)
        for name, value in results.items():
            values = tf.nest.flatten(value)
            names = [name] if len(values) == 1 else [f"{name}_{source}" for source in sources]
            # Inputs without letters have no hypothetical contributions.
            flat.update((key, each) for key, each in zip(names, values, strict=True) if each is not None)
        return flat

    @property
    def flat_specs(self):
        """Specs of the arguments in flat form, with valid and different names."""
        specs = tf.nest.flatten(self.specs)
        names = ["rows"] if self.network.is_single else self.network.input_names
        names = identifiers([*names, *(["target"] if self._targets is not None else [])])
        return [tf.TensorSpec(spec.shape, spec.dtype, name) for spec, name in zip(specs, names, strict=True)]


class _OfLengths:
    """Function from a list of tensors to their explanation, for rows of known lengths.

    Parameters
    ----------
    explainer : BaseExplainer
        The explainer, with a network for these lengths.
    asked : Asked
        Choices of the call.
    learned : References or None
        References that `fit` learned.
    """

    def __init__(self, explainer, asked, learned):
        bound = explainer.bound_
        problem, references, self.targets = _make_problem(explainer, asked, learned)
        self._function, self._dtype = RowsFunction(problem, references), problem.method.target.dtype
        self.letters = problem.letters
        self.shapes = [tuple(spec.shape[1:]) for spec in bound.network.flat_specs]
        self.resources = [*_find_resources(problem.method.graph, bound.network), *self._function.variables]

    def __call__(self, rows, target=None):
        """Explain a list of tensors."""
        weights = None if self.targets is None else self.targets.weights(target, self._dtype)
        results = self._function(rows, weights)
        if "hypothetical" in results:
            pairs = zip(results["hypothetical"], self.letters, strict=True)
            results["hypothetical"] = [None if axis is None else array for array, axis in pairs]
        return results

    def may_take(self, rows):
        """Test whether rows may have these lengths, as far as their shapes are known."""
        return all(array.shape[1:].is_compatible_with(shape) for array, shape in zip(rows, self.shapes, strict=True))


def _rows_of_lengths(network, lengths):
    """Return a row of zeros for each choice of lengths."""
    axes = [(position, axis) for position, of_input in enumerate(network.open_axes) for axis in of_input]
    if not axes:
        raise ValueError("lengths= is for networks that take rows of any length. Pass lengths=None.")
    if isinstance(lengths, (str, Integral)) or not len(lengths):
        raise ValueError(f"lengths= takes a list of lengths, such as [50, 100]. Got {lengths!r}.")
    for entry in lengths:
        sizes = [entry] * len(axes) if isinstance(entry, Integral) else list(entry)
        if len(sizes) != len(axes) or not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(
                f"An entry of lengths= is one positive integer, or a tuple of one for each of the {len(axes)} axes of "
                f"any length. Got {entry!r}."
            )
        shapes = [[1, *spec.shape[1:]] for spec in network.flat_specs]
        for (position, axis), size in zip(axes, sizes, strict=True):
            shapes[position][axis] = size
        pairs = zip(shapes, network.flat_specs, strict=True)
        arrays = [np.zeros(shape, spec.dtype.as_numpy_dtype) for shape, spec in pairs]
        yield arrays[0] if network.is_single else tf.nest.pack_sequence_as(network.input_specs, arrays)


def _make_problem(explainer, asked, learned):
    """Return the problem of a function of any rows, its references in tensors, and the targets of rows or None."""
    bound = explainer.bound_
    bound.network.check_unchanged()
    if bound.encoder is not None:
        raise ValueError(
            "The earlier steps of the pipeline run in scikit-learn, and cannot be exported to TensorFlow. Fit an "
            "explainer of the last step alone, such as "
            f"{bound.owner}(FrozenEstimator(pipeline[-1])).fit(pipeline[:-1].transform(X)), and give it rows as the "
            "earlier steps return them."
        )
    compiled, target, targets = _find_target(bound, asked)
    method = compiled.method
    if compiled.states:
        check_states(compiled.states)
    if method.takes_letters:
        raise ValueError(
            f"{bound.owner} finds the letters of each row in Python, and cannot be exported to TensorFlow. Use a "
            "DeepLiftExplainer."
        )
    empty = [np.empty((0, *spec.shape[1:]), spec.dtype.as_numpy_dtype) for spec in bound.network.flat_specs]
    references = bound.schedule.prepare(_find_references(explainer, empty, method, learned), empty)
    wanted, letters = ["contributions"], bound.letters
    if asked.multipliers:
        check_sources(bound, method)
        wanted.append("multipliers")
    if asked.standard_errors:
        n_references = 1 if references is None else len(references.weights)
        if n_references == 1 and method.draws == 1:
            raise ValueError(
                "standard_errors=True needs means over several references, draws or noisy copies, and this "
                f"{bound.owner} has a single one. Pass standard_errors=False, or fit an explainer with several."
            )
        wanted.append("squares" if n_references > 1 else "squares_of_draws")
    if asked.hypothetical is not False:
        letters = _find_letters(bound, asked.hypothetical, () if references is None else references.held)
        check_sources(bound, method, [position for position, axis in enumerate(letters) if axis is not None])
        wanted.append("hypothetical")
    problem = Problem(
        method,
        empty,
        target,
        references,
        tuple(wanted),
        letters=letters,
        schedule=bound.schedule,
        batch_size=explainer.batch_size,
        fixed=bound.network.batch_size,
    )
    problem = bound.schedule.as_one_round(problem)
    if references is None:
        return problem, None, targets
    in_tensors = as_tensors(problem.references, input_labels(bound.network))
    return problem, in_tensors if bound.layer is None else in_tensors._replace(held=()), targets


def _find_target(bound, asked):
    """Return the compiled network, its target, and the function of the targets of rows or None."""
    if not asked.target_per_row:
        return *bound.compiled_with_target(asked.target), None
    if asked.target is not None:
        raise ValueError(
            f"target_per_row=True takes the target of each row as an argument of the function, and target= is one for "
            f"all rows. Pass one of the two. Got target={asked.target!r}."
        )
    # All targets that are indices share one compiled network.
    compiled = bound.compiled(0 if bound.classes is None else bound.classes.ravel()[0])
    targets = TensorTargets(compiled.tensor, bound.labels(compiled.tensor.shape), compiled.centered)
    return compiled, targets.target, targets


def _find_references(explainer, empty, method, learned):
    """Return the references that were learned in fit, or the references of rows of other lengths."""
    bound = explainer.bound_
    if not method.uses_references or bound.references is not None:
        return bound.references
    if (own_length := describe_own_length(explainer, bound)) is not None:
        raise ValueError(
            f"lengths= names other lengths than those of the rows in fit, but {own_length}, has a length of its own. "
            "Pass lengths=None, or fit an explainer with a reference of any length, such as 'zeros', a number or "
            "'blur'."
        )
    # One row, because the number of references of a row is counted.
    row = [np.zeros((1, *array.shape[1:]), array.dtype) for array in empty]
    reference = flat_reference(explainer, bound, bound.parameters["reference"])
    # Shuffles found their axis of letters in the rows of fit; there are no rows here.
    with_axes = {
        position: clone(maker.reference).set_params(axis=maker.reference.axis_)
        for maker, positions, _ in getattr(learned.source, "makers", ())
        for position in positions
        if getattr(getattr(maker, "reference", None), "axis_", None) is not None
    }
    if with_axes:
        entries = reference if isinstance(reference, list) else [reference] * len(row)
        reference = [with_axes.get(position, entry) for position, entry in enumerate(entries)]
        reference = reference[0] if bound.network.is_single else reference
    return references_of_rows(explainer, bound, row, reference if with_axes else None)


def _find_letters(bound, hypothetical, held):
    """Return the axis of letters of each input, without rows: a given axis, or the only axis of four letters."""
    names, specs = bound.network.input_names, bound.network.flat_specs
    entries = hypothetical
    if isinstance(entries, dict) and set(entries) <= set(names):
        entries = [entries.get(name, False) for name in names]
    entries = list(entries) if isinstance(entries, (list, tuple)) else [entries] * len(specs)
    rows = []
    for position, spec in enumerate(specs):
        if position < len(entries) and entries[position] is True:
            axes = [axis for axis in range(1, spec.shape.rank) if spec.shape[axis] == 4]
            is_left_out = hypothetical is True and len(specs) > 1 and (position in held or not axes)
            if spec.shape.rank < 3 or (len(axes) != 1 and not is_left_out):
                raise ValueError(
                    f"hypothetical=True looks for the axis of four letters, since it is chosen without rows, and "
                    f"{input_labels(bound.network)[position]} has shape {tuple(spec.shape)}. Pass the axis as an int."
                )
            entries[position] = False if is_left_out else axes[0]
        # A row whose letters are all the first.
        row = np.zeros((1, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
        axis = entries[position] if position < len(entries) else False
        if (
            isinstance(axis, Integral)
            and axis is not False
            and kind_of(row.dtype) == "f"
            and -row.ndim < axis < row.ndim
        ):
            np.moveaxis(row, axis, -1)[..., 0] = 1
        rows.append(row)
    return find_letters_axes(bound, rows, entries[0] if len(specs) == 1 == len(entries) else entries, held)


def _find_resources(graph, network):
    """List the variables and tables that a graph reads, since a SavedModel must hold them."""
    held = {id(each.handle): each for function in graph.concrete_functions for each in function.variables}
    wanted = {id(tensor): tensor for tensor in graph.captures.values() if tensor.dtype == tf.resource}
    missing = wanted.keys() - held.keys()
    if missing:
        for each in tf.train.TrackableView(network.model).descendants():
            handle = getattr(each, "resource_handle", None)
            if id(handle) in missing:
                held[id(handle)] = each
    return [held[key] for key in wanted if key in held]
