"""Runs of a network at rows and at references, shared by all methods that read the same values of one graph."""

import tensorflow as tf

from skdeeplift.network.compiled import compiled
from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Mode


def find_runs(graph, shown, masks):
    """Return the compiled runs of a graph, shared with any earlier method that reads the same values.

    Parameters
    ----------
    graph : Graph
        The traced network.
    shown : list of Value
        The values that a run returns.
    masks : list of Value
        Masks of the rows, and other values, that their references share.

    Returns
    -------
    runs : Runs
    """
    key = tuple(shown), tuple(masks)
    if key not in graph.runs:
        graph.runs.setdefault(key, Runs(graph, shown, masks))
    return graph.runs[key]


class Runs:
    """Compiled functions that run a network forward.

    Parameters
    ----------
    graph : Graph
        The traced network.
    shown : list of Value
        The values that a run returns.
    masks : list of Value
        Masks of the rows, and other values, that their references share.

    Attributes
    ----------
    depths : dict of Value to int
        Number of nested loops around each value.
    forward : Compiled
        Takes one tensor for each input, and returns the values of ``shown``.
    forward_both : Compiled
        Takes rows and references, and returns the values of ``shown`` at each.
    """

    def __init__(self, graph, shown, masks):
        self.graph, self.shown, self.masks = graph, list(shown), list(masks)
        self.depths = {value: depth for depth, each in nested_graphs(graph) for value in each.values}
        specs = [tf.TensorSpec(value.shape, value.dtype) for value in graph.inputs]
        mask_specs = [tf.TensorSpec(value.shape, value.dtype) for value in self.masks]
        self.forward = compiled(self._forward, input_signature=[specs])
        self._forward_masked = compiled(self._forward, input_signature=[specs, *mask_specs])
        self.forward_both = compiled(self._forward_both, input_signature=[specs, specs])

    def _forward(self, inputs, *masks):
        """Run the network, perhaps with masks of other rows."""
        values = dict(zip(self.graph.inputs, inputs, strict=True)) | dict(zip(self.masks, masks, strict=False))
        return replay.run(self.graph, values, self.shown)

    def _forward_both(self, rows, references):
        """Run the network on rows and references as one batch, which is faster than two runs."""
        number, total = tf.shape(rows[0])[0], tf.shape(rows[0])[0] + tf.shape(references[0])[0]
        together = self._forward([tf.concat(pair, 0) for pair in zip(rows, references, strict=True)])
        sizes, parts = {}, []
        for value, tensor in zip(self.shown, together, strict=True):
            layout = self.graph.layouts.get(value)
            if layout is None or layout.axis > 0:
                cut = number * (tf.shape(tensor)[0] // total)
                parts.append((tensor[:cut], tensor[cut:]))
                continue
            # Values inside of loops have the axis of steps in front.
            axis = self.depths.get(value, 0)
            fold = tf.shape(tensor)[axis] // total if layout.fold is None else layout.fold
            if layout.fold is None or fold not in sizes:
                sizes[layout.fold] = tf.stack([number, total - number]) * fold
            parts.append(tf.split(tensor, sizes[layout.fold], axis))
        return tuple(map(list, zip(*parts, strict=True)))

    def forward_references(self, references, shown_at_input, pairing):
        """Run the network on one reference for each pair, with the masks of the rows.

        Parameters
        ----------
        references : list of tensor
            One tensor for each input.
        shown_at_input : list of tensor
            The values of ``shown`` at the rows.
        pairing : Pairing
            The layout of rows and references.

        Returns
        -------
        shown : list of tensor
            The values of ``shown`` at the references.
        """
        if not self.masks:
            return self.forward(references)
        masks = [shown_at_input[self.shown.index(value)] for value in self.masks]
        if pairing.mode is not Mode.PAIR_SIZE:
            masks = [self._for_references(value, mask, pairing) for value, mask in zip(self.masks, masks, strict=True)]
        return self._forward_masked(references, *masks)

    def _for_references(self, value, mask, pairing):
        """Repeat the mask of each row for the row's references."""
        layout = self.graph.layouts.get(value)
        if layout is not None and layout.fold == 1:
            return tf.repeat(mask, pairing.references, 0)
        # A row may have several entries, which stay together.
        rest = tf.shape(mask)[1:]
        of_rows = tf.reshape(mask, tf.concat([[pairing.rows, -1], rest], 0))
        return tf.reshape(tf.repeat(of_rows, pairing.references, 0), tf.concat([[-1], rest], 0))


def nested_graphs(graph, depth=0):
    """Yield a graph and the bodies of its loops, each with the number of loops around it."""
    yield depth, graph
    for body in graph.bodies:
        yield from nested_graphs(body, depth + 1)
