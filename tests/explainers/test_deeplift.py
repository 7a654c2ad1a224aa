"""Numbers of DeepLiftExplainer, on networks small enough to compute by hand."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer

pytestmark = pytest.mark.optimized


def network(*layers, shape):
    return keras.Sequential([keras.Input(shape), *layers])


def dense(units, weights, bias=None, **options):
    """A dense layer with given weights."""
    layer = keras.layers.Dense(units, use_bias=bias is not None, **options)
    layer.build((None, len(weights)))
    layer.set_weights([np.array(weights, np.float32), *([] if bias is None else [np.array(bias, np.float32)])])
    return layer


def random_network(seed=0, outputs=3, activation="softmax"):
    keras.utils.set_random_seed(seed)
    return network(
        keras.layers.Dense(16, activation="relu", bias_initializer="normal"),
        keras.layers.Dense(outputs, activation=activation),
        shape=(5,),
    )


ROWS = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


def test_saturated_sum_by_hand():
    """f = 1 - relu(1 - x1 - x2), figure 1 of the paper: at (1, 1) the gradient is zero, contributions are 1/2."""
    model = network(dense(1, [[-1.0], [-1.0]], [1.0], activation="relu"), dense(1, [[-1.0]], [1.0]), shape=(2,))
    explainer = DeepLiftExplainer(model, reference="zeros").fit(np.ones((1, 2)))
    explanation = explainer.explain(np.ones((1, 2)), multipliers=True)
    np.testing.assert_allclose(explanation.contributions, [[0.5, 0.5]])
    np.testing.assert_allclose(explanation.multipliers, [[0.5, 0.5]])
    assert explanation.prediction == 1.0
    assert explanation.reference_value == 0.0
    assert explanation.convergence_delta == 0.0


def test_logit_is_explained_unless_asked_otherwise():
    """Weight 4 into a sigmoid, x = 1: the logit changes by 4, the probability by sigmoid(4) - 1/2."""
    model = network(dense(1, [[4.0]], activation="sigmoid"), shape=(1,))
    one = np.ones((1, 1))
    logit = DeepLiftExplainer(model, reference="zeros").fit(one).transform(one)
    probability = DeepLiftExplainer(model, reference="zeros", pre_activation=False).fit(one).transform(one)
    np.testing.assert_allclose(logit, [[4.0]])
    np.testing.assert_allclose(probability, [[1 / (1 + np.exp(-4)) - 0.5]], rtol=1e-6)


def test_targets_are_linear():
    explain = DeepLiftExplainer(random_network()).fit(ROWS).explain
    first, second = (explain(ROWS, target=index).contributions for index in (0, 2))
    both = explain(ROWS, target={0: 2.0, 2: -3.0})
    np.testing.assert_allclose(both.contributions, 2 * first - 3 * second, rtol=1e-4, atol=1e-5)
    assert both.target == {0: 2.0, 2: -3.0}


def test_predicted_target_is_each_rows_own_class():
    model = random_network()
    explainer = DeepLiftExplainer(model).fit(ROWS)
    automatic = explainer.explain(ROWS)
    classes = model.predict(ROWS, verbose=0).argmax(1)
    np.testing.assert_array_equal(automatic.target, classes)
    assert len(set(classes)) > 1
    of_rows = explainer.explain(ROWS, target=classes)
    np.testing.assert_array_equal(of_rows.contributions, automatic.contributions)
    for index in set(classes):
        alone = explainer.explain(ROWS, target=int(index)).contributions
        np.testing.assert_allclose(automatic.contributions[classes == index], alone[classes == index], atol=1e-6)


def test_references():
    model = random_network(outputs=1, activation="linear")
    points = {
        "zeros": np.zeros((1, 5)),
        "mean": ROWS.mean(0, keepdims=True),
        "median": np.median(ROWS, 0, keepdims=True),
    }
    for name, point in points.items():
        named = DeepLiftExplainer(model, reference=name).fit(ROWS).transform(ROWS)
        given = DeepLiftExplainer(model, reference=point).fit(ROWS).transform(ROWS)
        np.testing.assert_allclose(named, given, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(DeepLiftExplainer(model, reference=point[0]).fit(ROWS).transform(ROWS), given)
    means = DeepLiftExplainer(model, reference=ROWS[:3]).fit(ROWS).explain(ROWS)
    singles = [DeepLiftExplainer(model, reference=row).fit(ROWS).transform(ROWS) for row in ROWS[:3]]
    np.testing.assert_allclose(means.contributions, np.mean(singles, 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(means.standard_error, np.std(singles, 0, ddof=1) / np.sqrt(3), rtol=1e-3, atol=1e-6)
    of_rows = DeepLiftExplainer(model, reference=np.tile(ROWS[:3], (40, 1, 1))).fit(ROWS)
    np.testing.assert_allclose(of_rows.transform(ROWS), means.contributions, rtol=1e-5, atol=1e-6)


def test_sample_is_seeded_and_no_larger_than_asked():
    model = random_network()
    first, second, other = (
        DeepLiftExplainer(model, reference="sample", max_references=7, random_state=seed).fit(ROWS)
        for seed in (1, 1, 2)
    )
    assert first.references_.arrays[0].shape == (7, 5)
    np.testing.assert_array_equal(first.references_.arrays[0], second.references_.arrays[0])
    np.testing.assert_array_equal(first.transform(ROWS), second.transform(ROWS))
    assert not np.array_equal(first.references_.arrays[0], other.references_.arrays[0])


def test_rows_do_not_depend_on_their_batch():
    explainer = DeepLiftExplainer(random_network(), reference=ROWS[:3]).fit(ROWS)
    together = explainer.transform(ROWS[:9])
    alone = np.concatenate([explainer.transform(ROWS[[row]]) for row in range(9)])
    backwards = explainer.transform(ROWS[:9][::-1])[::-1]
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(backwards, together, rtol=1e-4, atol=1e-6)


def test_training_further_shows_without_a_new_trace():
    calls = []

    class Counted(keras.layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    model = network(Counted(), keras.layers.Dense(1), shape=(5,))
    calls.clear()
    explainer = DeepLiftExplainer(model, reference="zeros").fit(ROWS)
    assert len(calls) == 1
    for factor in (1.0, -2.0):
        model.set_weights([np.full((5, 1), factor), np.zeros(1)])
        np.testing.assert_allclose(explainer.transform(ROWS), factor * ROWS, rtol=1e-6)
    assert len(calls) == 1


@pytest.mark.slow
def test_two_networks_in_two_threads():
    explainers = [DeepLiftExplainer(random_network(seed), reference=ROWS[:4]).fit(ROWS) for seed in range(2)]
    expected = [explainer.transform(ROWS) for explainer in explainers]
    got = [[], []]

    def work(position):
        fresh = DeepLiftExplainer(random_network_of[position], reference=ROWS[:4])
        for _ in range(5):
            got[position].append(fresh.fit(ROWS).transform(ROWS))

    random_network_of = [explainer.estimator for explainer in explainers]
    threads = [threading.Thread(target=work, args=(position,)) for position in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for position in range(2):
        assert len(got[position]) == 5
        for contributions in got[position]:
            np.testing.assert_array_equal(contributions, expected[position])


def test_several_inputs_come_back_as_they_were_given():
    first, second = keras.Input((3,), name="first"), keras.Input((2, 2), name="second")
    joined = keras.layers.concatenate([first, keras.layers.Flatten()(second)])
    model = keras.Model([first, second], keras.layers.Dense(1)(keras.layers.Dense(6, activation="tanh")(joined)))
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(8, 3)), generator.normal(size=(8, 2, 2))
    as_list = DeepLiftExplainer(model).fit([a, b]).explain([a, b])
    as_dict = DeepLiftExplainer(model).fit({"second": b, "first": a}).explain({"first": a, "second": b})
    assert isinstance(as_list.contributions, list)
    assert set(as_dict.contributions) == {"first", "second"}
    np.testing.assert_array_equal(as_list.contributions[1], as_dict.contributions["second"])
    assert as_list.contributions[1].shape == (8, 2, 2)
    total = as_list.contributions[0].sum(1) + as_list.contributions[1].sum((1, 2))
    np.testing.assert_allclose(total, as_list.prediction - as_list.reference_value, atol=1e-6)


def test_float64_network_stays_in_float64():
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="float64"),
            keras.layers.Dense(9, activation="gelu", dtype="float64"),
            keras.layers.Dense(1, dtype="float64"),
        ]
    )
    explanation = DeepLiftExplainer(model).fit(ROWS).explain(ROWS.astype(np.float64))
    assert explanation.contributions.dtype == np.float64
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert np.abs(explanation.convergence_delta).max() <= 1e-13 * change


def test_model_and_tensorflow_are_left_alone():
    model = random_network()
    before = model.predict(ROWS, verbose=0)
    with pytest.raises(ValueError, match="out of range"):
        DeepLiftExplainer(model, target=9).fit(ROWS)
    DeepLiftExplainer(model).fit(ROWS)
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), before)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(ROWS, np.zeros(40), verbose=0).history["loss"]).all()


def minimum():
    """min(x1, x2) = x1 - relu(x1 - x2), figure 4 of the paper's appendix."""
    inputs = keras.Input((2,))
    hidden = dense(1, [[1.0], [-1.0]], activation="relu", name="hidden")(inputs)
    return keras.Model(inputs, dense(1, [[1.0], [0.0], [-1.0]])(keras.layers.Concatenate()([inputs, hidden])))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("rescale", [[0.0, 1.0]]),
        ("reveal_cancel", [[0.5, 0.5]]),
        ("genomics_default", [[0.5, 0.5]]),
        ({"hidden": "reveal_cancel"}, [[0.5, 0.5]]),
        # The multiplier -1 of relu passes on its kernel (1, -1): 3 - 3 and 1.
        ("pass_through", [[0.0, 1.0]]),
        # It is dropped: only x1 is left.
        ("guided_backprop_rescale", [[3.0, 0.0]]),
    ],
)
def test_rules_at_a_minimum_by_hand(rule, expected):
    """Row (3, 1) against zeros: relu gets the parts 3 and -1, of which the first becomes 5/2 and the other -1/2."""
    row = np.array([[3.0, 1.0]])
    explainer = DeepLiftExplainer(minimum(), rule=rule, reference="zeros").fit(row)
    np.testing.assert_allclose(explainer.transform(row), expected, atol=1e-6)


