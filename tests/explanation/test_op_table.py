import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, describe
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.explanation import op_table


def test_layers_rules_and_what_lies_in_loops():
    inputs = keras.Input((4, 3))
    hidden = layers.LSTM(2, name="recurrent")(inputs)
    table = describe(keras.Model(inputs, layers.Dense(1, activation="softplus", name="last")(hidden)))
    assert table.supported.all()
    assert set(table.layer) == {"recurrent", "last"}
    assert set(table.op[table.in_loop & (table.family == "activation")]) == {"Sigmoid", "Tanh"}
    assert list(table.rule[table.layer == "last"]) == ["apply_weights", "add", "rescale"]


def test_rules_by_layer():
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(2, "relu", name="first"), layers.Dense(2, "relu"), layers.Dense(1)]
    )
    table = describe(model, rule={"first": "reveal_cancel"})
    assert list(table.rule[table.family == "activation"]) == ["reveal_cancel", "rescale"]


def test_rules_that_do_not_exist():
    with pytest.raises(ValueError, match=r"rule= takes one of \['genomics_default', .*Got 'unknown'"):
        describe(keras.Sequential([keras.Input((3,)), layers.Dense(2, "relu")]), rule="unknown")


def test_what_is_unsupported_is_listed_and_the_rest_too():
    class Product(layers.Layer):
        def call(self, x):
            return tf.linalg.eigvalsh(x[..., None] * x[..., None, :])

    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, "relu"), Product(name="product"), layers.Dense(1)])
    table = describe(model)
    [unsupported] = table[~table.supported].to_dict("records")
    assert unsupported["layer"] == "product"
    assert unsupported["op"] == "SelfAdjointEigV2"
    assert "matrix decomposition" in unsupported["reason"]
    assert (table.op == "Relu").sum() == 1


def test_all_outputs_are_described_and_a_cut_off_one_is_told():
    inputs = keras.Input((3,))
    cut_off = layers.Lambda(tf.ones_like, name="ones")(inputs)
    table = describe(keras.Model(inputs, [layers.Dense(2, "tanh")(inputs), cut_off]))
    assert "Tanh" in set(table.op)
    [reason] = table.reason[~table.supported]
    assert "does not depend on the network's input" in reason


def test_a_network_that_does_not_say_what_it_takes():
    with pytest.raises(ValueError, match="Pass some rows as X"):
        describe(tf.function(tf.tanh))
    assert list(describe(tf.function(tf.tanh), [[1.0, 2.0]]).op) == ["Tanh"]


@pytest.mark.parametrize(
    ("function", "dtype", "op"),
    [
        (lambda x: x + tf.random.normal(tf.shape(x)), "float32", "RandomStandardNormal"),
        (
            lambda x: tf.one_hot(tf.strings.to_hash_bucket_fast(tf.strings.reduce_join(tf.as_string(x), 1), 4), 4),
            "int32",
            "OneHot",
        ),
    ],
)
def test_what_stands_before_differences_is_listed(function, dtype, op):
    inputs = keras.Input((4,), dtype=dtype)
    hidden = keras.layers.Lambda(function, output_shape=(4,))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    table = describe(model)
    assert table[~table["supported"]]["op"].tolist() == [op]
    with pytest.raises(UnsupportedOpError) as error:
        DeepLiftExplainer(model).fit(np.ones((3, 4), dtype))
    assert table[~table["supported"]]["reason"].tolist() == [str(error.value)]


def test_steps_that_are_only_listed_carry_nothing():
    step = op_table._UnsupportedStep(None, [], [], "no rule")
    with pytest.raises(UnsupportedOpError, match="no rule"):
        step.carry(None, [])


def test_a_mask_has_a_row_that_says_how_to_hold_it():
    items, mask = keras.Input((4,), name="items"), keras.Input((4,), dtype="bool", name="mask")
    model = keras.Model({"items": items, "mask": mask}, keras.ops.where(mask, items, 0.0))
    first = describe(model).iloc[0]
    assert (first["name"], first["op"], first["family"], first["supported"]) == ("mask", "Placeholder", "input", True)
    assert "reference={'mask': \"held\"} leaves it at the values of the row" in first["reason"]
    assert "default" not in first["reason"]
    hiding = keras.ops.softmax(keras.ops.where(mask, items, -1e9))
    assert describe(keras.Model({"items": items, "mask": mask}, hiding)).iloc[0]["reason"].endswith("is its default.")
    assert "Placeholder" not in set(describe(keras.Model(items, keras.ops.relu(items)))["op"])
