"""Elements of a row along paths that move them: each contributes where it has gone, and nothing else does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.conformance.explainer_kinds import (
    DRAWS_COLUMNS,
    OF_POSITIONS,
    SUMMING,
    assert_same,
    explained,
    make,
    of_kinds,
)
from tests.conformance.networks import floating_point, randomise_weights

SHAPE = (3, 4)
PERMUTATION = np.eye(12)[np.random.default_rng(2).permutation(12)]


@pytest.fixture(autouse=True)
def _double_precision():
    with floating_point("float64"):
        yield


def one_hot_kernel():
    """A kernel of two steps whose second step hands on the channels in another order."""
    return np.stack([np.zeros((4, 4)), np.eye(4)[[2, 0, 3, 1]]])


def scatter(tensor):
    """Write three steps into five, in another order."""
    steps = tf.transpose(tensor, (1, 0, 2))
    written = tf.scatter_nd([[4], [0], [2]], steps, (5, tf.shape(tensor)[0], 4))
    return tf.transpose(written, (1, 0, 2))


def loop(tensor):
    """Reverse the steps in a loop."""
    _, steps = tf.while_loop(
        lambda step, steps: step < 3,
        lambda step, steps: (step + 1, steps.write(2 - step, tensor[:, step])),
        (0, tf.TensorArray(tensor.dtype, 3, element_shape=(None, 4))),
    )
    return tf.transpose(steps.stack(), (1, 0, 2))


# Each takes tensors of shape (n_rows, 3, 4). An element of the result is one of the tensor's, or zero.
PATHS = {
    "transpose": lambda x: tf.transpose(x, (0, 2, 1)),
    "gather": lambda x: tf.gather(x, [2, 0, 2, 1], axis=1),
    "gather in two axes": lambda x: tf.gather(tf.gather(x, [3, 1, 1], axis=2), [1, 0], axis=1),
    "gather by position": lambda x: tf.transpose(tf.gather_nd(tf.transpose(x, (1, 2, 0)), [[0, 3], [2, 1], [1, 1]])),
    "einsum": lambda x: tf.einsum("bij->bji", x),
    "einsum with weights": lambda x: tf.einsum("bij,kj->bki", x, tf.constant(np.eye(4)[[1, 3, 0, 2]])),
    "matrix product": lambda x: tf.reshape(tf.reshape(x, (-1, 12)) @ tf.constant(PERMUTATION), (-1, 4, 3)),
    "matrix product from the left": lambda x: tf.constant(np.eye(3)[[2, 0, 1]]) @ x,
    "pad": lambda x: tf.pad(x, [[0, 0], [1, 0], [0, 2]]),
    "reflect": lambda x: tf.pad(x, [[0, 0], [2, 1], [1, 2]], mode="REFLECT"),
    "concatenate": lambda x: tf.concat([x[:, :, 2:], x, x[:, ::-1, :1]], 2),
    "concatenate steps": lambda x: tf.concat([x[:, 1:], tf.zeros_like(x[:, :1]), x[:, :2]], 1),
    "stack": lambda x: tf.stack([x[..., 1], x[..., 3], x[..., 0]], 1),
    "unstack": lambda x: tf.stack(tf.unstack(x, axis=2)[::-1], 1),
    "split": lambda x: tf.concat(tf.split(x, [1, 2, 1], axis=2)[::-1], 2),
    "reverse": lambda x: tf.reverse(x, [1, 2]),
    "roll": lambda x: tf.roll(x, [1, -1], [1, 2]),
    "tile": lambda x: tf.tile(x, [1, 2, 1]),
    "repeat": lambda x: tf.repeat(x, [1, 0, 2], axis=1),
    "reshape": lambda x: tf.reshape(x, (-1, 4, 3)),
    "batch folded into rows": lambda x: tf.reshape(tf.reverse(tf.reshape(x, (-1, 4)), [1]), (-1, 3, 4)),
    "batch on the last axis": lambda x: tf.transpose(tf.transpose(x, (2, 1, 0))[::-1], (2, 0, 1)),
    "strides": lambda x: x[:, ::-2, 1::2],
    "space to depth": lambda x: tf.nn.space_to_depth(tf.pad(x, [[0, 0], [0, 1], [0, 0]])[..., None], 2)[:, :, :, 1],
    "convolution": lambda x: tf.nn.conv1d(x, one_hot_kernel(), 1, "VALID"),
    "dilated convolution": lambda x: tf.nn.convolution(x, one_hot_kernel(), 1, "SAME", dilations=2),
    "mask": lambda x: tf.boolean_mask(x, [True, False, True], axis=1),
    "diagonal": lambda x: tf.linalg.diag_part(x)[..., None],
    "band": lambda x: tf.linalg.band_part(x, 1, 0),
    "scatter": scatter,
    "loop": loop,
}


def along_all_paths(rows):
    """Return the results of all paths, one after the other: an array of shape (n_rows, n_places)."""
    return tf.concat([tf.reshape(path(rows), (tf.shape(rows)[0], -1)) for path in PATHS.values()], 1)


def places_of_paths():
    """Return the name of the path of each place."""
    nothing = tf.zeros((1, *SHAPE), tf.float64)
    return np.repeat(list(PATHS), [path(nothing).shape.num_elements() for path in PATHS.values()])


@pytest.mark.sampled(3)
@of_kinds("reveal_cancel", "integrated gradients", "occlusion", without=OF_POSITIONS)
def test_contributions_of_one_element_along_many_paths(kind):
    """Each target reads one element, which alone contributes to it, and a target that reads none has none."""
    sources = along_all_paths(tf.constant(np.arange(1.0, 13).reshape(1, *SHAPE))).numpy()[0].round().astype(int) - 1
    names = places_of_paths()
    rows, references = (np.random.default_rng(seed).normal(size=(3, *SHAPE)) for seed in (1, 2))
    # A curve at each place that an element has gone to.
    model = tf.function(
        lambda rows: tf.tanh(0.7 * tf.reshape(along_all_paths(rows), (-1, len(names)))),
        input_signature=[tf.TensorSpec((None, *SHAPE), tf.float64)],
    )
    explainer = make(kind, model, reference=references, target="all").fit(rows)
    contributions = explained(explainer, rows).reshape(3, 12, -1)
    assert contributions.shape[2] == len(sources) == len(names)
    reads = np.arange(12)[:, None] == sources
    wrong = (np.abs(contributions) > 1e-12).any(0) & ~reads
    assert not wrong.any(), set(names[wrong.any(0)])
    missing = (np.abs(contributions) < 1e-12).all(0) & reads
    assert not missing.any(), set(names[missing.any(0)])
    if kind in SUMMING:
        at_rows, at_references = (np.tanh(0.7 * array.reshape(3, 12)) for array in (rows, references))
        expected = reads * (at_rows - at_references.mean(0))[..., None]
        wrong = np.abs(contributions - expected).max((0, 1)) > 1e-9
        assert not wrong.any(), set(names[wrong])


def image_network():
    """A network of tensors of shape (3, 4), in which every element has weights of its own."""
    with floating_point("float64"):
        inputs = keras.Input(SHAPE)
        hidden = layers.Flatten()(layers.Conv1D(5, 2, activation="tanh")(inputs))
        model = keras.Model(inputs, layers.Dense(2)(layers.Dense(6, "softplus")(hidden)))
    randomise_weights(model, seed=7)
    return model


# Ways to undo a permutation of a row's elements in front of a network.
UNDONE = {
    "gather": (lambda rows: rows[:, :, [2, 0, 3, 1]], lambda x: tf.gather(x, [1, 3, 0, 2], axis=2)),
    "einsum": (lambda rows: rows[:, [1, 2, 0]], lambda x: tf.einsum("bij,ki->bkj", x, np.eye(3)[[2, 0, 1]])),
    "concatenate": (lambda rows: rows[:, ::-1], lambda x: tf.concat([x[:, 2:], x[:, 1:2], x[:, :1]], 1)),
    "pad": (lambda rows: np.pad(rows, [(0, 0), (0, 1), (2, 0)]), lambda x: x[:, :3, 2:]),
    "transpose": (lambda rows: rows.swapaxes(1, 2), lambda x: tf.transpose(x, (0, 2, 1))),
    "reshape": (lambda rows: rows.reshape(len(rows), -1), None),
}


def check_permuted(kind, names):
    """Compare contributions of a network with those of one in front of which permutations are undone."""
    rows, references = (np.random.default_rng(seed).normal(size=(3, *SHAPE)) for seed in (3, 4))
    network = image_network()
    expected = explained(make(kind, network, reference=references, target=1).fit(rows), rows)
    shapes = []
    for name in names:
        shapes.append(rows.shape[1:])
        permute, _ = UNDONE[name]
        rows, references, expected = permute(rows), permute(references), permute(expected)
    inputs = hidden = keras.Input(rows.shape[1:])
    for name, shape in zip(reversed(names), reversed(shapes), strict=True):
        _, undo = UNDONE[name]
        hidden = layers.Lambda(undo, shape)(hidden) if undo else layers.Reshape(shape)(hidden)
    explainer = make(kind, keras.Model(inputs, network(hidden)), reference=references, target=1).fit(rows)
    assert_same(explained(explainer, rows), expected)


@pytest.mark.sampled(2)
@of_kinds("reveal_cancel", "occlusion", without=OF_POSITIONS)
def test_elements_of_a_row_in_another_place(kind):
    """Contributions of a network of permuted rows are the permuted contributions."""
    # Draws depend on the order of the columns, and so do two orders of Shapley sampling.
    if kind not in DRAWS_COLUMNS | {"Shapley values"}:
        check_permuted(kind, list(UNDONE))


@pytest.mark.slow
@pytest.mark.parametrize("name", UNDONE)
@pytest.mark.parametrize("kind", ["rescale", "reveal_cancel", "integrated gradients"])
def test_elements_of_a_row_in_another_place_by_one_op(kind, name):
    check_permuted(kind, [name])
