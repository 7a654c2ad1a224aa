"""Detection of changes of a user's network after its trace."""

from itertools import chain
from operator import is_

from skdeeplift.network.compat import KERAS_TRAINING_ATTRIBUTES

# Attributes that training and prediction change. They do not change the results of a network in inference mode.
_OF_TRAINING = KERAS_TRAINING_ATTRIBUTES | {"train_function", "test_function", "predict_function", "_trainable"}


class Attributes:
    """Snapshot of the attributes of objects, to find later changes.

    Attributes, and the elements of lists, dicts and sets, are compared by identity. A comparison takes about 30 ns for
    each attribute; it must be fast because each call makes one.

    Parameters
    ----------
    objects : iterable of object
        The layers of a network, or other objects whose attributes decide the network's results.
    is_watched : callable, default=None
        Function from the name of an attribute to whether changes of this attribute matter. By default all changes
        matter except changes by training.
    """

    def __init__(self, objects, is_watched=None):
        self._objects = list(objects)
        self._is_watched = _is_of_structure if is_watched is None else is_watched
        self._parts = [{name: _flatten(value) for name, value in vars(each).items()} for each in self._objects]
        parts = (part for parts in self._parts for values in parts.values() for part in values)
        containers = {id(part): part for part in parts if isinstance(part, (list, dict, set))}.values()
        # Store views of dicts, because views stay up to date.
        contents = [each.values() if isinstance(each, dict) else each for each in containers]
        self._contents = [vars(each).values() for each in self._objects] + contents
        self._before = list(chain.from_iterable(self._contents))

    def find_changed(self):
        """List the changed attributes, each as ``"name of the object: name of the attribute"``."""
        now = list(chain.from_iterable(self._contents))
        if len(now) == len(self._before) and all(map(is_, now, self._before)):
            return []
        changed = []
        for each, before in zip(self._objects, self._parts, strict=True):
            now = {name: _flatten(value) for name, value in vars(each).items()}
            names = [name for name in {**before, **now} if self._is_watched(name)]
            owner = getattr(each, "name", type(each).__name__)
            changed += [f"{owner}: {name}" for name in names if not _are_same(before.get(name), now.get(name))]
        # List names without an underscore first, because the user may have set them.
        return sorted(changed, key=lambda name: ": _" in name)


def _is_of_structure(name):
    # Attributes that begin with "_self_" are TensorFlow's notes about objects to save.
    return name not in _OF_TRAINING and not name.startswith("_self_")


def _flatten(value):
    """List a value and, if it is a container, its elements, including elements of nested containers."""
    values, seen = [value], set()
    for each in values:
        if isinstance(each, (list, dict, set)) and id(each) not in seen:
            seen.add(id(each))
            # Do not use +=, because lists tracked by TensorFlow redefine it.
            values.extend(each.values() if isinstance(each, dict) else each)
    return values


def _are_same(before, now):
    return None not in (before, now) and len(before) == len(now) and all(map(is_, before, now))


def compute_same(graph, other):
    """Test whether two traces of one network have the same ops and read the same variables.

    Parameters
    ----------
    graph, other : Graph
        The traces.

    Returns
    -------
    are_same : bool
    """
    if [call.path for call in graph.calls] != [call.path for call in other.calls] or len(graph.ops) != len(other.ops):
        return False
    read = [list(each.captures.values()) for each in (graph, other)]
    if len(read[0]) != len(read[1]) or not all(map(is_, *read)):
        return False
    # Names differ from trace to trace, so compare values by their order.
    numbers = [
        {value: number for number, value in enumerate([*each.captures, *each.values])} for each in (graph, other)
    ]
    ends = [[of_each[value] for value in each.outputs] for of_each, each in zip(numbers, (graph, other), strict=True)]
    return ends[0] == ends[1] and all(_is_same_op(*pair, *numbers) for pair in zip(graph.ops, other.ops, strict=True))


def _is_same_op(op, other, numbers, other_numbers):
    """Test whether two ops have the same type and attributes and read values with the same numbers."""
    read = [numbers[value] for value in op.inputs], [other_numbers[value] for value in other.inputs]
    if op.type != other.type or read[0] != read[1] or _attributes(op) != _attributes(other):
        return False
    bodies = [(op.body, other.body), (op.condition, other.condition)]
    return all(compute_same(*pair) for pair in bodies if None not in pair)


def _attributes(op):
    """Return the attributes of an op, without the names of functions, which differ from trace to trace."""
    found = op.definition.node_def.attr.items()
    return {name: value for name, value in found if not value.HasField("func") and not name.startswith("_")}
