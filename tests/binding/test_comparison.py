"""References of explainers: learned in fit, or given with the rows of a call."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdeeplift import DeepLiftExplainer
from skdeeplift.binding.comparison import references_of_rows
from skdeeplift.references import (
    BackgroundFrequency,
    Blur,
    Constant,
    DinucleotideShuffle,
    Held,
    NearestOther,
    Permuted,
    Reference,
    Shuffle,
    TrainingSample,
)
from tests.binding.networks import (
    ROWS,
    SEQUENCES,
    TOKENS,
    linear_network,
    sequence_network,
    table_network,
)


def token_network():
    keras.utils.set_random_seed(2)
    embedding = keras.layers.Embedding(10, 3)
    return keras.Sequential(
        [keras.Input((6,), dtype="int32"), embedding, keras.layers.Flatten(), keras.layers.Dense(1)]
    )


@pytest.fixture(scope="module")
def network():
    return sequence_network()


# The shorthand, the object it stands for, whether it is made of the row, and the kind of rows that it takes.
CHOICES = {
    "mean": (Constant("mean"), False, "table"),
    "median": (Constant("median"), False, "table"),
    "zeros": (Constant("zeros"), False, "table"),
    "minimum": (Constant("minimum"), False, "table"),
    "sample": (TrainingSample(), False, "table"),
    "kmeans": (TrainingSample("kmeans"), False, "table"),
    "permuted": (Permuted(), False, "table"),
    "nearest_other": (NearestOther(), True, "table"),
    "blur": (Blur(), True, "sequences"),
    "shuffle": (Shuffle(), True, "sequences"),
    "dinucleotide_shuffle": (DinucleotideShuffle(), True, "sequences"),
    "background_frequency": (BackgroundFrequency(), False, "sequences"),
}


MORE_OF_THE_SAME = {"median", "zeros", "minimum", "permuted", "shuffle"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in MORE_OF_THE_SAME else []) for name in CHOICES],
)
def test_names_are_shorthands_of_objects(name):
    reference, per_row, kind = CHOICES[name]
    rows, model = (ROWS, table_network()) if kind == "table" else (SEQUENCES, sequence_network())
    by_name, by_object = (
        DeepLiftExplainer(model, reference=each, max_references=5, random_state=3, check="raise").fit(rows)
        for each in (name, reference)
    )
    explanation = by_name.explain(rows)
    np.testing.assert_array_equal(explanation.contributions, by_object.explain(rows).contributions)
    assert by_name.references_.per_row is per_row
    # The same of any row alone, and of any other number of rows than in fit.
    alone = by_name.explain(rows[[4]])
    np.testing.assert_allclose(alone.contributions[0], explanation.contributions[4], rtol=1e-5, atol=1e-6)
    assert set(explanation.n_references) == {len(by_name.references_.weights)}
    copied = pickle.loads(pickle.dumps(by_name))
    np.testing.assert_allclose(copied.transform(rows), explanation.contributions, rtol=1e-5, atol=1e-6)
    assert repr(reference) in repr(clone(by_object))
    assert clone(by_object).reference is not reference


@pytest.mark.sampled(3)
@pytest.mark.parametrize("batch_size", ["auto", 1, 7, 40])
def test_references_that_are_made_of_rows_equal_the_same_as_arrays(network, batch_size):
    shuffle = DinucleotideShuffle().fit(SEQUENCES)
    explainer = DeepLiftExplainer(network, reference="zeros", max_references=9, random_state=0, batch_size=batch_size)
    explainer.fit(SEQUENCES)
    made = explainer.explain(SEQUENCES, reference=shuffle)
    seed = explainer.explain(SEQUENCES, reference="dinucleotide_shuffle")
    np.testing.assert_array_equal(made.contributions, seed.contributions)
    references = explainer.bound_.learn_references(explainer, shuffle, [SEQUENCES], learning=False)
    [array] = references.of_rows([SEQUENCES], 0, 12)(0, 9)
    given = explainer.explain(SEQUENCES, reference=array)
    for key in ("contributions", "standard_error", "reference_value", "reference_spread"):
        np.testing.assert_allclose(made[key], given[key], rtol=1e-4, atol=1e-6)


def test_only_a_chunk_of_references_is_made_at_once(network, monkeypatch):
    sizes = []
    sample_range = DinucleotideShuffle.sample_range

    def counted(self, X, start, stop, seed):
        sizes.append(len(X) * (stop - start))
        return sample_range(self, X, start, stop, seed)

    monkeypatch.setattr(DinucleotideShuffle, "sample_range", counted)
    explainer = DeepLiftExplainer(network, reference="dinucleotide_shuffle", max_references=50, batch_size=40)
    explainer.fit(SEQUENCES[:2])
    sizes.clear()
    explainer.transform(SEQUENCES)
    assert max(sizes) <= 40
    assert sum(sizes) == 12 * 50


def test_nearest_row_of_another_class():
    """A network that is the sum of the features: rows of the other sign are of the other class."""
    rows = np.array([[1.0, 1.0], [5.0, 1.0], [-1.0, -2.0], [-9.0, 0.0]])
    explainer = DeepLiftExplainer(linear_network(2), reference="nearest_other").fit(rows)
    explanation = explainer.explain(rows[:3])
    np.testing.assert_allclose(explanation.contributions, [[2, 3], [6, 3], [-2, -3]], rtol=1e-6)
    np.testing.assert_allclose(explanation.reference_value, [-3, -3, 2], rtol=1e-6)
    np.testing.assert_allclose(explainer.transform([[-4.0, 0.0], [9.0, 9.0]]), [[-5, -1], [10, 11]], rtol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("outputs", "activation"), [(3, "softmax"), (1, "sigmoid"), (2, "sigmoid")])
@pytest.mark.parametrize("pre_activation", [True, False])
def test_classes_are_those_that_the_network_predicts(outputs, activation, pre_activation):
    model = table_network(outputs, activation)
    probabilities = model.predict(ROWS, verbose=0)
    classes = probabilities.argmax(1) if outputs > 1 else (probabilities[:, 0] > 0.5).astype(int)
    explainer = DeepLiftExplainer(
        model, reference=NearestOther(), target=0, pre_activation=pre_activation, check="ignore"
    ).fit(ROWS)
    nearest = explainer.references_.source.makers[0][0].chooser
    np.testing.assert_array_equal(nearest.classes_of_rows_, classes)
    expected = nearest.sample(ROWS, 1, y=classes)
    for target in (0, lambda output: output[:, 0] * 2):
        explanation = explainer.explain(ROWS, target=target)
        by_array = explainer.explain(ROWS, target=target, reference=expected)
        np.testing.assert_allclose(explanation.contributions, by_array.contributions, rtol=1e-5, atol=1e-6)


def test_all_rows_of_one_class():
    with pytest.raises(ValueError, match="1 training rows of another class, and for some rows there are only 0"):
        DeepLiftExplainer(linear_network(4), reference="nearest_other").fit(np.abs(ROWS))


def test_clusters_count_by_their_size():
    """The network sums the features, so that the mean over clusters of 3 rows and of 1 is that over all four rows."""
    rows = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [8.0, 4.0]])
    explainer = DeepLiftExplainer(linear_network(2), reference="kmeans", max_references=2, random_state=0).fit(rows)
    np.testing.assert_allclose(explainer.references_.weights, [0.75, 0.25])
    explanation = explainer.explain([[1.0, 1.0]])
    np.testing.assert_allclose(explanation.contributions, [[-1, 0]], atol=1e-6)
    np.testing.assert_allclose(explanation.reference_value, [3], rtol=1e-6)
    # Variances of 8 and 4, each with probability 1/4, times the sum of squared weights, over one less that sum.
    np.testing.assert_allclose(explanation.standard_error, [[np.sqrt(12 / 0.6), np.sqrt(3 / 0.6)]], rtol=1e-6)
    np.testing.assert_allclose(explanation.reference_spread, [12 * np.sqrt(3) / 4], rtol=1e-6)


def test_standard_error_is_not_known_where_one_reference_counts():
    explainer = DeepLiftExplainer(linear_network(2), reference=np.zeros((2, 2))).fit(np.ones((3, 2)))
    references = explainer.references_._replace(weights=np.array([1.0, 0.0]))
    explanation = explainer.explain(np.ones((3, 2)), reference=references)
    assert np.isnan(explanation.standard_error).all()
    np.testing.assert_allclose(explanation.contributions, 1)


def two_inputs():
    keras.utils.set_random_seed(0)
    first, second = keras.Input((30, 4), name="first"), keras.Input((4,), name="second")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(3, 3, activation="relu")(first))
    return keras.Model([first, second], keras.layers.Dense(1)(keras.layers.Concatenate()([hidden, second])))


@pytest.mark.slow
def test_one_reference_for_each_input():
    X = {"first": SEQUENCES, "second": ROWS[:12]}
    reference = {"first": DinucleotideShuffle(), "second": "mean"}
    explainer = DeepLiftExplainer(two_inputs(), reference=reference, max_references=6, check="raise").fit(X)
    explanation = explainer.explain(X)
    weights = explainer.network_.model.get_weights()[2][3:, 0]
    expected = (ROWS[:12] - ROWS[:12].mean(0)) * weights
    np.testing.assert_allclose(explanation.contributions["second"], expected, rtol=1e-4, atol=1e-6)
    assert set(explanation.n_references) == {6}
    mixed = DeepLiftExplainer(
        two_inputs(), reference=[Shuffle(), TrainingSample()], max_references=20, check="raise"
    ).fit(X)
    # Of the second input there are twelve rows.
    assert set(mixed.explain(X).n_references) == {12}
    arrays = DeepLiftExplainer(two_inputs(), reference=[np.zeros((30, 4)), "sample"], max_references=5).fit(X)
    assert [array.shape for array in arrays.references_.arrays] == [(5, 30, 4), (5, 4)]


@pytest.mark.parametrize("reference", ["sample", "kmeans", "nearest_other"])
def test_the_same_training_rows_of_all_inputs(reference):
    """The second input says how often the first letter is in the first, by which the network judges."""
    first, second = keras.Input((30, 4), name="first"), keras.Input((4,), name="second")
    summed = keras.layers.Dense(1, use_bias=False)(keras.layers.Concatenate()([keras.layers.Flatten()(first), second]))
    model = keras.Model([first, second], summed)
    model.set_weights([np.array([0.0] * 120 + [1.0] * 4)[:, None]])
    counts = SEQUENCES[:, :, 0].sum(1)
    X = [SEQUENCES, np.repeat((counts - np.median(counts) + 0.5)[:, None], 4, 1)]
    explainer = DeepLiftExplainer(model, reference=reference, max_references=4, random_state=0).fit(X)
    references = references_of_rows(explainer, explainer.bound_, X)
    first, second = references.of_rows(X, 0, 12)(0, len(references.weights))
    np.testing.assert_allclose(second[..., 0], first[..., 0].sum(-1) - np.median(counts) + 0.5)
    if reference == "nearest_other":
        assert ((second[:, 0, 0] > 0) != (X[1][:, 0] > 0)).all()


def test_functions_make_references_of_the_rows(network):
    def repeated(X, random_state):
        assert isinstance(random_state, np.random.RandomState)
        return np.stack([np.zeros_like(X), X / 2], 1)

    explainer = DeepLiftExplainer(network, reference=repeated, check="raise").fit(SEQUENCES)
    expected = explainer.explain(SEQUENCES, reference=repeated(SEQUENCES, np.random.RandomState(0)))
    np.testing.assert_allclose(explainer.transform(SEQUENCES), expected.contributions, rtol=1e-5, atol=1e-7)

    def noise(X, random_state):
        return random_state.normal(size=(len(X), 3, *X.shape[1:]))

    explainer = DeepLiftExplainer(network, reference=noise, random_state=0).fit(SEQUENCES)
    np.testing.assert_array_equal(explainer.transform(SEQUENCES), explainer.transform(SEQUENCES))


def test_functions_of_several_inputs():
    X = [SEQUENCES, ROWS[:12]]
    explainer = DeepLiftExplainer(two_inputs(), reference=lambda X, _: [array[:, None] / 2 for array in X]).fit(X)
    expected = explainer.explain(X, reference=[array[:, None] / 2 for array in X])
    for got, each in zip(explainer.transform(X), expected.contributions, strict=True):
        np.testing.assert_allclose(got, each, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"a list of 2 arrays\. Got one ndarray"):
        explainer.explain(X, reference=lambda X, _: X[0])


class Halves(Reference):
    """A user's own."""

    per_row = True
    learns = False

    def fit(self, X, y=None):
        return self

    def sample(self, X, n_references, random_state=None):
        return np.stack([X / 2, X / 4, X / 8], 1)[:, :n_references]


