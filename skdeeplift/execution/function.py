"""TensorFlow function that explains any number of rows, for programs without Python."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.execution.references import Path
from skdeeplift.execution.run import Loop
from skdeeplift.network import devices
from skdeeplift.network.tensors import padded
from skdeeplift.perturbation.perturbation import sum_weighted
from skdeeplift.propagation.pairing import Mode, Pairing, Request, difference_dtype, with_axis_of_references

# Ratio of one block size to the next smaller size.
SMALLER = 16


class TensorReferences(NamedTuple):
    """References of each input: an array that all rows share, or a TensorFlow function of the rows."""

    # For each input an array of shape (n_references, *features), or None.
    arrays: list
    # For each input without an array, a function that takes rows and numbers of references, and returns a tensor of
    # shape (n_rows, len(numbers), *features); otherwise None.
    makers: list
    # Numbers of the references, which are passed to the functions.
    numbers: np.ndarray
    # Positions of the inputs that are not explained.
    held: tuple = ()


class _Chunk(NamedTuple):
    """References of one round, as arrays or tensors, or empty."""

    # Positions of the references, and their weights.
    places: Any
    weights: Any
    path: Any
    drawn: Any


class RowsFunction:
    """Function from tensors of rows to their explanation, built from the functions that run chunks of rows.

    Rows are run in blocks, so that memory does not grow with the number of rows. The size of a block is known when the
    function is traced. Large blocks come first, and blocks of the smallest size hold one row.

    Parameters
    ----------
    problem : Problem
        The target, the weights of the references and the terms to compute. The rows of the problem are not read.
    references : TensorReferences or None
        The references, or the noise that is added to rows; None for a method without references.

    Attributes
    ----------
    variables : list of tf.Variable
        References that all rows share. Constants of a graph would be copied for each block, and might exceed the
        largest size of a graph.
    """

    def __init__(self, problem, references):
        self.problem, self.method, self.references = problem, problem.method, references
        self.specs = [tf.TensorSpec([None, *value.shape[1:]], value.dtype) for value in self.method.graph.inputs]
        self.weights = np.ones(1) if references is None else problem.references.weights
        arrays = () if references is None else references.arrays
        self.shared = [None if array is None else tf.Variable(array, trainable=False) for array in arrays]
        self.variables = [variable for variable in self.shared if variable is not None]

    def __call__(self, rows, weights=None):
        """Explain rows.

        Parameters
        ----------
        rows : list of tensor of shape (n_rows, *features)
            One tensor for each input.
        weights : tensor of shape (n_rows, *target's axes), default=None
            Weights of the target of each row, in place of the problem's target.

        Returns
        -------
        results : dict of str to tensor, or list of tensor
            ``"prediction"``, ``"reference_value"`` and the requested terms of each source. If all outputs are targets,
            targets are on the last axis.
        """
        rows = [*rows, *([] if weights is None else [weights])]
        known, sizes = rows[0].shape[0], [self.problem.fixed]
        if self.problem.fixed is None:
            sizes = [self._loop(known or devices.choices().many_rows).size.rows]
            if known and known <= sizes[0]:
                return self._finish(self._explain_block(rows))
            while sizes[-1] > 1:
                sizes.append(max(1, sizes[-1] // SMALLER))
        number = tf.shape(rows[0])[0]
        start, parts = tf.constant(0), []
        for size in sizes:
            # Rows that fill more than half of a block get a whole block, in which the last row is repeated.
            least = 0 if size == sizes[-1] else size // 2
            full, rest = (number - start) // size, (number - start) % size
            stop = start + (full + tf.cast(rest > least, tf.int32)) * size
            places = tf.minimum(tf.range(start, stop), number - 1)
            results = self._in_blocks([tf.gather(array, places) for array in rows], size)
            parts.append(tf.nest.map_structure(lambda array, last=number - start: array[:last], results))
            start = tf.minimum(stop, number)
        return self._finish(tf.nest.map_structure(lambda *of_sizes: tf.concat(of_sizes, 0), *parts))

    def _with_specs(self, rows):
        """Pair each tensor with its spec; the weights of rows may come last."""
        specs = [*self.specs, tf.TensorSpec([None, *self.method.target.shape[1:]])]
        return zip(rows, specs[: len(rows)], strict=True)

    def _in_blocks(self, rows, size):
        """Explain blocks of one size, one after the other."""
        blocks = [tf.reshape(array, (-1, size, *spec.shape[1:])) for array, spec in self._with_specs(rows)]
        results = _map(lambda *block: self._explain_block(list(block)), blocks)
        return tf.nest.map_structure(lambda array: tf.reshape(array, (-1, *array.shape[2:])), results)

    def _loop(self, n_rows):
        """Return the loop over chunks of rows, with the layout of rows and references."""
        return Loop(self.problem.replace(rows=[np.empty((n_rows, 0))] * len(self.specs)))

    def _explain_block(self, rows):
        """Explain a fixed number of rows, against all references and for all targets.

        Parameters
        ----------
        rows : list of tensor
            One tensor for each input, and perhaps the weights of each row's target.

        Returns
        -------
        results : dict of str to tensor, or list of tensor
            Results with the axes of rows and of targets in front.
        """
        rows, weights = [tf.ensure_shape(array, spec.shape) for array, spec in self._with_specs(rows)], None
        if len(rows) > len(self.specs):
            *rows, weights = rows
        loop, target = self._loop(rows[0].shape[0]), self.problem.target
        pairing = Pairing(loop.mode, rows[0].shape[0], *loop.size[1:], loop.room.most)
        if weights is not None or target.depends_on_output:
            return self._over_references(rows, pairing, target if weights is None else weights[:, None])
        value = self.method.target
        weights = target.weights(np.empty((1, *value.shape[1:]), value.dtype.as_numpy_dtype))
        number, size = weights.shape[1], pairing.targets
        if number <= size:
            return self._over_references(rows, pairing, tf.constant(weights))
        cut = [padded(weights[:, start : start + size], size, axis=1, fill=0.0) for start in range(0, number, size)]
        results = _map(lambda piece: self._over_references(rows, pairing, piece), [tf.constant(np.stack(cut))])

        def join(array):
            """Merge the axis of pieces and the axis of targets of a piece into one axis of targets."""
            array = tf.transpose(array, [1, 0, *range(2, array.shape.rank)])
            return tf.reshape(array, (array.shape[0], -1, *array.shape[3:]))[:, :number]

        return tf.nest.map_structure(join, results)

    def _over_references(self, rows, pairing, target):
        """Explain rows for some targets, one round of references after the other."""
        chunks = [self._cut(first, pairing) for first in range(0, len(self.weights), pairing.references)]
        if len(chunks) == 1:
            return self._explain_chunk(rows, pairing, target, tf.nest.map_structure(tf.constant, chunks[0]))
        # One tensor for each array; each round slices its part.
        together = tf.nest.map_structure(lambda *arrays: tf.constant(np.stack(arrays)), *chunks)

        def one_round(number):
            chunk = tf.nest.map_structure(lambda array: array[number], together)
            of_chunk = self._explain_chunk(rows, pairing, target, chunk)
            if pairing.references == 1:
                # The terms of a single reference are not weighted.
                of_sources = {name: of_chunk[name] for name in self.problem.wanted}
                of_chunk |= tf.nest.map_structure(
                    lambda array: tf.cast(array, tf.float64) * chunk.weights[0], of_sources
                )
            return tf.nest.map_structure(lambda array: tf.cast(array, tf.float64), of_chunk)

        zeros = tf.nest.map_structure(
            lambda array: tf.zeros(array.shape, tf.float64), _shapes_of(one_round, [tf.TensorSpec([], tf.int32)])
        )
        _, results = tf.while_loop(
            lambda number, _: number < len(chunks),
            lambda number, sums: (number + 1, tf.nest.map_structure(tf.add, sums, one_round(number))),
            (tf.constant(0), zeros),
            parallel_iterations=1,
        )
        return results

    def _cut(self, first, pairing):
        """Slice the references of one round, padded with references of weight zero."""
        size, path, drawn = pairing.references, (), ()
        weights = padded(self.weights[first : first + size], size, fill=0.0)
        places = np.minimum(np.arange(first, first + size, dtype=np.int32), len(self.weights) - 1)
        if self.references is not None and self.problem.references.path is not None:
            at_once = max(1, pairing.at_once // pairing.size)
            path = self.problem.references.path.cut(slice(first, first + size), size, at_once)
        if self.method.copies is not None:
            request = Request(pairing, None, weights, first_reference=first)
            with tf.init_scope():
                drawn = [[each.numpy() for each in of_scheme] for of_scheme in self.method.draw(request)]
        return _Chunk(places, weights, path, drawn)

    def _explain_chunk(self, rows, pairing, target, chunk):
        """Explain rows for some targets, against the references of one round."""
        method, problem = self.method, self.problem
        path = Path(*chunk.path) if chunk.path else None
        request = Request(pairing, target, chunk.weights, problem.wanted, problem.letters, path=path, drawn=chunk.drawn)
        if method.uses_references:
            references, inputs = self._references_of(rows, pairing, chunk), rows
            if pairing.mode is Mode.PAIR_SIZE:
                inputs = [tf.repeat(array, pairing.references, 0) for array in rows]
            outputs, at_reference, sums = method.explain(request, inputs, references)
            outputs = outputs[:: pairing.references if pairing.mode is Mode.PAIR_SIZE else 1]
            at_reference = tf.reshape(at_reference, (*pairing.reference_lead, *at_reference.shape[1:]))
        elif self.references is None:
            (outputs, sums), at_reference = method.at_rows(request, rows), None
        else:
            # The target is taken at the row without noise.
            outputs, at_reference = method.forward(rows)[0], None
            noise = [tf.gather(variable, chunk.places) for variable in self.shared]
            _, sums = method.at_rows(request.at_output(outputs), rows, noise)
        outputs = tf.ensure_shape(outputs, (pairing.rows, *outputs.shape[1:]))
        weights = target.weights_at(outputs, at_reference) if hasattr(target, "weights_at") else target
        weights = with_axis_of_references(tf.cast(weights, tf.float64), method.target.shape.rank)

        def mean(values):
            """Return the weighted mean of the target's values over references."""
            of_targets = sum_weighted(values, weights)
            of_targets = tf.reduce_sum(of_targets * tf.reshape(chunk.weights, (1, -1, 1)), 1)
            return tf.broadcast_to(of_targets, (pairing.rows, of_targets.shape[1]))

        results = {name: list(of_term) for name, of_term in zip(problem.wanted, zip(*sums, strict=True), strict=True)}
        results["prediction"] = mean(outputs[:, None])
        if at_reference is not None:
            results["reference_value"] = mean(at_reference)
        return results

    def _references_of(self, rows, pairing, chunk):
        """Return the references of one round: shared by all rows, or one entry for each pair."""
        shared = [None if variable is None else tf.gather(variable, chunk.places) for variable in self.shared]
        if pairing.mode is Mode.SHARED:
            return shared
        found, numbers = [], tf.gather(self.references.numbers, chunk.places)
        for array, maker, of_rows in zip(shared, self.references.makers, rows, strict=True):
            lead = pairing.rows, pairing.references
            of_pairs = tf.broadcast_to(array, (*lead, *array.shape[1:])) if maker is None else maker(of_rows, numbers)
            found.append(tf.reshape(of_pairs, (pairing.pairs, *of_rows.shape[1:])))
        return found

    def _finish(self, results):
        """Return results in the dtypes of explanations, with standard errors in place of squares."""
        results, dtype = dict(results), difference_dtype(self.method.target.dtype)
        for name, number in (("squares", 1 / (self.weights**2).sum()), ("squares_of_draws", self.method.draws)):
            if name in results:
                pairs = zip(results["contributions"], results.pop(name), strict=True)
                results["standard_error"] = [_standard_error(*pair, number) for pair in pairs]
        for name, value in results.items():
            if not isinstance(value, list):
                results[name] = self._with_targets_last(tf.cast(value, dtype))
                continue
            value = map(tf.cast, value, self.method.contribution_dtypes)
            results[name] = [self._with_targets_last(array) for array in value]
            for position in self.references.held if self.references and name != "multipliers" else ():
                results[name][position] = tf.zeros_like(results[name][position])
        return results

    def _with_targets_last(self, array):
        if not self.problem.target.is_all:
            return array[:, 0]
        return tf.transpose(array, [0, *range(2, array.shape.rank), 1])


def _map(function, arrays):
    """Call a function for each entry of some tensors, perhaps none, and stack the results."""
    traced, specs = (
        tf.function(function, autograph=False),
        [tf.TensorSpec(each.shape[1:], each.dtype) for each in arrays],
    )
    like = tf.nest.map_structure(
        lambda each: tf.TensorSpec(each.shape, each.dtype), traced.get_concrete_function(*specs).structured_outputs
    )
    return tf.map_fn(lambda entry: traced(*entry), tuple(arrays), parallel_iterations=1, fn_output_signature=like)


def _shapes_of(function, specs):
    """Trace a function, and return the structure of its results."""
    return tf.function(function, autograph=False).get_concrete_function(*specs).structured_outputs


def _standard_error(mean, square, number):
    """Return the standard error of a weighted mean, as `skdeeplift.execution.results.Sums` does."""
    mean, square = (tf.cast(each, tf.float64) for each in (mean, square))
    if number - 1 < 1e-9:
        return tf.fill(tf.shape(mean), tf.constant(np.nan, tf.float64))
    return tf.sqrt(tf.maximum(square - mean**2, 0) / (number - 1))
