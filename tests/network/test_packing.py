"""Keras models in the form to pickle."""

import pickle
import subprocess
import sys

import joblib
import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift.network.packing import packed, unpacked
from tests.conformance.layer_cases import LAYER_CASES
from tests.conformance.networks import ARCHITECTURES, random_rows
from tests.conformance.sequences import SEQUENCES

ROWS = np.random.RandomState(0).normal(size=(20, 5)).astype("float32")


class Scaled(layers.Layer):
    """A layer with a weight and a number, of which Keras is told nothing."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale", initializer="random_normal")
        self.built = True

    def call(self, inputs):
        return keras.ops.leaky_relu(inputs * self.scale, self.slope)


class Subclassed(keras.Model):
    """A model with layers in lists and dicts, made with arguments that Keras does not keep."""

    def __init__(self, units, function=None):
        super().__init__()
        self.standard = layers.Normalization()
        self.hidden = [layers.Dense(units, activation="relu"), Scaled(0.3)]
        self.more = {"normal": layers.BatchNormalization(), "again": self.hidden[1]}
        self.last, self.function = layers.Dense(1), function

    def call(self, inputs, training=False):
        values = self.standard(inputs)
        for layer in self.hidden:
            values = layer(values)
        return self.last(self.more["again"](self.more["normal"](values)))


def travelled(model):
    return unpacked(pickle.loads(pickle.dumps(packed(model))))


def trained_subclass():
    model = Subclassed(4)
    model.standard.adapt(ROWS * 3 + 1)
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS[:, :1], epochs=2, verbose=0)
    return model


def test_a_subclassed_model_keeps_its_attributes():
    model = trained_subclass()
    copied = travelled(model)
    assert type(copied) is Subclassed
    np.testing.assert_array_equal(copied(ROWS), model(ROWS))
    assert copied.more["again"] is copied.hidden[1]
    assert len(copied.trainable_weights) == len(model.trainable_weights)
    assert set(vars(packed(model))["attributes"]) == {"standard", "hidden", "more", "last", "function"}


def test_model_that_was_never_called():
    copied = travelled(Subclassed(4))
    assert [layer.units for layer in (copied.hidden[0], copied.last)] == [4, 1]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("build", [*ARCHITECTURES, *SEQUENCES[:6]])
def test_copies_of_architectures_give_the_same_outputs(build):
    model = build()
    copied = travelled(model)
    rows = random_rows(model, 3)
    keras.tree.map_structure(np.testing.assert_array_equal, copied(rows), model(rows))


@pytest.mark.slow
@pytest.mark.parametrize("case", LAYER_CASES, ids=lambda case: case.name)
def test_copies_of_layers_give_the_same_outputs(case):
    test_copies_of_architectures_give_the_same_outputs(case.build)


def test_functions_inside_of_a_model_travel_with_it():
    def cubed(x):
        return x**3

    layer = layers.Lambda(lambda x: 2 * x)
    model = keras.Sequential([keras.Input((5,)), layers.Dense(3, activation=keras.activations.gelu), layer])
    np.testing.assert_array_equal(travelled(model)(ROWS), model(ROWS))
    model = keras.Sequential([keras.Input((5,)), layers.Dense(3, activation=cubed)])
    np.testing.assert_array_equal(unpacked(packed(model))(ROWS), model(ROWS))


class Configured(Scaled):
    """A layer whose method ``build`` Keras wraps, and that says how to make it again."""

    def __init__(self, slope, **options):
        layers.Layer.__init__(self, **options)
        self.slope = slope

    def get_config(self):
        return {**super().get_config(), "slope": self.slope}


def test_a_layer_that_builds_its_weights():
    model = keras.Sequential([keras.Input((5,)), Configured(0.3)])
    np.testing.assert_array_equal(travelled(model)(ROWS), model(ROWS))


def test_bytes_are_the_same_each_time_and_few():
    model = keras.Sequential([keras.Input((100,)), layers.Dense(200, activation="relu"), layers.Dense(50)])
    model.compile("adam", "mse")
    before = pickle.dumps(packed(model)), joblib.hash(packed(model))
    model.fit(np.zeros((4, 100)), np.zeros((4, 50)), verbose=0)
    model.optimizer.learning_rate.assign(0.5)
    model.set_weights(before_weights := [np.ones_like(each) for each in model.get_weights()])
    first, second = packed(model), packed(travelled(model))
    assert pickle.dumps(first) == pickle.dumps(packed(model))
    assert joblib.hash(first) == joblib.hash(second) != before[1]
    assert len(pickle.dumps(first)) < 1.1 * sum(each.nbytes for each in before_weights)


def test_each_model_is_packed_once_wherever_it_lies():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    value = {"one": model, "two": [model, (1, model)], "three": "other"}
    result = unpacked(packed(value))
    assert result["one"] is result["two"][0] is result["two"][1][1]
    assert result["one"] is not model
    assert value["two"][0] is model
    without = {"a": [1, 2], "b": None}
    assert packed(without) is without


def test_what_keras_cannot_make_again_is_said_at_once():
    class Forgetful(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs)

    inputs = keras.Input((5,))
    model = keras.Model(inputs, Forgetful(3)(inputs))
    with pytest.raises(TypeError, match=r"cannot be pickled or copied.*get_config"):
        packed(model)


PROGRAM = """
import joblib, keras, numpy as np
from keras import layers
from skdeeplift import DeepLiftExplainer

class Mine(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.hidden, self.last = layers.Dense(units, activation="relu"), layers.Dense(1)

    def call(self, inputs):
        return self.last(self.hidden(inputs))

def explain(explainer, rows):
    return explainer.transform(rows)

if __name__ == "__main__":
    rows = np.random.RandomState(0).normal(size=(6, 5)).astype("float32")
    model = Mine(4)
    model(rows)
    explainer = DeepLiftExplainer(model).fit(rows)
    parts = joblib.Parallel(n_jobs=2)(joblib.delayed(explain)(explainer, rows[i::2]) for i in range(2))
    for i, part in enumerate(parts):
        np.testing.assert_allclose(part, explainer.transform(rows[i::2]), rtol=1e-5, atol=1e-7)
    print("equal")
"""


@pytest.mark.slow
def test_models_of_the_main_program_travel_to_processes(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert "equal" in done.stdout, done.stderr
