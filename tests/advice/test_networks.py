"""Advice about networks that are passed as they are, and about rows that they take."""

import copy
import gc
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
from keras import layers
from keras.wrappers import SKLearnClassifier
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from skdeeplift import ContributionSelector, DeepLiftExplainer, GradientExplainer, describe
from tests.advice.following import contributions, follow

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
CLASSES = np.arange(6) % 2
pytestmark = pytest.mark.advice


def network(*more):
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), *more, layers.Dense(1)])


def explain(estimator, X=ROWS, y=None, **parameters):
    return contributions(estimator, X, y, **parameters)


def test_shape_that_the_network_does_not_say():
    function = tf.function(lambda x: tf.reduce_sum(x, 1))
    follow("Pass some rows as X", lambda: describe(function), lambda: describe(function, X=ROWS))


@pytest.mark.parametrize(
    ("rows", "advice", "dense"),
    [
        (scipy.sparse.csr_matrix(ROWS), "array.toarray()", lambda rows: rows.toarray()),
        (tf.sparse.from_dense(ROWS), "Use tf.sparse.to_dense(array)", tf.sparse.to_dense),
        (tf.RaggedTensor.from_tensor(ROWS), "Use array.to_tensor()", lambda rows: rows.to_tensor()),
    ],
    ids=["scipy", "sparse", "ragged"],
)
def test_rows_that_are_not_dense(rows, advice, dense):
    model = network()
    follow(advice, lambda: explain(model, rows), lambda: explain(model, dense(rows)))


@pytest.mark.parametrize("form", ["sparse", "ragged"])
def test_inputs_that_are_not_dense(form):
    def build(**options):
        rows = keras.Input((3,), **options)
        return keras.Model(rows, layers.Dense(1)(rows) if not any(options.values()) else rows)

    follow(
        f"build the network with keras.Input(..., {form}=False)",
        lambda: explain(build(**{form: True})),
        lambda: explain(build(**{form: False})),
    )


def test_tokens_that_are_no_whole_numbers():
    tokens = keras.Input((3,), dtype="int32")
    outputs = layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2, name="embedding")(tokens)))
    model = keras.Model(tokens, outputs)
    rows = np.array([[0, 1, 2], [3, 4, 0]])
    follow(
        "Pass whole numbers, such as the tokens that the network was trained on",
        lambda: explain(model, rows + 0.5, layer="embedding"),
        lambda: explain(model, rows, layer="embedding"),
    )
    for call in ({"multipliers": True}, {"hypothetical": True}):
        follow(
            'Fit an explainer with the name of the layer that looks them up, such as layer="embedding"',
            lambda call=call: explain(model, rows, call=call),
            lambda: explain(model, rows, layer="embedding", call={"multipliers": True}),
        )
    follow(
        'Fit an explainer with the name of the layer that looks them up, such as layer="embedding"',
        lambda: explain(model, rows, cls=GradientExplainer),
        lambda: explain(model, rows, cls=GradientExplainer, layer="embedding"),
    )


def test_single_layer():
    layer = layers.Dense(1)
    follow(
        "Make a model of a single layer with keras.Sequential([keras.Input(shape), layer])",
        lambda: explain(layer),
        lambda: explain(keras.Sequential([keras.Input((3,)), layer])),
    )


# Keras is on the backend of another library in a process of its own.
def test_backend(monkeypatch):
    model = network()
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")

    def right():
        monkeypatch.undo()  # as the variable has it
        monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
        return explain(model)

    follow('KERAS_BACKEND="tensorflow" before Keras is imported', lambda: explain(model), right)


def test_function_of_other_rows():
    function = tf.function(lambda x: x @ tf.ones((5, 1)))
    signature = [tf.TensorSpec((None, 5))]
    rows = np.ones((4, 5), np.float32)
    follow(
        "Pass rows of the shape and dtype that the function takes, or declare them with tf.function(input_signature",
        lambda: explain(function),
        lambda: explain(function, rows),
        lambda: explain(tf.function(function.python_function, input_signature=signature), rows),
    )


def test_function_whose_variables_are_gone(tmp_path):
    network().export(tmp_path, verbose=False)
    lost = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    gc.collect()

    def right():
        owner = tf.saved_model.load(str(tmp_path))
        return explain(owner.signatures["serving_default"])

    follow("Keep a reference to the object that owns the function's variables", lambda: explain(lost), right)


@pytest.mark.parametrize("send", [lambda explainer: pickle.loads(pickle.dumps(explainer)), copy.deepcopy])
def test_compiled_functions_cannot_be_pickled(tmp_path, send):
    module = tf.Module()
    module.score = tf.function(lambda x: tf.reduce_sum(x, 1), input_signature=[tf.TensorSpec((None, 3))])

    def right():
        tf.saved_model.save(module, str(tmp_path))
        return send(DeepLiftExplainer(str(tmp_path)).fit(ROWS)).transform(ROWS)

    follow(
        "Save the network with tf.saved_model.save, and pass the folder as estimator=",
        lambda: send(DeepLiftExplainer(module.score).fit(ROWS)),
        right,
    )


