import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.bind import bind

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def inputs_model(structure):
    first, second = keras.Input((3,), name="first"), keras.Input((2,), name="second")
    outputs = keras.layers.Dense(1)(keras.layers.concatenate([first, second]))
    return keras.Model({"first": first, "second": second} if structure is dict else [first, second], outputs)


def test_model_is_shared_not_copied():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network = bind(model, np.zeros((2, 3)))
    assert network.model is model
    assert network.takes_table
    assert network.graph is network.graph


def test_path_is_loaded(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    network = bind(tmp_path / "model.keras", np.zeros((2, 3)))
    np.testing.assert_array_equal(network.model.get_weights()[0], model.get_weights()[0])


def test_model_without_an_input_takes_its_shape_from_the_rows():
    model = keras.Sequential([keras.layers.Dense(2)])
    model.build((None, 7))
    network = bind(model, np.zeros((5, 7)))
    assert network.input_specs.shape.as_list() == [None, 7]
    assert network.graph.outputs[0].shape.as_list() == [None, 2]


def test_open_axes_are_completed_from_the_rows():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Conv1D(2, 3), keras.layers.GlobalAveragePooling1D()])
    assert bind(model, np.zeros((2, 9, 4))).input_specs.shape.as_list() == [None, 9, 4]


def test_lists_and_dicts():
    first, second = np.zeros((4, 3)), np.ones((4, 2))
    for structure, given in [
        (list, [first, second]),
        (list, {"second": second, "first": first}),
        (dict, {"first": first, "second": second}),
    ]:
        network = bind(inputs_model(structure), given)
        assert network.input_names == ["first", "second"]
        flat = network.flatten(given)
        assert flat[0] is first
        assert flat[1] is second


@pytest.mark.parametrize(
    ("structure", "given", "message"),
    [
        (list, np.zeros((4, 3)), r"list or dict of 2 inputs \(first, second\)\. Got one ndarray"),
        (list, [np.zeros((4, 3))], "Got 1 arrays"),
        (dict, [np.zeros((4, 3)), np.zeros((4, 2))], "takes a dict of 2 inputs"),
        (
            dict,
            {"first": np.zeros((4, 3)), "third": np.zeros((4, 2))},
            r"\['first', 'second'\]. Got \['first', 'third'\]",
        ),
    ],
)
def test_rows_in_another_structure(structure, given, message):
    with pytest.raises(ValueError, match=message):
        bind(inputs_model(structure), given)


def test_dict_for_a_single_input():
    with pytest.raises(ValueError, match="takes one array"):
        bind(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), {"x": np.zeros((2, 3))})


@pytest.mark.parametrize("estimator", [None, 3, object(), keras.layers.Dense(2)])
def test_what_cannot_be_explained(estimator):
    with pytest.raises(TypeError, match=r"takes a keras\.Model"):
        bind(estimator, np.zeros((2, 3)))


def test_networks_of_another_backend_are_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"backend 'jax'.*KERAS_BACKEND"):
        bind(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), np.zeros((2, 3)))


def test_module_that_cannot_be_called():
    with pytest.raises(TypeError, match=r"takes a keras\.Model, a tf\.Module that can be called"):
        bind(tf.Module(), np.zeros((2, 3)))


ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


