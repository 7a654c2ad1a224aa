"""Partitions of a row's elements into parts that are perturbed together."""

from numbers import Integral

import numpy as np
import tensorflow as tf

from skdeeplift.dtypes import kind_of


def expand_over_sources(value, names, parameter):
    """Expand a parameter to one value for each input or layer.

    Parameters
    ----------
    value : object
        One value for all sources, a list with one value for each of several sources, or a dict of values by name.
    names : list of str
        Names of the inputs or layers.
    parameter : str
        Name of the parameter in errors.

    Returns
    -------
    values : list
        One value for each name.

    Raises
    ------
    ValueError
        If a list or a dict does not have one value for each name.
    """
    if isinstance(value, dict):
        if set(value) != set(names):
            raise ValueError(
                f"{parameter} as a dict needs one entry for each of {', '.join(map(repr, names))}. Got entries for "
                f"{', '.join(map(repr, value)) or 'none'}."
            )
        return [value[name] for name in names]
    if isinstance(value, list) and len(names) > 1:
        if len(value) != len(names):
            raise ValueError(
                f"{parameter} as a list needs one entry for each of {', '.join(map(repr, names))}. Got {len(value)}. "
                "To use one entry for all, pass an int or a tuple."
            )
        return value
    return [value] * len(names)


def is_whole_number(value):
    """Test whether a value is an integer and not a boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def require_shape(source, name):
    """Return the shape of an input or layer without the batch.

    Raises
    ------
    ValueError
        If an axis has no known size.
    """
    shape = source.value.shape
    if shape.rank is None or not shape[1:].is_fully_defined():
        raise ValueError(
            f"{name!r} has shape {shape}, and perturbed arrays need axes of known size. Pass rows of one length, or "
            "another layer."
        )
    return tuple(shape[1:])


def partition_by_groups(groups, shapes, names, columns=None):
    """Partition the elements of a row into the user's groups.

    Parameters
    ----------
    groups : dict or array-like
        Names of groups and their columns, or an array with one label for each element of a row.
    shapes : list of tuple of int
        Shapes of the inputs or layers, without the batch.
    names : list of str
        Names of the inputs or layers.
    columns : array-like of str, default=None
        Names of a table's columns.

    Returns
    -------
    partitions : list of Partition
        One partition, for the only source.

    Raises
    ------
    ValueError
        If an element does not belong to exactly one group.
    """
    if len(shapes) > 1:
        raise ValueError(
            f"groups= takes the columns of one input or layer, and this explainer has {len(shapes)}: "
            f"{', '.join(map(repr, names))}. Pass groups=None."
        )
    [shape], [name] = shapes, names
    if isinstance(groups, dict):
        labels = _labels_of_dict(groups, shape, name, None if columns is None else list(columns))
    else:
        try:
            labels = np.asarray(groups)
        except ValueError as error:
            raise ValueError(f"groups= as an array needs one label for each column. Got {groups!r}.") from error
        if labels.shape != shape:
            raise ValueError(
                f"groups= as an array needs one label for each column, in the shape {shape} of a row of {name!r}. Got "
                f"shape {labels.shape}."
            )
        if kind_of(labels.dtype) == "O":
            # Convert labels to text, because labels of several types cannot be sorted.
            labels = np.array([str(label) for label in labels.ravel()]).reshape(shape)
        if kind_of(labels.dtype) == "f" and np.isnan(labels).any():
            raise ValueError("groups= as an array needs one label for each column. Some labels are NaN.")
        labels = np.unique(labels, return_inverse=True)[1].reshape(shape)
    return [Partition(labels, int(labels.max()) + 1)]


def _labels_of_dict(groups, shape, name, columns):
    if len(shape) != 1:
        raise ValueError(
            f"groups= as a dict takes the columns of a table, and a row of {name!r} has shape {shape}. Pass an array "
            "of labels in this shape."
        )
    known = [] if columns is None else columns
    labels = np.full(shape, -1)
    for label, (group, members) in enumerate(groups.items()):
        members = [members] if isinstance(members, str) or is_whole_number(members) else list(members)
        if not members:
            raise ValueError(f"groups= has no column in the group {group!r}. Leave it out.")
        for member in members:
            if isinstance(member, str) and member in known:
                position = known.index(member)
            elif is_whole_number(member) and 0 <= member < shape[0]:
                position = int(member)
            else:
                what = f"columns are {', '.join(map(repr, known))}" if known else "columns of this table have no names"
                raise ValueError(
                    f"groups= has the column {member!r} in the group {group!r}; {what}, and positions go from 0 to "
                    f"{shape[0] - 1}."
                )
            if labels[position] >= 0:
                first = list(groups)[labels[position]]
                raise ValueError(
                    f"groups= has the column {member!r} twice, in the groups {first!r} and {group!r}. Name each column "
                    "once."
                )
            labels[position] = label
    missing = np.flatnonzero(labels < 0).tolist()
    if missing:
        described = [known[position] if known else position for position in missing]
        raise ValueError(
            f"groups= leaves out the columns {described}. Name each column once, the remaining columns in a group of "
            "their own."
        )
    return labels


def partition_by_axes(chosen_axes, shapes, names, parameter="sampling_axes="):
    """Partition rows into the positions along some axes; all elements at a position are one part.

    Parameters
    ----------
    chosen_axes : list of int, tuple or None
        Axes of each input or layer, as in the parameter ``sampling_axes`` of `ShapleySamplingExplainer`.
    shapes : list of tuple of int
        Shapes of the inputs or layers, without the batch.
    names : list of str
        Names of the inputs or layers.
    parameter : str, default="sampling_axes="
        Name of the parameter in errors.

    Returns
    -------
    partitions : list of Partition
        One partition for each source. Parts are numbered across all sources.

    Raises
    ------
    ValueError
        If an axis does not exist.
    """
    labels, number = [], 0
    for axes, shape, name in zip(chosen_axes, shapes, names, strict=True):
        chosen = _check_axes(axes, shape, name, parameter)
        sizes = [size if axis in chosen else 1 for axis, size in enumerate(shape, 1)]
        count = int(np.prod(sizes))
        labels.append(np.broadcast_to(np.arange(number, number + count).reshape(sizes), shape))
        number += count
    return [Partition(each, number) for each in labels]


def _check_axes(axes, shape, name, parameter):
    rank = len(shape) + 1
    if axes is None:
        return tuple(range(1, rank))
    given = (axes,) if is_whole_number(axes) else axes
    if not isinstance(given, (tuple, list)) or not all(is_whole_number(axis) for axis in given):
        raise ValueError(f"{parameter} takes axes as whole numbers for {name!r}. Got {axes!r}.")
    chosen = {int(axis) + rank * (axis < 0) for axis in given}
    if len(chosen) < len(given) or not chosen <= set(range(1, rank)):
        raise ValueError(
            f"{parameter} takes different axes of {name!r} from 1 to {rank - 1}, counted with that of the rows. Got "
            f"{axes!r}."
        )
    return tuple(chosen)


class Partition:
    """Partition of the elements of a source into parts.

    Parameters
    ----------
    labels : ndarray of int
        Part of each element, in the shape of the source.
    number : int
        Number of parts, including the parts of other sources.

    Attributes
    ----------
    sizes : ndarray of int of shape (number,)
        Number of elements of this source in each part.
    """

    def __init__(self, labels, number):
        self.labels, self.number = labels.astype(np.int32), number
        self._are_elements = np.array_equal(self.labels.ravel(), np.arange(number))
        self.sizes = np.bincount(self.labels.ravel(), minlength=number)

    def find_covered(self, indices):
        """Find the elements of some parts, as booleans of shape (copies, *source's axes)."""
        return tf.equal(self.labels, tf.reshape(indices, (-1, *[1] * self.labels.ndim)))

    def to_elements(self, values):
        """Map values of parts, of shape (..., number), to elements, of shape (..., *source's axes)."""
        if not self._are_elements:
            values = tf.gather(values, self.labels.ravel(), axis=-1)
        return tf.reshape(values, (*values.shape[:-1], *self.labels.shape))

    def share_out(self, changes, sizes=None):
        """Divide the change of each part evenly among its elements.

        ``sizes`` is the number of elements of each part over all sources, needed if several sources share parts.
        """
        return self.to_elements(changes / np.maximum(self.sizes if sizes is None else sizes, 1))
