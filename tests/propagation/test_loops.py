import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.propagation.loops import AllSteps
from skdeeplift.propagation.pairing import Mode, Pairing, Purpose, identity
from skdeeplift.propagation.rulesets import RULES
from skdeeplift.propagation.stream_values import PassSettings, StreamValues
from tests.functions import assert_sums_to_change, explain_function, streams_of

GENERATOR = np.random.default_rng(0)


def over_time(step, x, *state):
    """Run ``state = step(x at this time, *state)`` over the first axis behind the batch."""
    steps = tf.TensorArray(x.dtype, x.shape[1]).unstack(tf.transpose(x, [1, 0, *range(2, x.shape.rank)]))

    def body(time, *state):
        return time + 1, *step(steps.read(time), *state)

    return tf.while_loop(lambda time, *_: time < x.shape[1], body, (0, *state))[1:]


def leaky_sum(x):
    """Half of what was kept and what comes in, cut off at zero."""
    [kept] = over_time(lambda now, kept: [tf.nn.relu(0.5 * kept + now)], x, tf.zeros_like(x[:, 0]))
    return kept[:, None]


@pytest.mark.parametrize(
    ("rule", "expected"), [("rescale", [0.875, -0.875, 3.5]), ("reveal_cancel", [0.6118421, -0.375, 3.2631579])]
)
def test_leaky_sum_by_hand(rule, expected):
    """The values of (4, -1, 3) and (-2, 1, -1) before the relu: 4, 1, 3.5 and -2, 1, -0.5.

    By rescale the slopes are 4 / 6, the derivative 1, and 3.5 / 4; a step back counts half. By RevealCancel the second
    step has the parts 2 and -2 at 1, of which 1.5 is left of each. The third has 4.75 and -0.75 at -0.5, which become
    (4.25 + 3.5) / 2 and (0 - 0.75) / 2.
    """
    [contributions], change = explain_function(leaky_sum, [[[4.0, -1.0, 3.0]]], [[[-2.0, 1.0, -1.0]]], rule=rule)
    np.testing.assert_allclose(contributions, [expected], rtol=1e-6)
    assert change.item() == 3.5


def test_product_by_hand():
    """3 * 5 - 1 * 2 = 13: the first factor changes by 2 beside 3.5, the second by 3 beside 2."""

    def product(x):
        return over_time(lambda now, kept: [kept * now], x, tf.ones_like(x[:, 0]))[0][:, None]

    [contributions], _ = explain_function(product, [[[3.0, 5.0]]], [[[1.0, 2.0]]])
    np.testing.assert_allclose(contributions, [[7.0, 6.0]])


def test_what_does_not_vary_and_is_not_a_counter_has_its_value_of_each_step():
    """1, 2 and 4 times what comes in, which stays positive: by hand, 1 * 3, 2 * 5 and 4 * 2 from zero."""

    def doubled(x):
        start = tf.zeros_like(x[:, 0]), tf.constant(1.0, x.dtype)
        return over_time(lambda now, kept, factor: [tf.nn.relu(kept + factor * now), 2 * factor], x, *start)[0][:, None]

    [contributions], _ = explain_function(doubled, [[[3.0, 5.0, 2.0]]], [[[0.0, 0.0, 0.0]]])
    np.testing.assert_allclose(contributions, [[3.0, 10.0, 8.0]], rtol=1e-12)


def with_what_stays(x):
    """A value that is the same in all steps varies with the input, and is read in each."""
    weights = tf.reduce_mean(x, 1)
    return over_time(lambda now, kept: [tf.tanh(kept * weights + now)], x, tf.zeros_like(x[:, 0]))[0]


def with_outputs_that_nobody_reads(x):
    def step(now, kept, unread, largest):
        return tf.tanh(kept + now), unread * now, tf.reduce_max(largest, 1, keepdims=True) + now

    return over_time(step, x, *[tf.zeros_like(x[:, 0])] * 3)[0]


def all_steps(x):
    """A list of all steps, and of all steps of another loop over it."""
    first = running_sums(x, tf.tanh)
    return running_sums(first, tf.sigmoid)


