"""What makes references of the rows that are explained: an object, training rows chosen by one, or a function."""

import hashlib
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skdeeplift.network.inputs import as_whole_numbers


class ByObject(NamedTuple):
    """References of one input by an object, each when it is needed."""

    reference: Any
    seed: int
    name: str
    is_random: bool
    needs_classes = False

    def number(self, rows, most):
        """How many references a row has."""
        if self.is_random:
            return most
        return checked_number(self.reference.sample(rows[0], most, self.seed), rows[0], self.name)

    def of_rows(self, rows, classes, number):
        """Return a function from start and stop of the references to one array for each input."""
        return lambda start, stop: [self.reference.sample_range(rows[0], start, stop, self.seed)]


class ByChoice(NamedTuple):
    """References that are rows which an object chooses among the training rows of all inputs."""

    chooser: Any
    training: list
    is_random = False
    needs_classes = True

    def number(self, rows, most):
        """How many references a row has."""
        return min(self.chooser.n_neighbors, most)

    def of_rows(self, rows, classes, number):
        """Return a function from start and stop of the references to one array for each input."""
        positions, _ = self.chooser.choose(joined(rows), number, y=classes)
        return lambda start, stop: [training[positions[:, start:stop]] for training in self.training]


class ByFunction(NamedTuple):
    """References of all inputs by a user's function, which makes all of a row's at once."""

    function: Any
    seed: int
    names: list
    is_random = False
    needs_classes = False

    def number(self, rows, most):
        """How many references a row has, as it shows for some rows."""
        return checked_number(self._call(rows)[0], rows[0], self.names[0])

    def of_rows(self, rows, classes, number):
        """Return a function from start and stop of the references to one array for each input."""
        made = [
            checked_for_rows(array, of_input, number, name)
            for array, of_input, name in zip(self._call(rows), rows, self.names, strict=True)
        ]
        return lambda start, stop: [array[:, start:stop] for array in made]

    def _call(self, rows):
        # The same rows get the same random numbers.
        content = b"".join(np.ascontiguousarray(array).tobytes() for array in rows)
        digest = hashlib.blake2b(content, digest_size=4, key=self.seed.to_bytes(8, "little")).digest()
        random_state = np.random.RandomState(int.from_bytes(digest, "little"))
        if len(rows) == 1:
            return [self.function(rows[0], random_state)]
        made = self.function(rows, random_state)
        if not isinstance(made, (list, tuple)) or len(made) != len(rows):
            got = f"{len(made)} arrays" if isinstance(made, (list, tuple)) else f"one {type(made).__name__}"
            raise ValueError(f"reference= as a function takes and returns a list of {len(rows)} arrays. Got {got}.")
        return made


class SharedByAll(NamedTuple):
    """References that all rows share, beside other inputs' that are made of the row."""

    arrays: list
    is_random: bool
    needs_classes = False

    def of_rows(self, rows, classes, number):
        """Return a function from start and stop of the references to one array for each input."""
        shared = [np.broadcast_to(array, (len(rows[0]), *array.shape)) for array in self.arrays]
        return lambda start, stop: [array[:, start:stop] for array in shared]


class Source(NamedTuple):
    """Makes the references of any rows, as `References` wants it.

    ``makers`` says for each maker to which inputs its references belong, and how many it makes for each row: as many
    as all together, or one.
    """

    makers: list
    names: list
    number: int
    # Takes one array for each input, and raises an error where the network has no such number.
    check: Any = None

    def __call__(self, rows, classes=None):
        """Return a function from start and stop of the references to one array for each input."""
        functions = [
            maker.of_rows([rows[position] for position in positions], classes, number)
            for maker, positions, number in self.makers
        ]
        return partial(self._made, functions, rows)

    def _made(self, functions, rows, start, stop):
        made = [None] * len(rows)
        for function, (_, positions, number) in zip(functions, self.makers, strict=True):
            for position, array in zip(positions, function(*((start, stop) if number > 1 else (0, 1))), strict=True):
                of_input, expected = rows[position], stop - start if number > 1 else 1
                array = checked_for_rows(array, of_input, expected, self.names[position])
                shape = (len(of_input), stop - start, *of_input.shape[1:])
                made[position] = array if array.shape == shape else np.broadcast_to(array, shape)
        if self.check is not None:
            self.check(made)
        return made


def joined(arrays):
    """Several inputs as columns of one table."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate([array.reshape(len(array), -1).astype(np.float64) for array in arrays], 1)


def checked_number(array, rows, name):
    """Return how many references were made of each row, or raise an error if that can not be told."""
    array = np.asarray(array)
    if array.ndim != rows.ndim + 1 or 0 in array.shape:
        raise _wrong_shape(array, rows, name)
    return array.shape[1]


def checked_for_rows(array, rows, number, name):
    """Bring references that were made of rows into their dtype, or raise an error if they do not go with them."""
    array = in_dtype(array, rows.dtype, name)
    if array.shape != (len(rows), number, *rows.shape[1:]):
        raise _wrong_shape(array, rows, name, number)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} makes NaN or infinity.")
    return array


def _wrong_shape(array, rows, name, number="n_references"):
    expected = f"({', '.join(map(str, (len(rows), number, *rows.shape[1:])))})"
    return ValueError(
        f"{name} makes an array of shape {array.shape} for rows of shape {rows.shape}. Expected {expected}: as many "
        "references, one or more, for every row."
    )


def in_dtype(reference, dtype, name):
    """Convert to the rows' dtype, or raise an error if that has no such numbers."""
    try:
        with np.errstate(invalid="ignore"):
            converted = np.asarray(reference, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from error
    return converted if dtype.kind == "f" else as_whole_numbers(np.asarray(reference), dtype, name)