class NotAnArray:
    """Rows that are an array only when asked, as scikit-learn's own checks use them."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)

    def __array_function__(self, function, types, args, kwargs):
        raise TypeError(f"Not to be used by {function}.")


def dense(*inputs):
    return keras.Sequential([*inputs, keras.layers.Dense(1, kernel_initializer="ones")])


class Subclassed(keras.Model):
    """A model that does not say what it takes."""

    def __init__(self, layer=None):
        super().__init__()
        self.layer = layer or keras.layers.Dense(1)

    def call(self, inputs):
        return self.layer(inputs)


def built_by_a_call(layer, rows):
    model = Subclassed(layer)
    model(rows)
    return model


def undeclared():
    return built_by_a_call(keras.layers.Dense(1, kernel_initializer="ones"), ROWS)


@pytest.mark.parametrize("model", [dense(keras.Input((3,))), undeclared(), tf.function(lambda x: x @ tf.ones((3, 1)))])
@pytest.mark.parametrize("form", [np.asarray, NotAnArray, pd.DataFrame, np.ndarray.tolist, list, tf.constant])
def test_forms_of_a_table(model, form):
    np.testing.assert_allclose(
        DeepLiftExplainer(model, reference="zeros").fit(form(ROWS)).transform(form(ROWS)), ROWS, rtol=1e-6
    )


def test_rows_that_are_no_array_complete_open_axes():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.GlobalAveragePooling1D()])
    rows = np.zeros((2, 9, 4))
    for form in (NotAnArray, np.ndarray.tolist):
        assert bind(model, form(rows)).input_specs.shape.as_list() == [None, 9, 4]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("form", [np.asarray, tf.constant, NotAnArray, pd.DataFrame])
def test_integers_that_are_looked_up_stay_integers(dtype, form):
    tokens = form(np.ones((2, 3), dtype))
    table = tf.constant([[1.0], [2.0]])
    embedding = built_by_a_call(keras.layers.Embedding(9, 2), np.ones((2, 3), dtype))
    for network in (embedding, tf.function(lambda x: tf.gather(table, x))):
        assert bind(network, tokens).input_specs.dtype == dtype


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_integers_that_are_numbers_become_floating_point_numbers(dtype):
    rows = np.array([[2, 3, 0], [1, 1, 0]], dtype)
    for network in (undeclared(), tf.function(lambda x: x @ tf.ones((3, 1)))):
        assert bind(network, rows).input_specs.dtype == "float32"
        np.testing.assert_allclose(DeepLiftExplainer(network, reference="zeros").fit_transform(rows), rows)


def test_a_signature_of_any_rank_is_completed():
    function = tf.function(lambda x: x, input_signature=[tf.TensorSpec(None, name="x")])
    assert bind(function, np.zeros((2, 9, 4))).input_specs.shape.as_list() == [None, 9, 4]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (scipy.sparse.csr_array(ROWS), r"Got a sparse csr_array. Use .*toarray"),
        (tf.sparse.from_dense(ROWS), r"Got a sparse SparseTensor. Use tf\.sparse\.to_dense"),
        (tf.ragged.constant([[1.0], [1.0, 2.0]]), r"Got a ragged RaggedTensor. Use array\.to_tensor"),
        ([tf.ragged.constant([[1.0], [1.0, 2.0]])], "Got a ragged"),
    ],
)
@pytest.mark.parametrize("model", [dense(keras.Input((3,))), undeclared()])
def test_rows_that_are_not_dense(model, rows, message):
    with pytest.raises(TypeError, match=message):
        DeepLiftExplainer(model).fit(rows)
    with pytest.raises(TypeError, match=message):
        DeepLiftExplainer(model).fit(ROWS).transform(rows)


def test_inputs_that_are_not_dense():
    with pytest.raises(ValueError, match=r"input 'table' is sparse.*sparse=False"):
        bind(dense(keras.Input((3,), sparse=True, name="table")), ROWS)
    ragged = tf.function(lambda x: x.to_tensor(), input_signature=[tf.RaggedTensorSpec((None, None))])
    with pytest.raises(ValueError, match="is ragged"):
        bind(ragged, ROWS)


@pytest.mark.parametrize("spec", [tf.TensorSpec((), name="rate"), tf.TensorSpec((None,), tf.complex64, name="waves")])
def test_inputs_that_hold_no_rows_of_numbers(spec):
    with pytest.raises(ValueError, match=rf"input '{spec.name}' has shape .* and dtype {spec.dtype.name}"):
        bind(tf.function(lambda x: x, input_signature=[spec]), ROWS)


@pytest.mark.advice
def test_text_is_explained_behind_its_lookup():
    text = keras.Input((1,), dtype="string", name="text")
    lookup = keras.layers.StringLookup(vocabulary=["red", "blue"])
    hidden = keras.layers.Flatten()(keras.layers.Embedding(3, 2)(lookup(text)))
    model = keras.Model(text, keras.layers.Dense(1)(hidden))
    words = np.array([["red"], ["blue"]])
    with pytest.raises(ValueError, match=r"input 'text' takes text.*keras.Model\(layer.output, model.output\)"):
        DeepLiftExplainer(model).fit(words)
    # The advice.
    explainer = DeepLiftExplainer(keras.Model(lookup.output, model.output)).fit(lookup(words))
    change = model(words) - explainer.network_.model(np.zeros((1, 1)))
    np.testing.assert_allclose(explainer.transform(lookup(words)), change, rtol=1e-5, atol=1e-7)


def compiled_and_fitted(model):
    model.compile(loss="mse")
    model.fit(ROWS, ROWS[:, :1], verbose=0)


@pytest.mark.parametrize(
    ("make", "build", "advice"),
    [
        (
            dense,
            lambda model: model.build((None, *ROWS.shape[1:])),
            r"model\.build\(\(None, \*X\.shape\[1:\]\)\)",
        ),
        (dense, lambda model: model(ROWS), "Train it"),
        (dense, compiled_and_fitted, "Train it"),
        (Subclassed, lambda model: model(ROWS[:1]), r"model\(X\[:1\]\)"),
        (Subclassed, compiled_and_fitted, "Train it"),
    ],
)
def test_model_that_was_never_built(make, build, advice):
    """Its weights would be random, and would be made in the user's own object."""
    model = make()
    for _ in range(2):
        with pytest.raises(ValueError, match=f"was never built.*{advice}"):
            DeepLiftExplainer(model).fit(ROWS)
        assert not model.built
        assert not model.weights
    build(model)
    contributions = DeepLiftExplainer(model, reference="zeros").fit_transform(ROWS)
    np.testing.assert_allclose(contributions, ROWS * model.weights[0].numpy()[:, 0], rtol=1e-5, atol=1e-6)


def test_never_built_model_in_a_file(tmp_path):
    keras.Sequential([keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="was never built"):
        bind(tmp_path / "model.keras", ROWS)


@pytest.mark.parametrize(
    "take",
    [
        lambda model: (model.inputs[0], model.outputs[0]),
        lambda model: (model.inputs, model.outputs),
        lambda model: [model.inputs[0], model.outputs[0]],
        lambda model: (model.layers[0].output, model.layers[-1].output),
        lambda model: (model, model.layers[0]),
        lambda model: model.outputs[0],
    ],
)
@pytest.mark.advice
def test_tensors_of_a_model_are_no_model(take):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "relu"), keras.layers.Dense(2)])
    with pytest.raises(TypeError, match=r"keras\.Model\(inputs, outputs\)"):
        DeepLiftExplainer(take(model)).fit(ROWS)
    advised = keras.Model(model.inputs, model.outputs[0])
    np.testing.assert_array_equal(
        DeepLiftExplainer(advised, target=1).fit_transform(ROWS), DeepLiftExplainer(model, target=1).fit_transform(ROWS)
    )
