"""Networks on both strands of a sequence: each row, followed by its reverse complement."""

from typing import NamedTuple

import tensorflow as tf


class OtherStrand(NamedTuple):
    """Mapping of one input of the network to the other strand of a sequence.

    Parameters
    ----------
    axes : tuple of int, default=()
        Axes whose positions are reversed, where axis 0 is the axis of rows.
    letters_axis : int or None, default=None
        Axis of the letters, if reversing this axis does not give the complements.
    order : tuple of int, default=()
        Position of each letter's complement.
    """

    axes: tuple = ()
    letters_axis: int | None = None
    order: tuple = ()

    def of(self, tensor):
        """Return rows on the other strand."""
        if self.axes:
            tensor = tf.reverse(tensor, self.axes)
        return tensor if self.letters_axis is None else tf.gather(tensor, self.order, axis=self.letters_axis)


def on_both_strands(graph, value, strands):
    """Run a network on each row and on the other strand of the row.

    Parameters
    ----------
    graph : Graph
        The traced network.
    value : Value
        A value with the rows on its first axis.
    strands : sequence of OtherStrand
        Mapping of each input to the other strand.

    Returns
    -------
    graph : Graph
        Network that takes the same rows and outputs the value for both strands.
    value : Value
        The output, of shape ``(n_rows, 2, ...)``.
    """

    def beside(*inputs):
        """Return each row, followed by its other strand."""
        return [
            # Reshape works because the number of rows is the only unknown size.
            tf.reshape(tf.stack([x, strand.of(x)], 1), (-1, *x.shape[1:])) if strand.axes else tf.repeat(x, 2, 0)
            for x, strand in zip(inputs, strands, strict=True)
        ]

    specs = [tf.TensorSpec(each.shape, each.dtype) for each in graph.inputs]
    before = tf.function(beside, autograph=False).get_concrete_function(*specs)
    graph = graph.preceded_by(before.graph)
    shape = value.shape[1:]
    apart = tf.function(lambda tensor: tf.reshape(tensor, (-1, 2, *shape)), autograph=False)
    after = apart.get_concrete_function(tf.TensorSpec(value.shape, value.dtype))
    graph = graph.followed_by(after.graph, value)
    graph.concrete_functions = [*graph.concrete_functions, before, after]
    return graph, graph.outputs[0]


def mean_of_strands(graph, value):
    """Average the output of `on_both_strands` over the strands, with equal weights.

    Parameters
    ----------
    graph : Graph
        The network on both strands.
    value : Value
        Its output.

    Returns
    -------
    graph : Graph
        Network with the mean as its output.
    value : Value
        The mean.
    """
    mean = tf.function(lambda tensor: (tensor[:, 0] + tensor[:, 1]) / 2, autograph=False)
    concrete = mean.get_concrete_function(tf.TensorSpec(value.shape, value.dtype))
    graph = graph.followed_by(concrete.graph, value)
    graph.concrete_functions = [*graph.concrete_functions, concrete]
    return graph, graph.outputs[0]