def test_rules_that_do_not_sum_to_delta_only_report_it():
    row = np.array([[3.0, 1.0]])
    explainer = DeepLiftExplainer(minimum(), rule="guided_backprop_rescale", reference="zeros", check="raise").fit(row)
    np.testing.assert_allclose(explainer.explain(row).convergence_delta, [1.0 - 3.0])


def test_hypothetical_contributions_by_hand():
    """Letters A and B at two positions, relu(2 A1 + B1 - B2): the sequence AB against one half everywhere.

    Both have 1, so that relu's slope is its derivative, 1. A letter makes its multiplier less the mean of both: at the
    first position (2, 1) - 3/2, at the second (0, -1) + 1/2.
    """
    model = network(keras.layers.Flatten(), dense(1, [[2.0], [1.0], [0.0], [-1.0]], activation="relu"), shape=(2, 2))
    row = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    explainer = DeepLiftExplainer(model, reference=np.full((2, 2), 0.5)).fit(row)
    explanation = explainer.explain(row, hypothetical=-1)
    np.testing.assert_allclose(explanation.hypothetical, [[[0.5, -0.5], [0.5, -0.5]]])
    # What is there contributes what it hypothetically would.
    np.testing.assert_allclose((explanation.hypothetical * row).sum(), explanation.contributions.sum(), atol=1e-6)


def test_hypothetical_contributions_are_means_over_references():
    keras.utils.set_random_seed(0)
    model = network(
        keras.layers.Conv1D(3, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(1), shape=(9, 4)
    )
    letters = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (8, 9))]
    X, references = letters[:3], letters[3:]
    explainer = DeepLiftExplainer(model, rule="reveal_cancel", reference=references).fit(X)
    together = explainer.explain(X, hypothetical=True)
    alone = [explainer.explain(X, reference=each, hypothetical=True).hypothetical for each in references]
    np.testing.assert_allclose(together.hypothetical, np.mean(alone, 0), atol=1e-5)
    explainer.set_params(target="all").fit(X)
    of_all = explainer.explain(X, hypothetical=True)
    np.testing.assert_allclose(of_all.hypothetical[..., 0], together.hypothetical, atol=1e-5)


def test_these_tests_run_as_users_do():
    """Most other tests leave out TensorFlow's optimizer of graphs."""
    assert not tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
