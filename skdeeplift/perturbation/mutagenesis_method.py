"""Method that replaces letters of one-hot sequences one by one, and computes the changes of the target."""

import threading

import numpy as np
import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.network.compiled import compiled
from skdeeplift.perturbation.local_plan import LocalPlan, Mutations
from skdeeplift.perturbation.mutated_letters import Entries, Letters, find_entries, resolve_positions
from skdeeplift.perturbation.partition import require_shape
from skdeeplift.perturbation.perturbation import sum_weighted
from skdeeplift.propagation import replay
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.method import Method
from skdeeplift.propagation.pairing import with_axis_of_references

# Number of mutations computed both in windows and by whole runs, to compare the results.
COMPARED = 4
# Difference from the whole run, relative to the size of the target's values, beyond rounding errors.
TOLERANCE = 1e-3
# Ways to run mutations: in windows of changed positions, as whole rows, and as rows without one position.
WINDOWS, WHOLE, DELETION = "windows", "whole", "deletion"


class Mutagenesis(Method):
    """Method that replaces letters one by one.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to explain; weights over its elements make it a scalar.
    sources : list of Source
        The network's inputs, or layers.
    names : list of str
        Names of the sources.
    kind : {"change", "centered", "contribution"}
        Form of the numbers at a position, as in the parameter ``kind`` of `MutagenesisExplainer`.
    positions : list
        Positions of each source to mutate: None for all, or a slice or a sequence of integers.
    deletions : bool, default=False
        Whether to return the change of the target without each position.
    fixed : int or None, default=None
        The only batch size that the network can run with, if there is one.
    """

    has_multipliers = False
    takes_integers = True
    takes_letters = True

    def __init__(self, graph, target, sources, names, kind, positions, deletions=False, fixed=None):
        sources = [Source(source.value, None if source.value.dtype.is_floating else ()) for source in sources]
        super().__init__(graph, target, sources)
        # Mutations run as plain batches of rows, so pairs are not needed, whichever axis of a value holds the batch.
        self.needs_pair_size = False
        self.kind, self.positions, self.names, self.fixed = kind, positions, names, fixed
        self.tells_deletions = deletions
        shapes = [require_shape(source, name) for source, name in zip(self.sources, names, strict=True)]
        self.copies = self.numbers_kept = max(1, sum(int(np.prod(shape)) for shape in shapes))
        self._plans, self._lock = {}, threading.Lock()

    @property
    def chunk_bytes(self):
        """Bytes of values from which a larger chunk is not faster."""
        return devices.choices().mutation_bytes

    def at_rows(self, request, rows, noise=None):
        """Run the network at a chunk of rows and at all mutations of these rows.

        Parameters
        ----------
        request : Request
            The terms to compute.
        rows : list of tensor
            One tensor for each input.
        noise : None
            Ignored; no noise is added to rows.

        Returns
        -------
        outputs : tensor
            The target's values at the rows.
        sums : list of tuple of ndarray
            One tuple per source, in the order of ``request.wanted``.
        """
        rows, letters = [tf.convert_to_tensor(each) for each in rows], request.letters
        plans = [self._plan(place, axis) for place, axis in enumerate(letters) if axis is not None]
        at_rows = [plan.run_rows(rows) for plan in plans]
        outputs = at_rows[0][0]
        weights = tf.cast(request.at_output(outputs).target, tf.float64)
        number = _count_different([*rows, *([weights] if weights.shape[0] > 1 else [])])
        found = dict(zip((plan.place for plan in plans), zip(plans, at_rows, strict=True), strict=True))
        sums = []
        for place, source in enumerate(self.sources):
            shape = outputs.shape[0], weights.shape[1], *source.value.shape[1:]
            if place not in found:
                # NaN means that no position was mutated; zero would mean that mutations change nothing.
                sums.append(tuple(np.full(shape, np.nan) for _ in request.wanted))
                continue
            plan, values = found[place]
            terms = {"contributions": lambda p, v: self._changes(p, v, number, weights, request.pairing.at_once)}
            terms["deletions"] = lambda p, v: self._deletions(p, v, number, weights, request.pairing.at_once)
            of_source = (terms[name](plan, values) for name in request.wanted)
            # Rows that pad the chunk at its end repeat the last row, so they get the results of this row.
            sums.append(tuple(each[np.minimum(np.arange(len(outputs)), number - 1)] for each in of_source))
        return outputs, sums

    @property
    def source_plans(self):
        """Plans of the mutated sources."""
        return list(self._plans.values())

    def _plan(self, place, axis):
        """Return the plan of mutations of one source, cached after the first call."""
        with self._lock:
            if (place, axis) not in self._plans:
                shape = tuple(self.sources[place].value.shape[1:])
                letters = Letters(shape, axis, ())
                positions = resolve_positions(self.positions[place], letters.n_positions, self.names[place])
                self._plans[place, axis] = _SourcePlan(self, place, letters._replace(positions=positions))
            return self._plans[place, axis]

    def _changes(self, plan, values, number, weights, at_once):
        """Compute the change of the target by each letter, of shape (rows, targets, ...)."""
        letters, rows = plan.letters, plan.letters.last(values[1].numpy()[:number])
        entries = find_entries(rows, letters, plan.is_local)
        changes = plan.run_all(entries, values, weights, at_once)
        result = np.full((number, weights.shape[1], letters.n_positions, letters.number), np.nan)
        result[:, :, list(letters.positions)] = 0
        # NumPy puts the axis of targets last, because advanced indices are on both sides of its slice.
        result[entries.rows[:, None], :, entries.at[:, None], entries.letters] = changes
        if self.kind != "change":
            result -= result.mean(-1, keepdims=True)
        if self.kind == "contribution":
            result *= rows[:, None]
        return letters.in_place(result, 2)

    def _deletions(self, plan, values, number, weights, at_once):
        """Compute the change of the target by deletion of each position, of shape (rows, targets, positions)."""
        letters = plan.letters
        rows, places = np.indices((number, len(letters.positions))).reshape(2, -1)
        entries = Entries(rows, np.array(letters.positions)[places], np.zeros((len(rows), 1), int))
        result = np.full((number, weights.shape[1], letters.n_positions), np.nan)
        result[entries.rows, :, entries.at] = plan.run_all(entries, values, weights, at_once, DELETION)[:, 0]
        return result


