"""Elements that are perturbed together."""

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.per_source import is_whole_number


def parts_of_groups(groups, shapes, names, columns=None):
    """Make the parts that a user named.

    Parameters
    ----------
    groups : dict or array-like
        As the parameter of the explainers: names to columns, or one label for each element of a row.
    shapes : list of tuple of int
        Of the inputs or layers, without the batch.
    names : list of str
        Of the inputs or layers.
    columns : array-like of str, default=None
        Names of a table's columns.

    Returns
    -------
    parts : list of Parts
        One, for the only source.

    Raises
    ------
    ValueError
        If not every element belongs to just one group.
    """
    if len(shapes) > 1:
        raise ValueError(f"groups= is for one input or layer. Here are {len(shapes)}: {', '.join(map(repr, names))}.")
    [shape], [name] = shapes, names
    if isinstance(groups, dict):
        labels = _labels_of_dict(groups, shape, name, None if columns is None else list(columns))
    else:
        try:
            labels = np.asarray(groups)
        except ValueError as error:
            raise ValueError(f"groups= as labels has one label for each column. Got {groups!r}.") from error
        if labels.shape != shape:
            raise ValueError(
                f"groups= as labels has one label for each column, in the shape {shape} of a row of {name!r}. Got "
                f"shape {labels.shape}."
            )
        if labels.dtype.kind == "O":
            # Labels of several kinds have no order.
            labels = np.array([str(label) for label in labels.ravel()]).reshape(shape)
        if labels.dtype.kind == "f" and np.isnan(labels).any():
            raise ValueError("groups= as labels has one label for each column. Some are NaN.")
        labels = np.unique(labels, return_inverse=True)[1].reshape(shape)
    return [Parts(labels, int(labels.max()) + 1)]


def _labels_of_dict(groups, shape, name, columns):
    if len(shape) != 1:
        raise ValueError(
            f"groups= as a dict has the columns of a table, and a row of {name!r} has shape {shape}. Pass an array of "
            "labels in this shape."
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
            f"groups= leaves out the columns {described}. Name each column once, if need be in one more group."
        )
    return labels


def parts_of_axes(chosen_axes, shapes, names, parameter="sampling_axes="):
    """Make one part of each position along some axes, over all the others.

    Parameters
    ----------
    chosen_axes : list of int, tuple or None
        As the parameter of `ShapleySamplingExplainer`, for each input or layer.
    shapes : list of tuple of int
        Of the inputs or layers, without the batch.
    names : list of str
        Of the inputs or layers.
    parameter : str, default="sampling_axes="
        What the axes are called in an error.

    Returns
    -------
    parts : list of Parts
        One for each source, numbered through.

    Raises
    ------
    ValueError
        If there is no such axis.
    """
    labels, number = [], 0
    for axes, shape, name in zip(chosen_axes, shapes, names, strict=True):
        chosen = _check_axes(axes, shape, name, parameter)
        sizes = [size if axis in chosen else 1 for axis, size in enumerate(shape, 1)]
        count = int(np.prod(sizes))
        labels.append(np.broadcast_to(np.arange(number, number + count).reshape(sizes), shape))
        number += count
    return [Parts(each, number) for each in labels]


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


class Parts:
    """A source's elements divided into parts, none of which overlap.

    Parameters
    ----------
    labels : ndarray of int
        To which part each element belongs, in the source's shape.
    number : int
        How many parts there are, those of other sources included.
    """

    def __init__(self, labels, number):
        self.labels, self.number = labels.astype(np.int32), number
        self._are_elements = np.array_equal(self.labels.ravel(), np.arange(number))
        self._sizes = np.bincount(self.labels.ravel(), minlength=number)

    @property
    def sizes(self):
        """How many elements of this source each part has."""
        return self._sizes

    def covered(self, indices):
        """Which elements belong to one part; indices of shape (copies,) give (copies, *source's axes)."""
        return tf.equal(self.labels, tf.reshape(indices, (-1, *[1] * self.labels.ndim)))

    def of_elements(self, values):
        """Give each element its part's value: (..., number) becomes (..., *source's axes)."""
        if not self._are_elements:
            values = tf.gather(values, self.labels.ravel(), axis=-1)
        return tf.reshape(values, (*values.shape[:-1], *self.labels.shape))

    def spread(self, changes, sizes=None):
        """Share each part's change out evenly over its elements.

        ``sizes`` says how many elements each part has, if other sources share in it.
        """
        return self.of_elements(changes / np.maximum(self._sizes if sizes is None else sizes, 1))
