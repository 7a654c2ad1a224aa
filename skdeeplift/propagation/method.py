"""The base of all methods: compiled functions that run the network, and that explain a chunk of pairs."""

import math
from abc import ABC, abstractmethod
from functools import cached_property, partial

import tensorflow as tf

from skdeeplift.dtypes import is_continuous
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network import devices, ops
from skdeeplift.network.compiled import compiled, run_once
from skdeeplift.propagation import replay
from skdeeplift.propagation.forward import find_runs, nested_graphs
from skdeeplift.propagation.lookups import own_values
from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.rules.rescale import machine_epsilon


class Method:
    """A method for one network and one target; subclasses explain chunks of rows.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to explain; weights over its elements make it a scalar.
    sources : list of Source
        The values that contributions are computed for.
    shown : list of Value, default=()
        Further values that are read at the rows and at the references.
    masks : list of Value, default=()
        Masks of the rows, and other values, that their references share.

    Attributes
    ----------
    shown : list of Value
        The values that ``forward`` returns and `PairMethod.contributions` takes: the target first, then the sources of
        floating-point numbers, each value once.
    own : list of Value
        The sources of floating-point numbers, which have differences themselves.
    needs_pair_size : bool
        Whether rows and references must be run pair by pair, because the batch is not the first axis of all values.
    padding : list of str
        Names of the ops of the masks that tell padding.
    carrying : set of Value
        Values through which differences flow, those inside of loops included.
    computed : list of Value
        The values that are computed for a pair. The size of chunks follows from their number of bytes.
    coarsest_dtype : DType or None
        The coarsest floating dtype of the network's computation of the target. None without a floating dtype.
    summing : list of tuple of int
        Groups of sources, by position, whose contributions sum to the change of the target, if those of inputs do.
    small : frozenset of Value
        Values of ``shown`` that are so small that only rounding counts as no difference.
    is_rowwise : bool
        Whether the ops alone show that the sources and the values of ``shown`` have one entry for each row, which
        depends on this row alone.
    """

    # Whether rows are compared with references.
    uses_references = False
    # Whether contributions sum to the change of the target.
    sums_to_delta = False
    # Whether contributions of several parallel layers sum to the change; otherwise each layer changes alone.
    adds_layers = False
    # Whether the positive and the negative part of a layer's difference are returned.
    tells_parts = False
    # Whether integers that the network looks up, such as tokens, can have contributions.
    takes_integers = False
    # Whether contributions are multipliers times differences.
    has_multipliers = True
    # Whether one-hot letters of the sources are replaced by others.
    takes_letters = False
    # Whether the change of the target without each position is returned.
    tells_deletions = False
    # Number of perturbed copies of each pair, for a method that perturbs. One run then gives all targets.
    copies = None
    # Number of independent estimates of the contributions of each pair, for a method that draws.
    draws = 1
    # Rounding ops before the target, which a method of derivatives ignores.
    rounding_ops = ()
    # Smallest number of pairs at which convolutions are fast.
    least_pairs = 1
    # Number of copies of its pairs that a chunk has room for. Further copies are run one after the other.
    steps_at_once = 1
    # Whether there are few targets, so that XLA may compile functions for each. TensorFlow never frees them.
    is_lasting = True

    def __init__(self, graph, target, sources, shown=(), masks=()):
        if target.dtype.is_complex:
            raise UnsupportedOpError(
                f"The target {target.name!r} is made of complex numbers. Pass target= a function that takes the "
                "network's output and returns a floating-point number for each row, such as a sum over tf.abs."
            )
        self.graph, self.target, self.sources, self.masks = graph, target, list(sources), list(masks)
        self.padding = [graph.producer[value].name for value in self.masks if value not in graph.held]
        self.own = own_values(self.sources)
        self.shown = list(dict.fromkeys([target, *self.own, *shown]))
        self.layouts = graph.layouts
        self.needs_pair_size = any(value not in self.layouts or self.layouts[value].axis > 0 for value in self.shown)
        self.is_rowwise = graph.rowwise.issuperset([*self.shown, *(source.value for source in self.sources)])
        self.carrying = {value for _, graph in nested_graphs(graph) for value in graph.dependence.carrying}
        self.n_outputs = target.shape[1:].num_elements()
        # Contributions of integers and truth values have the dtype of the output.
        self.contribution_dtypes = tuple(
            (source.value if source.value.dtype.is_floating else target).dtype.as_numpy_dtype for source in self.sources
        )
        # One function for each pairing, since TensorFlow traces again for every object that is not a tensor.
        self._compiled = {}
        depends = [op for op in graph.ancestors(self.shown) if any(map(graph.varies, op.inputs))]
        # The number of ops in a loop depends on its number of steps.
        self.n_ops = math.inf if any(op.body is not None for op in depends) else len(depends)
        self.computed = graph.values
        self.coarsest_dtype = coarsest_dtype([*graph.inputs, target])
        self.small, self.summing = frozenset(), [tuple(range(len(self.sources)))]

    @property
    def chunk_bytes(self):
        """Bytes of values from which a larger chunk is not faster, and only needs memory."""
        return devices.choices().chunk_bytes

    @cached_property
    def runs(self):
        """Compiled runs of the network that return the values of ``shown``."""
        return find_runs(self.graph, self.shown, self.masks)

    @property
    def depths(self):
        """Number of nested loops around each value."""
        return self.runs.depths

    @property
    def forward(self):
        """Compiled function that runs the network on one tensor for each input, and returns the values of ``shown``."""
        return self.runs.forward

    @property
    def forward_both(self):
        """Compiled function that runs the network on rows and on references, and returns the values of both."""
        return self.runs.forward_both

    def source_values(self, rows):
        """Return the values of the sources at some rows, one tensor for each source."""
        values = [source.value for source in self.sources]
        run = compiled(lambda inputs: replay.run(self.graph, dict(zip(self.graph.inputs, inputs, strict=True)), values))
        return run([tf.convert_to_tensor(array) for array in rows])

    def sources_with_letters(self, request):
        """Pair each source with the axis of its one-hot letters; None if it has none."""
        return zip(self.sources, request.letters or [None] * len(self.sources), strict=True)

    def compiled(self, function, *constants):
        """Return a function compiled for constant first arguments."""
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
            The terms to compute.
        rows, references : list of tensor
            One tensor for each input. No references if ``at_reference`` is given.
        at_reference : list of tensor, default=None
            The values that ``forward`` returned for the references, where many chunks share them.

        Returns
        -------
        output_at_input, output_at_reference : tensor
            The target's values.
        sums : list of tuple of tensor
            The sums that `contributions` returns.
        """
        static, tensors = request.split(request.drawn or self.draw(request))
        key = static, *[tensor.shape for tensor in (*rows, *references)]
        function = self._compiled.get(key)
        if function is None:
            shapes = self._shapes_at_both(static.pairing, rows, references, at_reference)
            function = self._compiled.setdefault(key, compiled(partial(self._explain, static, shapes)))
        return function((rows, references, at_reference), tensors)

    def _at_both(self, pairing, rows, references, at_reference):
        """Run the network at the rows and at the references."""
        if at_reference is not None:
            return self.forward(rows), at_reference
        if pairing.mode is Mode.SHARED and not self._is_faster_apart(rows):
            return self.forward_both(rows, references)
        at_input = self.forward(rows)
        return at_input, self.runs.forward_references(references, at_input, pairing)

    def _shapes_at_both(self, pairing, rows, references, at_reference):
        """Return the shapes of the values that `_at_both` returns, also those that tracing alone does not know."""
        if self.is_rowwise:
            # One entry for each row: there is no need to run the network.
            numbers = [tensors[0].shape[0] for tensors in (rows, references or at_reference)]
            return [[tf.TensorShape([number, *value.shape[1:]]) for value in self.shown] for number in numbers]
        if not tf.executing_eagerly():
            # Within another function there are no values yet. Zeros have the same shapes as any values.
            with tf.init_scope():
                zeros = [
                    tensors and [tf.zeros(tensor.shape, tensor.dtype) for tensor in tensors]
                    for tensors in (rows, references, at_reference)
                ]
                return self._shapes_at_both(pairing, *zeros)
        with run_once():
            at_both = self._at_both(pairing, rows, references, at_reference)
        return [[tensor.shape for tensor in tensors] for tensors in at_both]

    def _is_faster_apart(self, rows):
        """Return whether copying rows and references into one batch takes longer than running the network once more."""
        n_bytes = sum(tensor.dtype.size * math.prod(tensor.shape) for tensor in rows)
        return n_bytes > self.n_ops * devices.choices().bytes_of_op

    def _explain(self, static, shapes, inputs, tensors):
        """Compute the results of `explain` within a compiled function."""
        request = static.join(tensors)
        at_input, at_reference = at_both = self._at_both(request.pairing, *inputs)
        # With their shapes known, tensors need no ops that look them up.
        for values, of_values in zip(at_both, shapes, strict=True):
            for tensor, shape in zip(values, of_values, strict=True):
                tensor.set_shape(shape)
        output = at_input[0][:: request.pairing.references if request.pairing.mode is Mode.PAIR_SIZE else 1]
        sums = self._contributions(request.at_output(output, at_reference[0]), at_input, at_reference)
        return at_input[0], at_reference[0], sums

    def contributions(self, request, at_input, at_reference):
        """Sum the wanted terms over the references of each row of a chunk.

        Parameters
        ----------
        request : Request
            The terms to compute. The target is an array of weights.
        at_input, at_reference : list of tensor
            The values that ``forward`` returned for the rows and for the references.

        Returns
        -------
        sums : list of tuple of tensor
            One tuple per source, in the order of ``request.wanted``; each of shape ``(rows, targets, *source's axes)``,
            in float64 where there is more than one reference.
        """
        static, tensors = request.split(request.drawn or self.draw(request))
        return self.compiled(self._traced_contributions, static)(at_input, at_reference, tensors)

    def _traced_contributions(self, static, at_input, at_reference, tensors):
        return self._contributions(static.join(tensors), at_input, at_reference)

    def draw(self, request):
        """Draw the tensors that contributions of the request's references depend on."""
        return ()

    @abstractmethod
    def _contributions(self, request, at_input, at_reference):
        """Compute the results of `contributions` within a compiled function."""

    def first_departure(self, rows, references, tolerance):
        """Find the first op at which contributions go wrong, if the method can."""
        return None


def coarsest_dtype(values):
    """Return the floating dtype of some values that has the fewest digits, or None if all are integers."""
    dtypes = (value.dtype.real_dtype for value in values if is_continuous(value.dtype))
    return max(dtypes, key=machine_epsilon, default=None)


def find_summing_groups(method):
    """List the groups of layers, by position, that every path from the inputs to the target passes.

    The whole change passes through such a group, so its contributions sum to the change.
    """
    graph, values = method.graph, [source.value for source in method.sources]
    alone = [(position,) for position, value in enumerate(values) if _separates(graph, method.target, [value])]
    if alone or not method.adds_layers or not _separates(graph, method.target, values):
        return alone
    before = {value for op in graph.ancestors(values) for value in op.inputs}
    return [] if before & set(values) else [tuple(range(len(values)))]


def _separates(graph, target, values):
    """Return whether every difference of the inputs reaches the target only through some values."""
    starts = graph.dependence.starts.difference(values)
    return not any(
        not starts.isdisjoint(op.outputs)
        or (not starts.isdisjoint(op.inputs) and any(map(graph.carries_difference, op.outputs)))
        for op in graph.ancestors([target], known=values)
    )


def check_depends(graph, value):
    """Raise an error if no difference of the network's input reaches a value.

    Raises
    ------
    UnsupportedOpError
        If the value does not depend on the input through functions that have differences.
    """
    if not graph.carries_difference(value):
        raise UnsupportedOpError(
            f"The target {value.name!r} does not depend on the network's input through any function that has "
            "differences (only the number of its elements, or an index, lies in between)."
        )


def check_derivative(graph, value):
    """Raise an error if the network has no derivative of a value.

    Raises
    ------
    UnsupportedOpError
        If the value does not depend on the input, or only through truth values and whole numbers.
    """
    check_depends(graph, value)
    if not graph.has_derivative(value):
        raise UnsupportedOpError(
            f"The target {value.name!r} has no derivative by the network's input: a comparison, rounding or a whole "
            "number lies in between. Use DeepLiftExplainer, which needs differences and no derivatives."
        )


# Ops whose derivative TensorFlow takes for zero, or has none of.
_ROUNDING = ops.where(rounds=True)


def find_rounding_ops(graph, targets, sources=()):
    """List the ops between sources and targets that round numbers, and have no derivative but zero.

    Ops that only make decisions or positions are left out: unless a decision changes, the derivative is right.
    """
    reached, found = set(targets), []
    for op in reversed(graph.ancestors(targets, known=sources)):
        if op.body is not None:
            found += find_rounding_ops(op.body, op.body.outputs)
        if reached.isdisjoint(op.outputs):
            continue
        if op.facts.type in _ROUNDING and is_continuous(op.inputs[0].dtype) and graph.carries_difference(op.inputs[0]):
            found.append(op)
        reached.update(
            value
            for position, value in enumerate(op.inputs)
            if graph.carries_difference(value) and value.dtype != tf.bool and position != op.facts.indices
        )
    return found[::-1]
