"""Sources that make references for the rows of a call: an object, training rows, a function or shared arrays."""

import hashlib
import inspect
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skdeeplift.dtypes import kind_of
from skdeeplift.network.bind import as_whole_numbers

# Advice for functions written for DeepExplainer of the package shap.
_ONE_ROW_ADVICE = (
    " If the function makes the references of one row, pass lambda X: np.stack([function(row) for row in X])."
)


class SampledReferences(NamedTuple):
    """References of one input, made by an object from each row when needed."""

    reference: Any
    seed: int
    name: str
    is_random: bool
    needs_classes = False

    def count(self, rows, most):
        """Return the number of references of each row."""
        if self.is_random:
            return most
        return infer_n_references(self.reference.sample(read_only(rows[0]), most, self.seed), rows[0], self.name)

    def prepare(self, rows, classes, number):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        return lambda start, stop: [self.reference.sample_range(read_only(rows[0]), start, stop, self.seed)]


class ChosenReferences(NamedTuple):
    """Training rows that an object chooses for each row, the same training rows for all inputs."""

    chooser: Any
    training: list
    is_random = False
    needs_classes = True

    def count(self, rows, most):
        """Return the number of references of each row."""
        return min(self.chooser.n_neighbors, most)

    def prepare(self, rows, classes, number):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        positions, _ = self.chooser.choose(join_inputs(rows), number, y=classes)
        return lambda start, stop: [training[positions[:, start:stop]] for training in self.training]


class FunctionReferences(NamedTuple):
    """References of all inputs, made by one call of a user's function."""

    function: Any
    seed: int
    names: list
    is_random = False
    needs_classes = False

    def count(self, rows, most):
        """Return the number of references of each row, found by a call with some rows."""
        return infer_n_references(self._call(rows)[0], rows[0], self.names[0], self._advice)

    def prepare(self, rows, classes, number):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        arrays = [
            check_references(array, rows_of_input, number, name, self._advice)
            for array, rows_of_input, name in zip(self._call(rows), rows, self.names, strict=True)
        ]
        return lambda start, stop: [array[:, start:stop] for array in arrays]

    def _call(self, rows):
        """Call the function with a random state that depends on the seed and on the rows."""
        # Equal rows get equal random numbers in every call, so a row's references do not change between calls.
        content = b"".join(np.ascontiguousarray(array).tobytes() for array in rows)
        digest = hashlib.blake2b(content, digest_size=4, key=self.seed.to_bytes(8, "little")).digest()
        random_state = np.random.RandomState(int.from_bytes(digest, "little"))
        # Pass copies, so that a function that works in place does not change the user's rows.
        rows = [array.copy() for array in rows]
        if len(rows) == 1:
            return [self._call_with(rows[0], random_state)]
        arrays = self._call_with(rows, random_state)
        if not isinstance(arrays, (list, tuple)) or len(arrays) != len(rows):
            got = f"{len(arrays)} arrays" if isinstance(arrays, (list, tuple)) else f"one {type(arrays).__name__}"
            raise ValueError(f"reference= as a function takes and returns a list of {len(rows)} arrays. Got {got}.")
        return arrays

    def _call_with(self, rows, random_state):
        """Call the function with the rows, and with the random state if the function accepts one."""
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):
            # Some functions written in C have no signature to inspect.
            return self.function(rows, random_state)
        for arguments in ((rows, random_state), (rows,)):
            try:
                signature.bind(*arguments)
            except TypeError:
                continue
            return self.function(*arguments)
        raise ValueError(
            f"reference= as a function takes (X, random_state), or X alone. Got one that takes {signature}. Pass a "
            "lambda, such as lambda X: function(X, ...)."
        )

    @property
    def _advice(self):
        return _ONE_ROW_ADVICE if len(self.names) == 1 else ""


class SharedReferences(NamedTuple):
    """References of one input that all rows share, in a call with references of each row for other inputs."""

    arrays: list
    is_random: bool
    needs_classes = False

    def prepare(self, rows, classes, number):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        shared = [np.broadcast_to(array, (len(rows[0]), *array.shape)) for array in self.arrays]
        return lambda start, stop: [array[:, start:stop] for array in shared]


class ReferenceSource(NamedTuple):
    """Source of the references of all inputs, in the form that `References` calls.

    ``makers`` lists each maker with the positions of its inputs and the number of references that it makes for each
    row. This number is ``number`` or 1. For inputs without a maker, the user passed references of each row.
    """

    makers: list
    names: list
    number: int
    # Function of one array for each input that raises an error if the network does not accept the references.
    check: Any = None

    def __call__(self, rows, classes=None, given=None):
        """Return a function that makes the references from ``start`` to ``stop``, as one array for each input."""
        rows = list(map(read_only, rows))
        functions = [
            maker.prepare([rows[position] for position in positions], classes, number)
            for maker, positions, number in self.makers
        ]
        return partial(self._assemble, functions, rows, given or [None] * len(rows))

    def _assemble(self, functions, rows, given, start, stop):
        """Call the function of each maker, check its arrays, and broadcast all arrays over the references."""
        references = [
            None
            if array is None
            else np.broadcast_to(
                array[:, start:stop] if array.shape[1] > 1 else array, (len(array), stop - start, *array.shape[2:])
            )
            for array in given
        ]
        for function, (_, positions, number) in zip(functions, self.makers, strict=True):
            for position, array in zip(positions, function(*((start, stop) if number > 1 else (0, 1))), strict=True):
                rows_of_input, expected = rows[position], stop - start if number > 1 else 1
                array = check_references(array, rows_of_input, expected, self.names[position])
                shape = (len(rows_of_input), stop - start, *rows_of_input.shape[1:])
                references[position] = array if array.shape == shape else np.broadcast_to(array, shape)
        if self.check is not None:
            self.check(references)
        return references


def read_only(array):
    """Return a read-only view, because makers of references get the user's own rows."""
    view = array.view()
    view.flags.writeable = False
    return view


def join_inputs(arrays):
    """Join several inputs as columns of one table; return a single input unchanged."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate([array.reshape(len(array), -1).astype(np.float64) for array in arrays], 1)


def infer_n_references(array, rows, name, advice=""):
    """Infer the number of references of each row from the array's shape, or raise an error if the shape is wrong."""
    array = np.asarray(array)
    if array.ndim != rows.ndim + 1 or len(array) != len(rows) or 0 in array.shape:
        raise _wrong_shape(array, rows, name, advice=advice)
    return array.shape[1]


def check_references(array, rows, number, name, advice=""):
    """Return references in the dtype of the rows, or raise an error if their shape or their values do not fit."""
    array = convert_dtype(array, rows.dtype, name)
    if array.shape != (len(rows), number, *rows.shape[1:]):
        raise _wrong_shape(array, rows, name, number, advice)
    if kind_of(array.dtype) == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} returns NaN or infinity. Expected finite numbers.")
    return array


def _wrong_shape(array, rows, name, number="n_references", advice=""):
    """Return the error for references of a wrong shape."""
    expected = f"({', '.join(map(str, (len(rows), number, *rows.shape[1:])))})"
    return ValueError(
        f"{name} returns an array of shape {array.shape} for rows of shape {rows.shape}. Expected {expected}: the same "
        f"number of references, one or more, for each row.{advice}"
    )


def convert_dtype(reference, dtype, name):
    """Convert references to the dtype of the rows, or raise an error if this dtype cannot hold them."""
    try:
        with np.errstate(invalid="ignore"):
            converted = np.asarray(reference, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from error
    return converted if kind_of(dtype) == "f" else as_whole_numbers(np.asarray(reference), dtype, name)
