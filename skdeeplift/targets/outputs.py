"""Which of a network's outputs is explained."""

from collections.abc import Mapping
from numbers import Integral

import tensorflow as tf


def find_output(network, output):
    """Find one of a network's outputs.

    Parameters
    ----------
    network : Network
        The bound network.
    output : str, int or None
        Its key in a dict, its position in a list, or Keras's name of it; None where there is but one.

    Returns
    -------
    value : Value

    Raises
    ------
    ValueError
        If there is no such output, or several and none was chosen.
    """
    values, structure = network.graph.outputs, network.output_structure
    if output is None and len(values) == 1:
        return values[0]
    positions = list(range(len(values)))
    # A composite tensor, such as a ragged one, is more than one value and has no name here.
    paths, names = (
        each if each and len(each) == len(values) else positions
        for each in (_paths(structure), network.callee.output_names)
    )
    for candidates in (paths, names):
        if isinstance(output, str) and candidates.count(output) == 1:
            return values[candidates.index(output)]
    by_key = isinstance(structure, Mapping)
    if isinstance(output, Integral) and output in positions and not by_key:
        return values[output]
    raise ValueError(_none_chosen(output, paths if by_key or names == positions else names, by_key))


def _none_chosen(output, names, by_key):
    known = ", ".join(map(repr, names))
    if not by_key and isinstance(names[0], str):
        known += f", or a position below {len(names)}"
    if output is None:
        return f"The network has {len(names)} outputs. Pass output= to choose one: {known}."
    return f"output={output!r} is none of the network's outputs: {known}."


def _paths(structure, prefix=None):
    """What each tensor of a structure is found by, in the order of ``tf.nest.flatten``."""
    if isinstance(structure, Mapping):
        entries = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, (list, tuple)):
        entries = zip(getattr(structure, "_fields", range(len(structure))), structure, strict=True)
    else:
        return [0 if prefix is None else prefix] if isinstance(structure, (tf.Tensor, tf.TypeSpec)) else []
    return [path for key, part in entries for path in _paths(part, key if prefix is None else f"{prefix}/{key}")]