def test_objects_of_the_users_own(network):
    explainer = DeepLiftExplainer(network, reference=Halves(), max_references=2, batch_size=1).fit(SEQUENCES)
    expected = explainer.explain(SEQUENCES, reference=np.stack([SEQUENCES / 2, SEQUENCES / 4], 1)).contributions
    np.testing.assert_allclose(explainer.transform(SEQUENCES), expected, rtol=1e-5, atol=1e-7)


def after_some_rows(X, random_state):
    """Right for a single row only."""
    return np.zeros((len(X), 2 if len(X) == 1 else 3, *X.shape[1:]))


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            lambda X, random_state: X,
            r"an array of shape \(1, 30, 4\) for rows of shape \(1, 30, 4\)\. Expected \(1, n_ref",
        ),
        (lambda X, random_state: X[:, None, :, :2], r"Expected \(\d+, 1, 30, 4\)"),
        (lambda X, random_state: X[:0, None], r"Expected \(1, n_references, 30, 4\)"),
        (lambda X, random_state: np.full((len(X), 2, 30, 4), np.nan), "returns NaN or infinity"),
        (lambda X, random_state: "none", r"shape \(\)"),
        (after_some_rows, r"shape \(\d+, 3, 30, 4\) .* Expected \(\d+, 2, 30, 4\)"),
    ],
)
def test_functions_that_return_something_else(network, reference, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(network, reference=reference).fit(SEQUENCES).transform(SEQUENCES)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"reference": "dinucleotide_shuffle"}, "DinucleotideShuffle takes one-hot letters, integer tokens"),
        ({"reference": "background_frequency"}, "BackgroundFrequency takes one-hot letters"),
        ({"reference": "blur"}, "columns have no neighbours"),
        ({"reference": TrainingSample("kmeans", n_clusters=31)}, "more clusters than the 30 different rows"),
        ({"reference": "kmeans", "max_references": "auto"}, "but clusters are not random"),
        ({"reference": [Constant(), Constant()]}, "no array of numbers|one array|takes"),
        ({"reference_tol": 0}, "'reference_tol' parameter"),
        ({"max_references": "some"}, "'max_references' parameter"),
    ],
)
def test_bad_references(parameters, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(table_network(), **parameters).fit(ROWS)


def test_references_of_several_inputs_that_do_not_go_together():
    X = [SEQUENCES, ROWS[:12]]
    for reference, message in (
        ([TrainingSample("kmeans", n_clusters=3), TrainingSample("kmeans", n_clusters=4)], "same number of references"),
        (["held", Held()], "Pass another reference for one input at least"),
        ([np.zeros((30, 4)), "unknown"], "reference= takes 'mean'"),
    ):
        with pytest.raises(ValueError, match=message):
            DeepLiftExplainer(two_inputs(), reference=reference).fit(X)


def test_tokens_have_tokens_as_references():
    model = token_network()
    explainer = DeepLiftExplainer(model, reference=Constant(9), check="raise").fit(TOKENS)
    expected = explainer.explain(TOKENS, reference=np.full(6, 9)).contributions
    np.testing.assert_array_equal(explainer.transform(TOKENS), expected)
    np.testing.assert_array_equal(DeepLiftExplainer(model, reference=9).fit(TOKENS).transform(TOKENS), expected)
    shuffled = DeepLiftExplainer(model, reference=Shuffle(padding=0), max_references=4, check="raise").fit(TOKENS)
    assert shuffled.transform(TOKENS).shape == TOKENS.shape
    with pytest.raises(ValueError, match=r"reference= for X holds the id 10, .* table of 10 rows"):
        DeepLiftExplainer(model, reference=Constant(10)).fit(TOKENS)
    with pytest.raises(ValueError, match="reference= for X holds the id 11"):
        DeepLiftExplainer(model, reference=lambda X, _: np.full((len(X), 1, 6), 11)).fit(TOKENS).transform(TOKENS)
    with pytest.raises(ValueError, match=r"holds 0\.5, but the network takes int32"):
        DeepLiftExplainer(model, reference=lambda X, _: np.full((len(X), 1, 6), 0.5)).fit(TOKENS).transform(TOKENS)


def test_objects_at_explain(network):
    explainer = DeepLiftExplainer(network, reference="zeros", max_references=3).fit(SEQUENCES)
    with pytest.raises(NotFittedError):
        explainer.explain(SEQUENCES, reference=Constant("mean"))
    mean = explainer.explain(SEQUENCES[:2], reference=Constant("mean").fit(SEQUENCES)).contributions
    expected = explainer.explain(SEQUENCES[:2], reference=SEQUENCES.mean(0)).contributions
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-7)
    with pytest.raises(
        ValueError, match=r"'sample' learns from training rows.*'zeros', 'blur', 'shuffle', 'dinucleotide_shuffle'"
    ):
        explainer.explain(SEQUENCES, reference="sample")


