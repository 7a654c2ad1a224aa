"""Parameters that may differ between a network's inputs, or between layers."""

from numbers import Integral


def for_each_source(value, names, parameter):
    """Say what a parameter is for each of several inputs or layers.

    Parameters
    ----------
    value : object
        One value for all; or a list of one for each, where there are several; or a dict of them by name.
    names : list of str
        Of the inputs or layers.
    parameter : str
        How the parameter is called in an error.

    Returns
    -------
    values : list
        One for each name.

    Raises
    ------
    ValueError
        If there is not one for each.
    """
    if isinstance(value, dict):
        if set(value) != set(names):
            raise ValueError(
                f"{parameter} as a dict has one entry for each of {', '.join(map(repr, names))}. Got entries for "
                f"{', '.join(map(repr, value)) or 'none'}."
            )
        return [value[name] for name in names]
    if isinstance(value, list) and len(names) > 1:
        if len(value) != len(names):
            raise ValueError(
                f"{parameter} as a list has one entry for each of {', '.join(map(repr, names))}. Got {len(value)}; one "
                "for all of them is an int or a tuple."
            )
        return value
    return [value] * len(names)


def is_whole_number(value):
    """Whether something is an integer, and no boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def known_shape(source, name):
    """The shape of an input or layer without the batch.

    Raises
    ------
    ValueError
        If it is not known.
    """
    shape = source.value.shape
    if shape.rank is None or not shape[1:].is_fully_defined():
        raise ValueError(
            f"{name!r} has shape {shape}, and what is perturbed needs axes of known size. Pass rows of one length, or "
            "another layer."
        )
    return tuple(shape[1:])