def running_sums(x, function):
    found = tf.TensorArray(x.dtype, x.shape[1])
    steps = tf.TensorArray(x.dtype, x.shape[1]).unstack(tf.transpose(x, [1, 0, 2]))

    def body(time, total, found):
        total = function(total + steps.read(time))
        return time + 1, total, found.write(time, total)

    _, _, found = tf.while_loop(lambda time, *_: time < x.shape[1], body, (0, tf.zeros_like(x[:, 0]), found))
    return tf.transpose(found.stack(), [1, 0, 2])


@tf.function
def nested(x):
    """Three steps, each of which is a loop over all of the input."""

    def body(time, kept):
        return time + 1, over_time(lambda now, inner: [tf.tanh(0.5 * inner + now * kept)], x, kept)[0]

    return tf.while_loop(lambda time, _: time < 3, body, (0, tf.ones_like(x[:, 0])))[1]


def from_the_last_step(x):
    """A loop that counts down to nothing."""
    return tf.while_loop(lambda left, _: left > 0, lambda left, h: (left - 1, tf.sin(h + x[:, 0])), (2, x[:, 1]))[1]


def with_steps_as_numbers(x):
    """Each step counts as much as its number says."""

    def body(time, kept):
        return time + 1, tf.nn.softplus(kept + tf.cast(time, x.dtype) * x[:, 0])

    return tf.while_loop(lambda time, _: time < 3, body, (0, x[:, 1]))[1]


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "function",
    [
        with_what_stays,
        with_outputs_that_nobody_reads,
        all_steps,
        nested,
        from_the_last_step,
        with_steps_as_numbers,
    ],
)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_sums_to_the_change_exactly(function, rule):
    rows, references = GENERATOR.normal(size=(4, 3, 2)), GENERATOR.normal(size=(8, 3, 2))
    assert_sums_to_change(function, [rows], [references[:2]], rule=rule)
    if rule == "rescale":
        for mode in (Mode.PER_ROW, Mode.PAIR_SIZE):
            assert_sums_to_change(function, [rows], [references], mode=mode)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_lists_of_steps_where_the_rows_are_lost_sight_of(rule):
    """Only the run shows that the rows come back in order, and how long a step's rows are."""

    def function(x):
        return all_steps(tf.reverse(tf.reverse(x, [0]), [0]))

    assert streams_of(function, (3, 2)).needs_pair_size
    rows, references = GENERATOR.normal(size=(2, 4, 3, 2))
    assert_sums_to_change(function, [rows], [references], rule=rule, mode=Mode.PAIR_SIZE)
    expected, _ = explain_function(all_steps, [rows], [references], rule=rule, mode=Mode.PER_ROW)
    got, _ = explain_function(function, [rows], [references], rule=rule, mode=Mode.PAIR_SIZE)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.slow
def test_rescale_is_the_gradient_between_neighbours():
    x = GENERATOR.normal(size=(1, 3, 2))
    with tf.GradientTape() as tape:
        tape.watch(point := tf.constant(x))
        value = tf.reduce_sum(nested(point))
    [contributions], _ = explain_function(nested, [x + 1e-5], [x - 1e-5])
    np.testing.assert_allclose(contributions / 2e-5, tape.gradient(value, point), rtol=1e-6)


def test_differences_flow_forward_too():
    rows, references = GENERATOR.normal(size=(2, 4, 3, 2))
    assert streams_of(all_steps, (3, 2)).first_departure([rows], [references], 1e-11) is None
    # Lists are known at both ends too, but have no difference that is subtracted.
    streams = streams_of(all_steps, (3, 2), rule_set=RULES["reveal_cancel"])
    assert streams.first_departure([rows], [references], 1e-11) is None


def test_number_of_steps_that_the_input_tells():
    def function(x):
        return tf.while_loop(lambda h: tf.reduce_sum(h) < 9.0, lambda h: [2.0 * h + 1.0], [x])[0]

    with pytest.raises(
        UnsupportedOpError, match=r"The number of iterations of the op 'StatelessWhile' .* depends on the values"
    ):
        streams_of(function, (3,), dtype=tf.float32)


