"""Method that runs the network on rows with some elements replaced by elements of the reference."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.propagation import replay
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.method import PairMethod
from skdeeplift.propagation.pairing import Pairing, with_axis_of_references


class Scheme(ABC):
    """Perturbations of some sources; each one replaces some elements by elements of the reference.

    Attributes
    ----------
    number : int
        Number of perturbations for each pair of a row and a reference.
    parts : int
        Number of parts of the sources. Each part has its own change of the target.
    draws : int
        Number of independent estimates of these changes; 1 for a scheme without random draws.
    """

    number: int
    parts: int
    draws = 1

    def draw(self, first_reference, references):
        """Draw the random arrays of the perturbations for some references."""
        return []

    @abstractmethod
    def find_kept(self, indices, drawn):
        """Find the elements that keep the value of the row.

        Parameters
        ----------
        indices : tensor of shape (copies,)
            Numbers of the perturbations.
        drawn : list of tensor
            The arrays drawn by `draw`, as tensors.

        Returns
        -------
        kept : list of tensor of shape (copies, 1 or references, *source's axes)
            One boolean tensor for each source.
        """

    @abstractmethod
    def compute_changes(self, values, at_input, at_reference, drawn):
        """Compute the change of the target for each part.

        Parameters
        ----------
        values : tensor of shape (number, rows, references, targets)
            The target at the perturbed rows, in float64.
        at_input, at_reference : tensor of shape (rows, references, targets)
            The target at the rows and at the references.
        drawn : list of tensor
            The arrays drawn by `draw`, as tensors.

        Returns
        -------
        changes : tensor of shape (draws, rows, references, targets, parts)
        """

    @abstractmethod
    def share_out(self, changes):
        """Divide the changes of the parts among the elements of the sources.

        Parameters
        ----------
        changes : tensor of shape (..., parts)
            Changes from `compute_changes`, or their mean.

        Returns
        -------
        contributions : list of tensor of shape (..., *source's axes)
            One tensor for each source.
        """


def whole_inputs(graph, target):
    """Make each input of the network a source, integers too, because perturbations need no differences."""
    return [Source(value) for value in graph.inputs]


class Perturbation(PairMethod):
    """Method that runs the network on rows with some elements replaced by elements of the reference.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to explain; weights over its elements make it a scalar.
    sources : list of Source
        The values to perturb: the network's inputs, or layers. The network runs from these values on.
    schemes : list of Scheme
        One scheme for all sources together, or one for each source.
    sums_to_delta : bool, default=False
        Whether contributions sum to the change of the target.

    Attributes
    ----------
    copies : int
        Number of perturbations for each pair.
    draws : int
        Number of independent estimates of contributions for each pair.
    numbers_kept : int
        Count of numbers in memory for each pair and target before summation.
    """

    has_multipliers = False
    takes_integers = True

    def __init__(self, graph, target, sources, schemes, sums_to_delta=False):
        values = [source.value for source in sources]
        # With an empty tuple of starts, contributions have the dtype of the output even for a source of integers.
        sources = [Source(value, None if value.dtype.is_floating else ()) for value in values]
        super().__init__(graph, target, sources, [*graph.inputs, *values, *graph.held], graph.held)
        self.schemes, self.sums_to_delta = list(schemes), sums_to_delta
        self._perturbed = [self.sources] if len(self.schemes) == 1 else [[source] for source in self.sources]
        self.copies = max([1, *(scheme.number for scheme in self.schemes)])
        self.draws = min(scheme.draws for scheme in self.schemes)
        elements = sum(source.value.shape[1:].num_elements() or 1 for source in self.sources)
        self.numbers_kept = elements + max(scheme.number + scheme.draws * scheme.parts for scheme in self.schemes)

    def draw(self, request):
        """Draw the tensors of all schemes for the references of the request."""
        drawn = [scheme.draw(request.first_reference, request.pairing.references) for scheme in self.schemes]
        return [[tf.convert_to_tensor(array) for array in arrays] for arrays in drawn]

    def _contributions(self, request, at_input, at_reference):
        pairing = request.pairing
        pairs = {
            value: pairing.with_axes(x, reference)
            for value, x, reference in zip(self.shown, at_input, at_reference, strict=True)
        }
        for source in self.sources:
            if len(pairs[source.value][0].shape) != source.value.shape.rank + 1:
                raise ValueError(
                    f"{source.value.name!r} has several entries on its first axis for each row, and can be perturbed "
                    "only with one. Pass another layer."
                )
        weights = with_axis_of_references(tf.cast(request.target, tf.float64), self.target.shape.rank)
        size = pairing.rows, pairing.references, pairing.targets
        of_rows, of_references = (tf.broadcast_to(sum_weighted(end, weights), size) for end in pairs[self.target])
        reference_weights = tf.cast(request.weights, tf.float64)
        perturbed_rows, terms = _PerturbedRows(self, pairing, pairs, weights), []
        for scheme, sources, drawn in zip(self.schemes, self._perturbed, request.drawn, strict=True):
            perturbed, all_replaced = [source.value for source in sources], of_references
            if set(perturbed) != set(self.graph.inputs):
                # With the reference's values in the whole layer, a branch around the layer still has the row's values,
                # so the target at the reference must be computed.
                nothing = [tf.zeros((1, 1, *[1] * value.shape[1:].rank), tf.bool) for value in perturbed]
                all_replaced = perturbed_rows.target_at(dict(zip(perturbed, nothing, strict=True)))[0]
            values = perturbed_rows.target_at_all(scheme, perturbed, drawn)
            changes = scheme.compute_changes(values, of_rows, all_replaced, drawn)
            terms += _compute_terms(scheme, changes, reference_weights, request.wanted)
        return terms


class _PerturbedRows(NamedTuple):
    """Rows of a chunk with some elements replaced by elements of the reference, and the target at these rows."""

    method: Perturbation
    pairing: Pairing
    # For each value that the network starts from, its tensors at the rows and at the references, with axes of pairs.
    pairs: dict
    # Weights over the target's elements, in float64.
    weights: tf.Tensor

    def target_at_all(self, scheme, perturbed, drawn):
        """Compute the target at all perturbations of a scheme, of shape (number, rows, references, targets)."""
        pairing = self.pairing
        shape = pairing.rows, pairing.references, pairing.targets
        if scheme.number == 0:
            return tf.zeros((0, *shape), tf.float64)
        copies = self._copies_at_once(scheme.number)
        n_steps = -(-scheme.number // copies)

        def one_step(number, values):
            indices = tf.minimum(number * copies + tf.range(copies), scheme.number - 1)
            kept = dict(zip(perturbed, scheme.find_kept(indices, drawn), strict=True))
            return number + 1, values.write(number, self.target_at(kept))

        # The rows of one step are made while the network runs on the rows of the step before. More parallel steps would
        # need more memory.
        values = tf.TensorArray(tf.float64, n_steps, element_shape=(copies, *shape))
        _, values = tf.while_loop(
            lambda number, values: number < n_steps, one_step, (tf.constant(0), values), parallel_iterations=2
        )
        return tf.reshape(values.stack(), (n_steps * copies, *shape))[: scheme.number]

    def target_at(self, kept):
        """Compute the target at perturbed rows.

        Parameters
        ----------
        kept : dict of Value to tensor of shape (copies, 1 or references, ...)
            For each perturbed value, True at elements that keep the value of the row.

        Returns
        -------
        target : tensor of shape (copies, rows, references, targets)
        """
        graph, target = self.method.graph, self.method.target
        copies = next(iter(kept.values())).shape[0]
        lead = copies, self.pairing.rows, self.pairing.references
        given = {}
        # A branch around a perturbed layer reads the unchanged inputs.
        for value in dict.fromkeys([*kept, *graph.inputs]):
            x, reference = self.pairs[value]
            mixed = tf.where(kept[value][:, None], x, reference) if value in kept else x[None]
            rest = mixed.shape[3:]
            given[value] = tf.reshape(tf.broadcast_to(mixed, (*lead, *rest)), (-1, *rest))
        for value in graph.held:
            x, rest = self.pairs[value][0], value.shape[1:]
            given[value] = tf.reshape(tf.broadcast_to(x[None], (*lead, *rest)), (-1, *rest))
        [output] = replay.run(graph, given, [target])
        return sum_weighted(tf.reshape(output, (*lead, *target.shape[1:])), self.weights)

    def _copies_at_once(self, number):
        """Choose the number of copies of all pairs in one step, such that the last step is almost full."""
        if any(value.shape[0] is not None for value in self.method.graph.inputs):
            return 1
        most = min(number, max(1, self.pairing.at_once // self.pairing.pairs))
        return min(range(most, most // 2, -1), key=lambda copies: -(-number // copies) * copies)


def sum_weighted(target, weights):
    """Sum the elements of the target, weighted for each target, in float64.

    Parameters
    ----------
    target : tensor of shape (..., rows or 1, references or 1, *target's axes)
        The target's values.
    weights : tensor of shape (rows or 1, references or 1, targets, *target's axes)
        Weights over the target's elements.

    Returns
    -------
    sums : tensor of shape (..., rows or 1, references or 1, targets)
    """
    n_elements = weights.shape[3:].num_elements()
    lead = target.shape[: len(target.shape) - len(weights.shape[3:])]
    target = tf.reshape(tf.cast(target, tf.float64), (*lead, n_elements))
    weights = tf.reshape(weights, (*weights.shape[:3], n_elements))
    if weights.shape[:2].num_elements() == 1:
        sums = tf.matmul(tf.reshape(target, (-1, n_elements)), weights[0, 0], transpose_b=True)
        return tf.reshape(sums, (*lead, weights.shape[2]))
    return tf.reduce_sum(target[..., None, :] * weights, -1)


def _compute_terms(scheme, changes, reference_weights, wanted):
    """Compute the wanted terms of each source, summed over references with weights unless there is one reference."""
    contributions = scheme.share_out(tf.reduce_mean(changes, 0) if changes.shape[0] > 1 else changes[0])

    def over_references(tensor):
        if tensor.shape[1] == 1:
            return tensor[:, 0]
        return tf.tensordot(reference_weights, tensor, [[0], [1]])

    terms = {"contributions": lambda place: over_references(contributions[place])}
    terms["squares"] = lambda place: over_references(tf.square(contributions[place]))
    if "squares_of_draws" in wanted:
        of_draws = scheme.share_out(changes)
        terms["squares_of_draws"] = lambda place: over_references(tf.reduce_mean(tf.square(of_draws[place]), 0))
    return [tuple(terms[name](place) for name in wanted) for place in range(len(contributions))]