def test_per_row_references_at_explain(fitted):
    references = np.random.default_rng(1).normal(size=(30, 3, 4)).astype(np.float32)
    together = fitted.explain(ROWS, reference=references)
    single = fitted.explain(ROWS[[7]], reference=references[[7]])
    np.testing.assert_allclose(together.contributions[[7]], single.contributions, rtol=1e-5, atol=1e-6)
    zeros = fitted.explain(ROWS, reference="zeros")
    np.testing.assert_array_equal(zeros.contributions, fitted.explain(ROWS, reference=np.zeros(4)).contributions)


def test_wrong_rows_in_per_row_references(fitted):
    explainer = DeepLiftExplainer(fitted.estimator, reference=np.zeros((30, 2, 4))).fit(ROWS)
    with pytest.raises(ValueError, match="separate references for each of 30 rows, and X has 3"):
        explainer.transform(ROWS[:3])


def test_learned_reference_at_explain(fitted):
    with pytest.raises(ValueError, match=r"reference='mean' learns from training rows"):
        fitted.explain(ROWS, reference="mean")


def test_references_are_copied(fitted):
    references = ROWS[:3].copy()
    explainer = DeepLiftExplainer(fitted.estimator, reference=references).fit(ROWS)
    before = explainer.transform(ROWS)
    references += 5
    np.testing.assert_array_equal(explainer.transform(ROWS), before)


def test_columns_of_a_reference_are_compared():
    frame = pd.DataFrame(ROWS, columns=list("abcd"))
    with pytest.raises(ValueError, match="feature names should match"):
        DeepLiftExplainer(table_network(activation="sigmoid"), reference=frame[list("dcba")][:2]).fit(frame)


def test_functions_of_rows_alone_that_work_in_place(network):
    def halved(X):
        X /= 2
        return X[:, None]

    rows = SEQUENCES.copy()
    explainer = DeepLiftExplainer(network, reference=halved).fit(rows)
    expected = explainer.explain(SEQUENCES, reference=SEQUENCES[:, None] / 2).contributions
    np.testing.assert_allclose(explainer.transform(rows), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(rows, SEQUENCES)


def test_a_tuple_of_references_learns_nothing_at_explain():
    X = [SEQUENCES, ROWS[:12]]
    explainer = DeepLiftExplainer(two_inputs(), reference="zeros").fit(X)
    with pytest.raises(ValueError, match="reference='mean' learns from training rows"):
        explainer.explain(X, reference=("zeros", "mean"))
