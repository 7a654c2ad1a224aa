"""The three streams: values at the input, values at the reference, and the difference between them.

The third stream is a linear surrogate of the network: its output is ``f(x) - f(reference)``, and it is linear in the
difference of the input. Its plain gradient with respect to that difference is the multiplier, so TensorFlow's own
differentiation does the whole backward pass.
"""

import tensorflow as tf

from skdeeplift.dtypes import is_continuous
from skdeeplift.network.compiled import compiled
from skdeeplift.network.masks import make_finite
from skdeeplift.propagation import replay
from skdeeplift.propagation.lookups import own_values, shared_values
from skdeeplift.propagation.method import PairMethod, coarsest_dtype
from skdeeplift.propagation.pairing import Mode, Pairing, Purpose, to_difference_dtype
from skdeeplift.propagation.plan import Plan
from skdeeplift.propagation.steps import steps_with_rules
from skdeeplift.propagation.stream_values import PassSettings, StreamValues, shape_of_rows
from skdeeplift.propagation.sums import SourceTensors, compute_terms, sum_over_references


class Streams(PairMethod):
    """Compiled functions that carry values and differences through a network.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to explain; weights over its elements make it a scalar.
    sources : list of Source
        The values that contributions are computed for.
    rule_set : RuleSet
        The rule of each op.
    owner : str, default="skdeeplift"
        Name of the explainer in errors.
    parts : bool, default=False
        Whether positive and negative parts of the sources are returned.

    Attributes
    ----------
    plan : Plan
        The steps of the third stream.
    """

    takes_integers = True
    adds_layers = True

    def __init__(self, graph, target, sources, rule_set, owner="skdeeplift", parts=False):
        self.plan = Plan(graph, target, own_values(sources), rule_set, owner, parts)
        read = [*self.plan.reads, *(value for step in self.plan.difference_steps for value in step.inputs)]
        masks = shared_values(graph, read)
        # The third stream reads these values of the first two.
        super().__init__(graph, target, sources, [*self.plan.starts, *self.plan.reads, *masks], masks)
        self.tells_parts, self.sums_to_delta = parts, self.plan.sums_to_delta
        self.needs_pair_size |= self.plan.counts_rows
        made = [value for step in self.plan.difference_steps for value in step.outputs]
        self.computed = [*{*self.shown, *made}, *self.plan.spreads]
        self.coarsest_dtype = coarsest_dtype([*self.plan.sources, *made])
        self._departures = compiled(self._find_departures)

    def _contributions(self, request, at_input, at_reference):
        pairing = request.pairing
        at_input, at_reference = (
            self._as_differences(zip(self.shown, tensors, strict=True)) for tensors in (at_input, at_reference)
        )
        streams, (differences, shares), spreads, signed = self._both_passes(pairing, at_input, at_reference)
        target = differences[self.target].delta
        target.set_shape((pairing.size, *self.target.shape[1:]))
        weights = pairing.over_pairs(tf.cast(request.target, target.dtype), self.target.shape.rank)
        # The tensors to differentiate by: a difference and its spread, or the shares of the elements.
        parts = [
            differences[source.value][:2] if source.starts is None else (shares[source.value], None)
            for source in self.sources
        ]
        flat = [part for of_source in parts for part in of_source if part is not None]
        gradients = iter(streams.gradients([target], [weights], flat))
        sums = []
        for (source, axis), of_source in zip(self.sources_with_letters(request), parts, strict=True):
            found = (None if part is None else next(gradients) for part in of_source)
            of_delta, of_spread = (None if each is None else pairing.split_batch(each) for each in found)
            value = source.value
            if source.starts is None:
                x, r = pairing.with_axes(at_input[value], at_reference[value])
            else:
                x = tf.ones((1, 1, *value.shape[1:]), shares[value].dtype)
                r = tf.zeros((1, pairing.references, *value.shape[1:]), x.dtype)
            if of_delta is None:
                of_delta = tf.zeros((*pairing.lead, *x.shape[2:]), x.dtype)
            spread_and_signed = [
                None if spread is None else tf.reshape(spread, (pairing.rows, pairing.references, *x.shape[2:]))
                for spread in (spreads.get(value), signed.get(value))
            ]
            tensors = SourceTensors(of_delta, x, r, of_spread, *spread_and_signed)
            if pairing.references == 1:
                sums.append(compute_terms(tensors, request.wanted, axis))
            else:
                sums.append(sum_over_references(tensors, request.weights, request.wanted, axis))
        return sums

    def _as_differences(self, values):
        """Cast values that carry differences to the differences' dtype; leave indices and padding masks unchanged."""
        given = {
            value: to_difference_dtype(tensor) if is_continuous(value.dtype) or value in self.carrying else tensor
            for value, tensor in values
        }
        shown = {value: given[value] for value in self.plan.hidden.intersection(given) if value.dtype.is_floating}
        return given | {value: make_finite(tensor) for value, tensor in shown.items()}

    def _both_passes(self, pairing, at_input, at_reference, purpose=Purpose.GRADIENT, tolerance=None):
        """Carry spreads if rules read them, and then the differences whose gradient gives the multipliers."""
        spreads, signed, computed = {}, {}, {}
        given = at_input, at_reference, spreads, computed
        if self.plan.carries_spreads:
            of_pairs = pairing._replace(targets=1)
            settings = self._settings(of_pairs, Purpose.SPREADS, tells_parts=self.tells_parts)
            of_spreads = StreamValues(settings, *given)
            self.differences(of_spreads)
            signed = of_spreads.signed
        streams = StreamValues(self._settings(pairing, purpose, tolerance=tolerance), *given)
        return streams, self.differences(streams), spreads, signed

    def _settings(self, pairing, purpose, **further):
        return PassSettings(
            pairing, purpose, self.layouts, self.own, small=self.small, hidden=self.plan.hidden, **further
        )

    def first_departure(self, rows, references, tolerance):
        """Find the first op at which the carried difference is not the true one.

        Parameters
        ----------
        rows, references : list of ndarray
            One array for each input, pair by pair.
        tolerance : float
            Largest error of a difference, relative to the largest difference of the same value.

        Returns
        -------
        op : Op or None
        """
        given = [[tf.convert_to_tensor(array) for array in arrays] for arrays in (rows, references)]
        departs = self._departures(*given, tf.constant(tolerance, self.target.dtype))
        of_op = dict(zip((step.op for step in self.plan.rule_steps), departs.numpy(), strict=True))
        for step in self.plan.difference_steps:
            first = min(steps_with_rules([step]), key=lambda each: of_op[each.op], default=None)
            if first is not None and of_op[first.op] < tf.int32.max:
                return first.op
        return None

    def _find_departures(self, rows, references, tolerance):
        """Find the step at which the difference of each op first departs from the true one; zero outside of loops."""
        outputs = [step.outputs[0] for step in self.plan.rule_steps]
        streams = [dict(zip(self.graph.inputs, inputs, strict=True)) for inputs in (rows, references)]
        for values in streams:
            values.update({mask: streams[0][mask] for mask in self.masks if mask in streams[0]})
            replay.run(self.graph, values, [*self.shown, *(value for value in outputs if is_continuous(value.dtype))])
            values.update(self._as_differences(values.items()))
            for value, tensor in values.items():
                # Rules read sizes, which are known for arguments of a function. Values inside of loops have the axis of
                # steps in front.
                if not tensor.shape.is_fully_defined() and self.depths.get(value) == 0:
                    tensor.set_shape(shape_of_rows(value, self.layouts, rows[0].shape[0]))
        pairing = Pairing(Mode.PAIR_SIZE, rows[0].shape[0], 1)
        carried, *_ = self._both_passes(pairing, *streams, Purpose.DIFFERENCES, tolerance)
        return tf.stack([carried.departs.get(value, tf.constant(tf.int32.max)) for value in outputs])

    def differences(self, streams):
        """Carry differences from their starts through all steps.

        Returns
        -------
        differences : dict of Value to Difference
            The differences of all values.
        shares : dict of Value to tensor
            The shares of the elements of sources of integers.
        """
        shared_out = {start for source in self.sources for start, _ in source.starts or ()}
        differences = {
            value: streams.difference_at_start(value, value in self.plan.spreads, value in shared_out)
            for value in self.plan.starts
        }
        shares = {}
        for source in self.sources:
            if source.starts is not None:
                shares[source.value], with_shares = streams.share_out(source, differences)
                differences.update(with_shares)
        streams.carry(self.graph, self.plan.steps, differences)
        return differences, shares
