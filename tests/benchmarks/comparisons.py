"""What benchmarks compare an explanation with: plain gradients and predictions, loops, and other settings."""

import numpy as np

from tests.benchmarks.measure import first_calls, interleaved
from tests.benchmarks.networks import SMALL, application, dense, images


def deeplift(network, **parameters):
    from skdeeplift import DeepLiftExplainer

    return DeepLiftExplainer(network, **{"check": "raise", "random_state": 0, **parameters})


def by_two_rules(network, X, **parameters):
    ours, other = (
        deeplift(network, rule=rule, reference="zeros", target=3, **parameters).fit(X)
        for rule in ("reveal_cancel", "rescale")
    )
    return interleaved(lambda: ours.transform(X), lambda: other.transform(X))


def all_targets_at_once(rule):
    X = np.random.default_rng(0).normal(size=(200, 200)).astype("float32")
    network = dense(200, 256, 128, 100)
    together, alone = (deeplift(network, rule=rule, reference="zeros", target=target).fit(X) for target in ("all", 0))
    return interleaved(lambda: together.explain(X), lambda: [alone.explain(X, target=target) for target in range(100)])


def against_prediction(network, explained, X, n_windows, batch_size, **parameters):
    """Time occlusion, and the plain network on as many rows as there are windows, in batches that it is fast with."""
    import tensorflow as tf

    from skdeeplift import OcclusionExplainer

    explainer = OcclusionExplainer(network, max_samples=1, **parameters).fit(X)
    explained = explained(network)
    predict = tf.function(lambda rows: explained(rows, training=False))
    rows = tf.constant(np.resize(X, (batch_size, *X.shape[1:])))
    number, rest = divmod(len(X) * n_windows, batch_size)
    batches = [rows] * number + [rows[:rest]] * bool(rest)
    return interleaved(lambda: explainer.transform(X), lambda: [predict(batch).numpy() for batch in batches])


def against_loop_over_mutants(network, rows, positions, column, **parameters):
    """Time mutagenesis of some positions, and predictions of all mutants of each row by Keras."""
    from skdeeplift import MutagenesisExplainer

    explainer = MutagenesisExplainer(network, positions=positions, **parameters).fit(rows)
    places = np.array(positions)

    def loop():
        changes = np.zeros((len(rows), len(places), 4))
        for number, row in enumerate(rows):
            at, letters = np.nonzero(row[places] == 0)
            mutants = np.repeat(row[None], len(at) + 1, 0)
            mutants[np.arange(len(at)), places[at]] = np.eye(4)[letters]
            outputs = column(network.predict(mutants, batch_size=64, verbose=0))
            changes[number, at, letters] = outputs[:-1] - outputs[-1]
        return changes

    # Differences of outputs have the outputs' rounding.
    largest = max(1, np.abs(column(network.predict(rows, verbose=0))).max())
    np.testing.assert_allclose(explainer.transform(rows)[:, places], loop(), rtol=0, atol=1e-5 * largest)
    return interleaved(lambda: explainer.transform(rows), loop)


def plain_gradient(network, target):
    import tensorflow as tf

    @tf.function
    def gradient(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            output = network(rows, training=False)[:, target]
        return tape.gradient(output, rows)

    return gradient


def against_loop_over_steps(network, X, target=3, n_steps=50):
    import tensorflow as tf

    from skdeeplift import IntegratedGradientsExplainer

    explainer = IntegratedGradientsExplainer(
        network, reference="zeros", target=target, n_steps=n_steps, method="midpoint", check="ignore", max_samples=1
    ).fit(X)

    @tf.function
    def loop(rows):
        total = tf.zeros_like(rows)
        for step in tf.range(n_steps):
            points = (tf.cast(step, rows.dtype) + 0.5) / n_steps * rows
            with tf.GradientTape() as tape:
                tape.watch(points)
                output = network(points, training=False)[:, target]
            total += tape.gradient(output, points)
        return total / n_steps * rows

    rows = tf.constant(X)
    expected = loop(rows).numpy()
    # Where a step comes near to a kink, rounding decides on which side it lies.
    assert np.abs(explainer.transform(X) - expected).mean() < 1e-5 * np.abs(expected).max()
    return interleaved(lambda: explainer.transform(X), lambda: loop(rows).numpy())


def against_gradient(network, X):
    import tensorflow as tf

    explainer = deeplift(network).fit(X)
    gradient, rows = plain_gradient(network, 0), tf.constant(X)
    return interleaved(lambda: explainer.transform(X), lambda: gradient(rows).numpy())


def against_one_by_hand(network, X, reference):
    """Time DeepLIFT, and what a program for these three dense layers alone can not do without."""
    import tensorflow as tf
    from sklearn.utils import check_array

    explainer = deeplift(network, reference=reference, check="ignore").fit(X)
    (first, of_first), (second, of_second), (last, _) = (
        (layer.kernel.value, layer.bias.value) for layer in network.layers
    )
    reference = tf.constant(reference)

    def forward(rows):
        before_first = tf.matmul(rows, first) + of_first
        after_first = tf.nn.relu(before_first)
        before_second = tf.matmul(after_first, second) + of_second
        return before_first, after_first, before_second, tf.nn.relu(before_second)

    @tf.function(jit_compile=True)
    def times_difference(multipliers, rows):
        return multipliers * (rows - reference)

    @tf.function
    def contributions(rows):
        u, y, v, z = (at - at_reference for at, at_reference in zip(forward(rows), forward(reference), strict=True))
        multipliers = tf.transpose(last[:, :1]) * tf.math.divide_no_nan(z, v)
        multipliers = tf.matmul(multipliers, second, transpose_b=True) * tf.math.divide_no_nan(y, u)
        return times_difference(tf.matmul(multipliers, first, transpose_b=True), rows)

    def by_hand():
        return contributions(tf.constant(check_array(X, dtype=np.float32))).numpy()

    expected = by_hand()
    # Where a difference nearly vanishes, rounding decides about its slope.
    assert np.abs(explainer.transform(X) - expected).mean() < 1e-5 * np.abs(expected).max()
    return interleaved(lambda: explainer.transform(X), by_hand)


def first_explanation(network, X, target=3):
    explainer = deeplift(network, target=target)
    return lambda: explainer.fit(X).transform(X)


def first_gradient(network, X, target=3):
    import tensorflow as tf

    rows = tf.constant(X)
    return lambda: plain_gradient(network, target)(rows).numpy()


def first_calls_of(name):
    X = images(16, SMALL)
    return first_calls(
        lambda: first_explanation(application(name), X),
        lambda: first_gradient(application(name), X),
        rounds=3,
    )


def calls_of(name):
    import tensorflow as tf

    X, network = images(16, SMALL), application(name)
    # Untrained, its logits hardly depend on the rows, and differ by little more than rounding.
    explainer = deeplift(network, target=3, check="ignore").fit(X)
    gradient, rows = plain_gradient(network, 3), tf.constant(X)
    return interleaved(lambda: explainer.transform(X), lambda: gradient(rows).numpy())


def mlp_with_references():
    random = np.random.default_rng(0)
    X, references = (random.normal(size=(number, 2000)).astype("float32") for number in (200, 100))
    return dense(2000, 256, 128, 1), X, references