def sum_of_looked_up(tokens, table, ids=lambda each: each):
    """Look tokens up one after the other."""

    def step(number, kept):
        return number + 1, tf.tanh(kept + tf.gather(table, ids(tokens[:, number])))

    start = 0, tf.zeros((tf.shape(tokens)[0], 2), tf.float64)
    return tf.while_loop(lambda number, _: number < 3, step, start)[1]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_integers_that_are_looked_up_in_a_loop(rule):
    table = tf.constant(GENERATOR.normal(size=(5, 2)))
    inputs = keras.Input((3,), dtype="int32")
    found = keras.layers.Lambda(lambda tokens: sum_of_looked_up(tokens, table), output_shape=(2,))(inputs)
    X = GENERATOR.integers(0, 5, (6, 3))
    explainer = DeepLiftExplainer(keras.Model(inputs, found), target=0, rule=rule, reference=X[:2], check="raise")
    explanation = explainer.fit(X).explain(X)
    np.testing.assert_allclose(explanation.convergence_delta, np.zeros(6), atol=1e-10)


def test_strings_that_are_looked_up_in_a_loop():
    table = tf.constant(GENERATOR.normal(size=(5, 2)))

    def function(tokens):
        return sum_of_looked_up(tf.as_string(tokens), table, lambda each: tf.strings.to_hash_bucket_fast(each, 5))

    with pytest.raises(UnsupportedOpError, match="looked up inside of"):
        streams_of(function, (3,), dtype=tf.int32)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_numbers_that_are_looked_up_at_computed_places_in_a_loop(rule):
    table = tf.constant(GENERATOR.normal(size=(5, 2)))

    def function(x):
        def step(now, kept):
            found = tf.gather(table, tf.cast(tf.math.floor(now[:, 0]), tf.int32))
            return [tf.tanh(kept + found) + tf.gather(found, tf.argmax(now[:, :2], 1), batch_dims=1)[:, None]]

        return over_time(step, x, tf.zeros_like(x[:, 0, :2]))[0]

    rows, references = GENERATOR.uniform(0, 5, (4, 3, 2)), GENERATOR.uniform(0, 5, (2, 3, 2))
    assert_sums_to_change(function, [rows], [references], rule=rule)


STEPS = 3


def mean_and_change(spread, x, r):
    return (x + r) / 2, spread * (tf.tanh(x) - r)


@pytest.mark.parametrize(
    ("pairing", "n_rows", "n_references"),
    [
        (Pairing(Mode.SHARED, 4, 1), 4, 1),
        (Pairing(Mode.SHARED, 4, 2, targets=3), 4, 2),
        (Pairing(Mode.PER_ROW, 4, 2), 4, 8),
        (Pairing(Mode.PER_ROW, 4, 1, targets=2), 4, 4),
        (Pairing(Mode.PAIR_SIZE, 2, 2), 4, 4),
    ],
    ids=str,
)
@pytest.mark.parametrize("fold", [1, 5])
@pytest.mark.parametrize("known", [True, False], ids=["steps known", "steps unknown"])
def test_each_step_has_its_own(pairing, n_rows, n_references, fold, known):
    streams = streams_of(tf.tanh, (2,))
    [value], generator = streams.graph.inputs, np.random.default_rng(0)
    numbers = n_rows, n_references, pairing.pairs
    x, r, spread = (generator.normal(size=(STEPS, number * fold, 2)) for number in numbers)

    @tf.function(autograph=False)
    def of_steps(*tensors):
        if not known:
            shapes = [[None, *tensor.shape[1:]] for tensor in tensors]
            tensors = map(tf.compat.v1.placeholder_with_default, tensors, shapes)
        x, r, spread = tensors
        around = StreamValues(PassSettings(pairing, Purpose.GRADIENT, {}), {value: x}, {value: r}, {value: spread})
        all_steps = AllSteps(around, [value])

        def of_all(streams):
            known = streams.at_input, streams.at_reference, streams.spreads
            return streams.pairing.combine(mean_and_change, *([each[value]] for each in known))

        def one_step(number, *results):
            taken = [pairing.combine(identity, at_pairs=[each]) for each in all_steps.at_step(number, of_all)]
            return number + 1, *(array.write(number, each) for array, each in zip(results, taken, strict=True))

        arrays = [tf.TensorArray(tf.float64, STEPS) for _ in range(2)]
        return [array.stack() for array in tf.while_loop(lambda number, *_: number < STEPS, one_step, (0, *arrays))[1:]]

    at_once = of_steps(*map(tf.constant, (x, r, spread)))
    for number in range(STEPS):
        apart = pairing.combine(mean_and_change, *([each[number]] for each in (x, r, spread)))
        for all_steps, one_step in zip(at_once, apart, strict=True):
            np.testing.assert_array_equal(all_steps[number], one_step)


