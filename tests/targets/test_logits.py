"""Logits of a network that moves its probabilities, cuts them or joins them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer, describe
from tests.targets.networks import ROWS, as_it_is, check_equals_the_logits, explain_all, network, ops, stable_softmax


def squash_and(squash, move):
    return lambda z: move(squash(z))


MOVES = {
    "Flatten": lambda p: layers.Flatten()(layers.Reshape((2, 3))(p)),
    "Reshape": layers.Reshape((2, 3)),
    "Permute": lambda p: layers.Permute((2, 1))(layers.Reshape((2, 3))(p)),
    "Cropping": lambda p: layers.Cropping1D((1, 2))(layers.Reshape((6, 1))(p)),
    "slice": lambda p: p[:, 1:4],
    "one": lambda p: p[:, 2],
    "reversed": lambda p: p[:, ::-1],
    "RepeatVector": layers.RepeatVector(3),
    "gather": lambda p: ops.take(p, [4, 0, 0], axis=1),
    "concatenate": lambda p: layers.Concatenate()([p[:, 3:], p[:, :2]]),
    "stack": lambda p: ops.stack([p[:, 3], p[:, 1]], axis=1),
    "split": lambda p: ops.split(p, 3, axis=1)[1],
    "roll": lambda p: ops.roll(p, 2, axis=1),
    "cast": lambda p: layers.Flatten()(ops.cast(p, "float64")),
    "shape of the rows": layers.Lambda(lambda p: tf.reshape(p, (tf.shape(p)[0], 3, 2))),
    "dropout": lambda p: layers.Reshape((3, 2))(layers.Dropout(0.5)(p)),
}


@pytest.mark.sampled(10)
@pytest.mark.parametrize("squash", [ops.sigmoid, ops.softmax, stable_softmax], ids=["sigmoid", "softmax", "spelled"])
@pytest.mark.parametrize("move", MOVES)
def test_probabilities_that_are_only_moved(move, squash):
    move = MOVES[move]
    model, logits = network(squash_and(squash, move))
    moved = keras.Model(*(lambda z: (z, move(z)))(keras.Input((6,)))).predict(logits, verbose=0)
    explanation = explain_all(model)
    np.testing.assert_allclose(explanation.prediction, moved.reshape(5, -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("explainer", [GradientExplainer, IntegratedGradientsExplainer])
def test_every_method_explains_the_moved_logits(explainer):
    model, _ = network(squash_and(ops.softmax, layers.Reshape((3, 2))))
    plain, _ = network(layers.Reshape((3, 2)))
    found, expected = (explainer(each, target="all").fit(ROWS).transform(ROWS) for each in (model, plain))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_softmax_over_two_axes():
    build = squash_and(layers.Reshape((2, 3)), layers.Softmax(axis=(1, 2)))
    check_equals_the_logits(build, lambda z: tf.reshape(z, (-1, 2, 3)))
    with pytest.raises(ValueError, match="last axis, which does not hold the classes of one softmax"):
        DeepLiftExplainer(network(build)[0], target="all", center_logits=True).fit(ROWS)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("axis", [1, 2])
def test_softmax_over_another_axis(axis):
    build = squash_and(layers.Reshape((2, 3)), layers.Softmax(axis=axis))
    check_equals_the_logits(build, lambda z: tf.reshape(z, (-1, 2, 3)))
    model, _ = network(build)
    if axis == 1:
        with pytest.raises(ValueError, match="last axis, which does not hold the classes of one softmax"):
            DeepLiftExplainer(model, target="all", center_logits=True).fit(ROWS)
    else:
        DeepLiftExplainer(model, target="all", center_logits=True).fit(ROWS)


def test_heads_that_are_joined():
    """Sigmoids and two softmaxes; an output among them that is no probability leaves all as they are."""

    def heads(z, first=ops.sigmoid):
        return layers.Concatenate()([first(z[:, :2]), ops.softmax(z[:, 2:4]), ops.softmax(z[:, 4:])])

    check_equals_the_logits(heads, as_it_is)
    model, _ = network(lambda z: heads(z, ops.tanh))
    np.testing.assert_allclose(explain_all(model).prediction, model(ROWS), rtol=1e-5, atol=1e-6)


def test_predicted_class_of_a_moved_softmax():
    """One softmax, cut and turned round: the largest logit is that of the largest probability."""
    model, logits = network(lambda z: ops.softmax(z)[:, 4:0:-1])
    explanation = DeepLiftExplainer(model, class_names=list("abcd")).fit(ROWS).explain(ROWS)
    moved = logits[:, 4:0:-1]
    np.testing.assert_allclose(explanation.prediction, moved.max(1), rtol=1e-5)
    np.testing.assert_array_equal(explanation.target, np.array(list("abcd"))[np.asarray(model(ROWS)).argmax(1)])


@pytest.mark.advice
def test_predicted_class_of_several_softmaxes():
    """The logits of two softmaxes cannot be compared, but probabilities can."""
    model, _ = network(lambda z: layers.Flatten()(layers.Softmax()(layers.Reshape((2, 3))(z))))
    with pytest.raises(ValueError, match="cannot choose among"):
        DeepLiftExplainer(model).fit(ROWS)
    with pytest.raises(ValueError, match="cannot compare the logits of different softmaxes"):
        DeepLiftExplainer(model, target="predicted").fit(ROWS)
    fitted = DeepLiftExplainer(model, target="predicted", pre_activation=False).fit(ROWS)
    np.testing.assert_allclose(fitted.explain(ROWS).prediction, np.asarray(model(ROWS)).max(1), rtol=1e-5)


def test_single_class_that_is_cut_from_a_softmax():
    """Its logit does not tell by its sign which of two classes is more probable."""
    model, logits = network(lambda z: ops.softmax(z)[:, 1:], units=2)
    np.testing.assert_allclose(
        DeepLiftExplainer(model).fit(ROWS).explain(ROWS).prediction, logits[:, 1], rtol=1e-5, atol=1e-6
    )
    with pytest.raises(ValueError, match="one class of a softmax of several"):
        DeepLiftExplainer(model, class_names=["no", "yes"], target="no").fit(ROWS)


def test_many_softmaxes_in_half_precision():
    """Whole numbers above 2048 are no numbers of half precision."""
    policy = keras.dtype_policies.DTypePolicy("float16")
    inputs = keras.Input((4,))
    hidden = layers.Dense(6000, dtype=policy)(inputs)
    model = keras.Model(inputs, layers.Softmax(dtype=policy)(layers.Reshape((3000, 2), dtype=policy)(hidden))[:, ::-1])
    table = DeepLiftExplainer(model, target=(0, 0), center_logits=True).fit(ROWS)
    assert np.isfinite(table.transform(ROWS)).all()


def test_layers_after_the_probabilities():
    """The layer that moves logits is after them; the softmax itself is not on the way."""
    model, logits = network(lambda z: layers.Reshape((2, 3), name="moved")(layers.Softmax(name="softmax")(z)))
    explanation = DeepLiftExplainer(model, layer="logits", target=(1, 0), reference="zeros").fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(explanation.prediction, logits[:, 3], rtol=1e-5, atol=1e-6)
    for name in ("softmax", "moved"):
        with pytest.raises(ValueError, match="a final softmax or sigmoid comes after the target"):
            DeepLiftExplainer(model, layer=name, target=(1, 0)).fit(ROWS)
    assert "Softmax" not in set(describe(model).op)


def test_functions_take_the_moved_logits_if_asked():
    model, logits = network(lambda z: layers.Reshape((2, 3))(ops.softmax(z)))

    def difference(output):
        return output[:, 1, 0] - output[:, 0, 0]

    for pre_activation, outputs in ((True, logits.reshape(5, 2, 3)), ("auto", np.asarray(model(ROWS)))):
        fitted = DeepLiftExplainer(model, target=difference, pre_activation=pre_activation).fit(ROWS)
        np.testing.assert_allclose(fitted.explain(ROWS).prediction, difference(outputs), rtol=1e-4, atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("spelled", [tf.nn.softmax, stable_softmax])
@pytest.mark.parametrize("move", [as_it_is, lambda z: tf.reshape(z, (1, -1))])
def test_softmax_over_the_rows(spelled, move):
    """Its logits treat each row by itself, but the network does not."""
    over_rows = layers.Lambda(lambda z: tf.reshape(spelled(move(z), axis=0 if move is as_it_is else 1), (-1, 6)))
    model, _ = network(over_rows)
    with pytest.raises(ValueError, match="depends on the other rows"):
        DeepLiftExplainer(model, target=0).fit(ROWS)
    with pytest.raises(ValueError, match=r"depends on the other rows|no axis|one entry"):
        DeepLiftExplainer(tf.function(lambda x: tf.nn.softmax(x[:, 0])), target=()).fit(ROWS)


def test_softmax_of_rows_that_are_folded():
    """Two softmaxes of each row, which stand one after the other on the axis of rows."""
    build = layers.Lambda(lambda z: tf.reshape(tf.nn.softmax(tf.reshape(z, (-1, 3))), (-1, 2, 3)))
    check_equals_the_logits(build, lambda z: tf.reshape(z, (-1, 2, 3)))
    centred = DeepLiftExplainer(network(build)[0], target="all", center_logits=True).fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(centred.prediction.reshape(5, 2, 3).sum(2), 0, atol=1e-5)
