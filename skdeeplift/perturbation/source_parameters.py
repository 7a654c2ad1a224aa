"""Parameters that may differ between the inputs of a network, or between its layers."""

from numbers import Integral


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
    """Tell whether a value is an integer and not a boolean."""
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
            f"{name!r} has shape {shape}, and what is perturbed needs axes of known size. Pass rows of one length, or "
            "another layer."
        )
    return tuple(shape[1:])