class Forgetful(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


class Remembering(Forgetful):
    def __init__(self, units):
        super().__init__(units)
        self.units = units

    def get_config(self):
        return {"units": self.units}


def test_layers_that_keras_cannot_make_again():
    def send(layer):
        return pickle.loads(pickle.dumps(DeepLiftExplainer(network(layer)).fit(ROWS))).transform(ROWS)

    advice = "Give its classes a get_config method with all that __init__ takes."
    follow(advice, lambda: send(Forgetful(2)), lambda: send(Remembering(2)))


# Randomness and state


def test_random_numbers():
    class Noisy(layers.Layer):
        def __init__(self, noisy):
            super().__init__()
            self.noisy = noisy

        def call(self, x):
            return x + tf.random.normal(tf.shape(x)) if self.noisy else x

    follow(
        "Remove this op from the inference pass",
        lambda: explain(network(Noisy(True))),
        lambda: explain(network(Noisy(False))),
    )


def test_changed_variables():
    class Counter(layers.Layer):
        def __init__(self, counts):
            super().__init__()
            self.counts, self.number = counts, tf.Variable(1.0, trainable=False)

        def call(self, x):
            if self.counts:
                self.number.assign_add(1.0)
            return x * self.number

    advice = "Remove the update from the inference pass."
    follow(advice, lambda: explain(network(Counter(True))), lambda: explain(network(Counter(False))))


def test_states_of_places():
    model = keras.Sequential([keras.Input(batch_shape=(4, 3, 2)), layers.LSTM(2, stateful=True), layers.Dense(1)])
    rows = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    model.predict(rows, verbose=0)

    def right():
        model.layers[0].reset_state()
        return explainer.transform(rows)

    follow("Call reset_state() of the layer, then explain the rows again", lambda: explainer.transform(rows), right)


# Estimators that are trained


def test_classes_to_train_with():
    mlp = MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0)
    follow(
        "Pass y, or FrozenEstimator(estimator) for one that is trained already",
        lambda: explain(mlp),
        lambda: explain(mlp, y=CLASSES),
        lambda: explain(FrozenEstimator(mlp.fit(ROWS, CLASSES))),
    )


def classifier(X, y):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    return model


def test_keras_model_as_the_last_step():
    model = network()
    trainable = SKLearnClassifier(classifier, fit_kwargs={"verbose": 0})
    follow(
        "as in make_pipeline(encoder.fit(X_train), model). To train the network in fit too, pass an estimator such as "
        "keras.wrappers.SKLearnClassifier(model) as the last step",
        lambda: explain(make_pipeline(StandardScaler(), model)),
        lambda: explain(make_pipeline(StandardScaler().fit(ROWS), model)),
        lambda: explain(FrozenEstimator(make_pipeline(StandardScaler().fit(ROWS), model))),
        lambda: explain(make_pipeline(StandardScaler().fit(ROWS), FrozenEstimator(model))),
        lambda: explain(make_pipeline(StandardScaler(), trainable), y=CLASSES),
        lambda: explain(make_pipeline(StandardScaler(), SKLearnClassifier(classifier(ROWS, CLASSES))), y=CLASSES),
    )


@pytest.mark.parametrize(
    ("transformer", "groups"),
    [
        (PCA(2), {("a", "b", "c"): ["pca0", "pca1"]}),
        (
            make_column_transformer((PCA(1), ["a", "b"]), ("passthrough", ["c"])),
            {("a", "b"): ["pca__pca0"], "c": ["passthrough__c"]},
        ),
        (FunctionTransformer(lambda X: X * 2), {"a": [0], "b": [1], "c": [2]}),
        (PolynomialFeatures(1), {"a": ["1", "a"], "b": ["b"], "c": ["c"]}),
    ],
    ids=["PCA", "ColumnTransformer", "FunctionTransformer", "PolynomialFeatures"],
)
def test_columns_that_are_mixed(transformer, groups):
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
    y = (rows["a"] > 0).astype(int)
    explainer = DeepLiftExplainer(MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0))
    pipeline = make_pipeline(transformer, explainer)

    def select(**parameters):
        return ContributionSelector(pipeline, n_features_to_select=1, **parameters).fit_transform(rows, y)

    advice = (
        "Pass groups=, a dict from raw columns to lists of encoded columns, with a tuple for raw columns that are mixed"
    )
    follow(advice, select, lambda: select(groups=groups))


class OneNameTwice(StandardScaler):
    """A transformer that forgets one of its names."""

    def fit(self, X, y=None):
        super().fit(X)
        self.feature_names_in_ = np.array(["a", "b", "b"], dtype=object)
        return self


class OneNameMore(StandardScaler):
    """A transformer that names more columns than it returns."""

    def get_feature_names_out(self, input_features=None):
        return np.array(["x0", "x1", "x2", "x0"], dtype=object)


def test_columns_whose_names_do_not_tell():
    y = (ROWS[:, 0] > 0).astype(int)
    mlp = MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0)
    selected = make_pipeline(OneNameTwice(), DeepLiftExplainer(mlp))
    groups = {0: [0], 1: [1], 2: [2]}
    follow(
        "some of its input columns have the same name. Pass groups=",
        lambda: ContributionSelector(selected, n_features_to_select=1).fit(ROWS, y),
        lambda: ContributionSelector(selected, n_features_to_select=1, groups=groups).fit_transform(ROWS, y),
    )
    explained = make_pipeline(OneNameMore(), mlp)
    follow(
        "it returns 3 columns, but names 4. Pass to_source=False",
        lambda: explain(explained, ROWS, y, to_source=True),
        lambda: explain(explained, ROWS, y, to_source=False),
    )


def test_contributions_of_columns_that_are_mixed():
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
    y = (rows["a"] > 0).astype(int)
    pipeline = make_pipeline(PCA(2), MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0))
    follow(
        "Pass to_source=False for contributions of encoded columns",
        lambda: explain(pipeline, rows, y, to_source=True),
        lambda: explain(pipeline, rows, y, to_source=False),
    )
    encoded = make_pipeline(StandardScaler(), MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0))
    advice = "Pass layer=None"
    layer = "hidden_0"
    follow(
        advice,
        lambda: explain(encoded, rows, y, to_source=True, layer=layer),
        lambda: explain(encoded, rows, y, to_source=True, layer=None),
    )
