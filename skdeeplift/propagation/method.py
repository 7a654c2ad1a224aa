"""What every method has: compiled functions that run the network; and one that explains a chunk of pairs."""

import math
from abc import ABC, abstractmethod
from functools import partial

import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.batch_axis import batch_layouts
from skdeeplift.network.compiled import compiled
from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.rules.activation import machine_epsilon

# How many bytes are copied in the time that an op takes which does nothing.
BYTES_OF_OP = 2**17


class Method:
    """A method, for one network and what is explained of it; a subclass says what it computes of a chunk.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        What is explained; weights over its elements make it a scalar.
    sources : list of Source
        Whose contributions are given.
    shown : list of Value
        What is read of the network, at the rows and at the references.
    masks : list of Value, default=()
        Masks of the rows that also hold for their references.

    Attributes
    ----------
    shown : list of Value
        What ``forward`` returns, and `PairMethod.contributions` takes: the target first, each value once.
    depths : dict of Value to int
        In how many loops, one inside of the other, a value is computed.
    needs_pair_size : bool
        Whether rows and references must be run pair by pair, because the batch does not come first in all of them.
    computed : list of Value
        The values that are computed for a pair, from which the size of chunks is chosen.
    coarsest_dtype : DType
        The coarsest floating dtype that the network computes in on the way to the target.
    """

    # Whether rows are compared with references.
    uses_references = False
    # Whether contributions sum to the change of the target.
    sums_to_delta = False
    # Whether the parts of a layer's difference are told apart.
    tells_parts = False
    # Whether integers, which the network looks numbers up by, can have contributions.
    takes_integers = False
    # Whether contributions are multipliers times differences.
    has_multipliers = True
    # How often each pair is run with changes of its own, by a method that does; all targets come of one run then.
    copies = None
    # How many independent estimates of contributions there are for each pair, by a method that draws.
    draws = 1
    # Beyond this size of all that a chunk computes, larger ones are not faster, and only cost memory.
    chunk_bytes = 2**30
    # With fewer pairs at once convolutions are slow.
    least_pairs = 1
    # How often a chunk has room for its pairs, in copies that are run one after the other otherwise.
    steps_at_once = 1

    def __init__(self, graph, target, sources, shown, masks=()):
        self.graph, self.target, self.sources, self.masks = graph, target, list(sources), list(masks)
        self.shown = list(dict.fromkeys([target, *shown]))
        self.layouts = batch_layouts(graph)
        self.needs_pair_size = any(value not in self.layouts or self.layouts[value].axis > 0 for value in self.shown)
        self.depths = {value: depth for depth, graph in _depths(graph) for value in graph.values}
        specs = [tf.TensorSpec(value.shape, value.dtype) for value in graph.inputs]
        of_masks = [tf.TensorSpec(value.shape, value.dtype) for value in self.masks]
        self.forward = compiled(self._forward, input_signature=[specs])
        self.forward_masked = compiled(self._forward_masked, input_signature=[specs, of_masks])
        self.forward_both = compiled(self._forward_both, input_signature=[specs, specs])
        # One function for each pairing; TensorFlow would trace anew for every object that is not a tensor.
        self._compiled = {}
        depends = [op for op in graph.ancestors(self.shown) if any(map(graph.varies, op.inputs))]
        # A loop is as many as nobody knows.
        self._n_ops = math.inf if any(op.body is not None for op in depends) else len(depends)
        self._explain_of, self._shapes = {}, {}
        self.computed = graph.values
        self.coarsest_dtype = coarsest_dtype([*graph.inputs, target])

    def _forward(self, inputs):
        """Run the network; the target's values come first, then whatever the rules read."""
        return replay.run(self.graph, dict(zip(self.graph.inputs, inputs, strict=True)), self.shown)

    def _forward_masked(self, inputs, masks):
        given = [*self.graph.inputs, *self.masks], [*inputs, *masks]
        return replay.run(self.graph, dict(zip(*given, strict=True)), self.shown)

    def forward_references(self, references, shown_at_input, pairing):
        """Run the network on one reference for each pair, with the masks of the rows."""
        if not self.masks:
            return self.forward(references)
        masks = [shown_at_input[self.shown.index(value)] for value in self.masks]
        if pairing.mode is not Mode.PAIR_SIZE:
            masks = [tf.repeat(mask, pairing.references, 0) for mask in masks]
        return self.forward_masked(references, masks)

    def _forward_both(self, rows, references):
        """Run the network on rows and references as one batch, which is faster than on each."""
        number, total = tf.shape(rows[0])[0], tf.shape(rows[0])[0] + tf.shape(references[0])[0]
        together = self._forward([tf.concat(pair, 0) for pair in zip(rows, references, strict=True)])
        sizes, at_input, at_reference = {}, [], []
        for value, tensor in zip(self.shown, together, strict=True):
            layout = self.layouts.get(value)
            if layout is None or layout.fold is None or layout.axis > 0:
                cut = number * (tf.shape(tensor)[0] // total)
                parts = tensor[:cut], tensor[cut:]
            else:
                if layout.fold not in sizes:
                    sizes[layout.fold] = tf.stack([number, total - number]) * layout.fold
                # What loops compute has all steps in front.
                parts = tf.split(tensor, sizes[layout.fold], self.depths.get(value, 0))
            at_input.append(parts[0])
            at_reference.append(parts[1])
        return at_input, at_reference

    def compiled(self, function, *constants):
        """Return a function compiled for some first arguments that are no tensors."""
        key = function.__name__, *constants
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled.setdefault(key, compiled(partial(function, *constants)))
        return found


class PairMethod(Method, ABC):
    """A method that compares rows with references."""

    uses_references = True
    sums_to_delta = True

    def explain(self, request, rows, references, at_reference=None):
        """Run the network at the rows and the references of a chunk, and sum contributions, in one call.

        The network's values do not leave TensorFlow between the two. For a network of many small ops two calls would
        take half as long again.

        Parameters
        ----------
        request : Request
            What to compute.
        rows, references : list of tensor
            One for each input; no references where their values are given.
        at_reference : list of tensor, default=None
            What ``forward`` returned for the references, where many chunks share it.

        Returns
        -------
        output_at_input, output_at_reference : tensor
            The target's values.
        sums : list of tuple of tensor
            As those of `contributions`.
        """
        static, tensors = request.split(self._draw(request))
        key = static, *[tensor.shape for tensor in (*rows, *references)]
        function = self._explain_of.get(key)
        if function is None:
            shapes = self._shapes_at_both(static.pairing, rows, references, at_reference)
            function = self._explain_of.setdefault(key, compiled(partial(self._explain, static, shapes)))
        return function((rows, references, at_reference), tensors)

    def _shapes_at_both(self, pairing, rows, references, at_reference):
        """Return the shapes of the values at the rows and at the references, by running the network once."""
        key = pairing, *[tensor.shape for tensor in (*rows, *references)]
        if key not in self._shapes:
            at_both = self._at_both(pairing, rows, references, at_reference)
            self._shapes[key] = tuple(tuple(tuple(tensor.shape) for tensor in tensors) for tensors in at_both)
        return self._shapes[key]

    def _at_both(self, pairing, rows, references, at_reference):
        """Run the network at the rows and at the references."""
        if at_reference is not None:
            return self.forward(rows), at_reference
        if pairing.mode is Mode.SHARED and not self._is_faster_apart(rows):
            return self.forward_both(rows, references)
        at_input = self.forward(rows)
        return at_input, self.forward_references(references, at_input, pairing)

    def _is_faster_apart(self, rows):
        """Whether making one batch of rows and references takes longer than running the network once more."""
        n_bytes = sum(tensor.dtype.size * math.prod(tensor.shape) for tensor in rows)
        return n_bytes > self._n_ops * BYTES_OF_OP

    def _explain(self, static, shapes, inputs, tensors):
        """Compute what `explain` returns, in a function of TensorFlow."""
        request = static.join(tensors)
        at_input, at_reference = at_both = self._at_both(request.pairing, *inputs)
        # With their shapes known, tensors need no ops that look them up.
        for values, of_values in zip(at_both, shapes, strict=True):
            for tensor, shape in zip(values, of_values, strict=True):
                tensor.set_shape(shape)
        output = at_input[0][:: request.pairing.references if request.pairing.mode is Mode.PAIR_SIZE else 1]
        sums = self._contributions(request.at_output(output), at_input, at_reference)
        return at_input[0], at_reference[0], sums

    def contributions(self, request, at_input, at_reference):
        """Sum contributions, and what else is wanted, over the references of each row of a chunk.

        Parameters
        ----------
        request : Request
            What to compute. Its target is an array of weights.
        at_input, at_reference : list of tensor
            What ``forward`` returned for the rows and for the references.

        Returns
        -------
        sums : list of tuple of tensor
            One tuple per source, in the order of ``request.wanted``; each of shape ``(rows, targets, *source's axes)``,
            in float64 where there is more than one reference.
        """
        static, tensors = request.split(self._draw(request))
        return self.compiled(self._traced_contributions, static)(at_input, at_reference, tensors)

    def _traced_contributions(self, static, at_input, at_reference, tensors):
        return self._contributions(static.join(tensors), at_input, at_reference)

    def _draw(self, request):
        """Draw the tensors that contributions of the request's references depend on."""
        return ()

    @abstractmethod
    def _contributions(self, request, at_input, at_reference):
        """Compute what `contributions` returns, in a function of TensorFlow."""

    def first_departure(self, rows, references, tolerance):
        """Find the first op at which contributions go wrong, where the method can tell."""
        return None


def _depths(graph, depth=0):
    yield depth, graph
    for body in graph.bodies:
        yield from _depths(body, depth + 1)


def coarsest_dtype(values):
    """Return the floating dtype of some values that has the fewest digits."""
    return max((value.dtype for value in values if value.dtype.is_floating), key=machine_epsilon)


def check_depends(graph, value):
    """Refuse to explain a value that depends on the network's input through no function that has differences."""
    if not graph.carries_difference(value):
        raise UnsupportedOpError(
            f"The target {value.name!r} does not depend on the network's input through any function that has "
            "differences (an argmax, a comparison or an integer in between cuts it off)."
        )