def test_what_only_the_reference_tells_belongs_to_all_rows():
    streams, pairing = streams_of(tf.tanh, (1,)), Pairing(Mode.SHARED, 2, 3)
    [value] = streams.graph.inputs

    @tf.function(autograph=False)
    def at_second_step():
        x, r = tf.zeros((2, 2, 1)), tf.reshape(tf.range(6.0), (2, 3, 1))
        around = StreamValues(PassSettings(pairing, Purpose.GRADIENT, {}), {value: x}, {value: r}, {})
        return AllSteps(around, [value]).at_step(1, lambda streams: [2 * streams.at_reference[value]])

    np.testing.assert_array_equal(at_second_step()[0], [[6], [8], [10]] * 2)


def test_a_state_of_zeros_in_the_shape_of_what_is_only_looked_up():
    """The difference of such numbers starts at the lookup; of the numbers themselves only the shape is read."""
    table = tf.constant(np.random.default_rng(0).normal(size=(8, 2)))

    def function(x):
        found = tf.gather(table, tf.cast(tf.math.floormod(tf.floor(x), 8.0), tf.int32))

        def body(time, state):
            return time + 1, tf.tanh(state + found[:, time])

        return tf.while_loop(lambda time, _: time < 3, body, (0, tf.zeros_like(x[:, :2])))[1]

    graph_inputs = np.array([[1.0, 5.0, 2.0], [0.0, 3.0, 7.0]])
    streams = streams_of(function, (3,))
    values = [streams.forward([tf.constant(rows)])[0].numpy() for rows in (graph_inputs, 0 * graph_inputs)]
    assert streams.first_departure([graph_inputs], [0 * graph_inputs], 1e-9) is None
    assert not np.allclose(*values)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_the_loss_of_connectionist_temporal_classification(rule):
    """TensorFlow's loops for it are of functions of TensorFlow 1, and write into empty tensors."""

    def loss(logits, labels, lengths):
        in_time, number = tf.transpose(logits, [1, 0, 2]), tf.fill([tf.shape(logits)[0]], 6)
        return tf.nn.ctc_loss(labels, in_time, lengths[:, 0], number, blank_index=0)[:, None]

    rows = [
        GENERATOR.normal(size=(4, 6, 4)).astype(np.float32),
        np.array([[1, 2, 1], [1, 1, 0], [3, 2, 2], [2, 0, 0]], np.int32),
        np.array([[3], [2], [3], [1]], np.int32),
    ]
    specs = [tf.TensorSpec((None, 6, 4)), *[tf.TensorSpec((None, n), tf.int32) for n in (3, 1)]]
    reference = [GENERATOR.normal(size=(2, 6, 4)), "held", "held"]
    network = tf.function(loss, input_signature=specs)
    explainer = DeepLiftExplainer(network, reference=reference, rule=rule, check="raise").fit(rows)
    explanation = explainer.explain(rows)
    np.testing.assert_allclose(explanation.prediction, network(*rows).numpy()[:, 0], rtol=1e-5)
    if rule == "rescale":
        assert np.abs(explanation.convergence_delta).max() < 1e-5