class _SourcePlan:
    """Compiled runs of the mutations of one source."""

    def __init__(self, method, place, letters):
        self.method, self.place, self.letters = method, place, letters
        self.value = method.sources[place].value
        graph, reach = method.graph, letters.reach
        if method.fixed is not None or not self.value.dtype.is_floating:
            reach = None
        self._plans = {WHOLE: LocalPlan(graph, method.target, {self.value: None})}
        self.is_local, self._is_compared = False, False
        if reach is not None:
            plan = LocalPlan(graph, method.target, {self.value: reach})
            self.is_local = plan.pays_off
            if self.is_local:
                self._plans[WINDOWS] = plan
        self._plans[DELETION] = self._plans[WHOLE]
        self.read = list(dict.fromkeys(value for plan in self._plans.values() for value in plan.at_rows))
        self.run_rows = compiled(self._run_rows)

    @property
    def windows(self):
        """Plan of ops on windows, or None if mutations run as whole rows."""
        return self._plans[WINDOWS] if self.is_local else None

    def _run_rows(self, inputs):
        """Compute the target, the source, and all values that mutations read, at the rows."""
        graph = self.method.graph
        values = dict(zip(graph.inputs, inputs, strict=True))
        return replay.run(graph, values, [self.method.target, self.value, *self.read])

    def run_all(self, entries, values, weights, at_once, how=None):
        """Compute the change of the target for all mutations, of shape (entries, copies, targets)."""
        how = how or (WINDOWS if self.is_local else WHOLE)
        copies = entries.letters.shape[1]
        if how == WHOLE and copies > 1:
            flat = Entries(*(np.repeat(each, copies) for each in entries[:2]), entries.letters.reshape(-1, 1))
            return self.run_all(flat, values, weights, at_once, how).reshape(*entries.letters.shape, -1)
        most = max(1, int(at_once / self._plans[how].share) // copies)
        size = self.method.fixed or _even_size(len(entries.rows), most)
        parts = [
            self._run(entries.padded(start, size), values, weights, how)[: len(entries.rows) - start]
            for start in range(0, len(entries.rows), size)
        ]
        changes = np.concatenate(parts) if parts else np.zeros((*entries.letters.shape, weights.shape[1]))
        if how == WINDOWS and not self._is_right(changes, entries, values, weights, at_once):
            return self.run_all(entries, values, weights, at_once, WHOLE)
        return changes

    def _run(self, entries, values, weights, how):
        tensors = [tf.constant(each, tf.int32) for each in entries]
        run = self.method.compiled(_run_mutations, self, how)
        return run(values, *tensors, weights).numpy()

    def _is_right(self, changes, entries, values, weights, at_once):
        """Compare a few changes computed in windows with changes of whole runs, once for each network."""
        if self._is_compared or not len(changes):
            return True
        chosen = np.linspace(0, len(changes) - 1, COMPARED).astype(int)
        few = Entries(entries.rows[chosen], entries.at[chosen], entries.letters[chosen, :1])
        whole = self.run_all(few, values, weights, at_once, WHOLE)
        target = np.abs(values[0].numpy().astype(np.float64)).reshape(len(values[0]), 1, -1)
        largest = (target * np.abs(weights.numpy()).reshape(*weights.shape[:2], -1)).sum(-1).max()
        distance = np.abs(changes[chosen, :1] - whole).max()
        # Written with `not`, so that NaN counts as right: infinite results of the two ways may differ.
        self.is_local = not distance > TOLERANCE * (np.abs(whole).max() + largest)
        self._is_compared = True
        return self.is_local

    def run_mutations(self, how, values, rows, at, letters, weights):
        """Compute the change of the target for mutations, in a compiled function."""
        method, plan, of_letters = self.method, self._plans[how], self.letters
        target, source, *values = values
        values = dict(zip(self.read, values, strict=True))
        source = of_letters.last(source)
        if how == WINDOWS:
            changed = of_letters.find_changes(tf.gather_nd(source, tf.stack([rows, at], 1)), letters)
        elif how == DELETION:
            changed = of_letters.shorten(tf.gather(source, rows), at)
        else:
            changed = of_letters.mutate(tf.gather(source, rows), at, letters[:, 0])
        copies = letters.shape[1]
        at_rows = [values[value] for value in plan.at_rows]
        mutations = Mutations(plan, at_rows, rows, at, {self.value: changed}, copies)
        mutated = mutations.by_position(mutations.target())
        change = tf.cast(mutated, tf.float64) - tf.cast(tf.gather(target, rows), tf.float64)[:, None]
        change = tf.reshape(change, (rows.shape[0], copies, *method.target.shape[1:]))
        if weights.shape[0] > 1:
            weights = tf.gather(weights, rows)
        return sum_weighted(change, with_axis_of_references(weights, method.target.shape.rank))


def _run_mutations(plan, how, values, rows, at, letters, weights):
    return plan.run_mutations(how, values, rows, at, letters, weights)


def _count_different(tensors):
    """Count the rows without the repeats of the last row at the end."""
    arrays = [tensor.numpy() for tensor in tensors]
    number = len(arrays[0])
    while number > 1 and all(np.array_equal(array[number - 1], array[number - 2]) for array in arrays):
        number -= 1
    return number


def _even_size(number, most):
    """Return the size of the fewest pieces of about equal size, rounded so that few different sizes are compiled."""
    size = -(-number // max(1, -(-number // most)))
    unit = max(1, 2 ** (max(1, size).bit_length() - 4) if size >= 16 else 1)
    return min(-(-size // unit) * unit, most)
