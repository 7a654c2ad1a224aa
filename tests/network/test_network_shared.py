"""Explainers of one Keras model share its trace, as long as the model stays what it was."""

import gc
import weakref

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.network.bind import bind

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def make_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu", name="hidden"), layers.Dense(2)])


def test_two_explainers_share_the_graph():
    model = make_model()
    first = DeepLiftExplainer(model, target=0).fit(ROWS)
    for make in (DeepLiftExplainer, GradientExplainer):
        second = make(model, target=1).fit(ROWS)
        alone = make(make_model(), target=1).fit(ROWS)
        assert second.network_.graph is first.network_.graph
        assert alone.network_.graph is not first.network_.graph
        np.testing.assert_array_equal(second.transform(ROWS), alone.transform(ROWS))


def test_runs_of_the_network_are_compiled_once():
    model = make_model()
    explainers = [DeepLiftExplainer(model, target=target).fit(ROWS) for target in (0, 1)]
    one, other = (explainer.bound_.compiled().method for explainer in explainers)
    assert one is not other
    assert one.forward_both is other.forward_both


def test_inputs_of_other_specs_are_traced_anew():
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(inputs)))
    graphs = {id(bind(model, np.zeros((1, length, 2), "float32")).graph) for length in (3, 4)}
    kept = bind(model, np.zeros((1, 3, 2), "float32"))
    assert len(graphs) == 2
    assert kept.graph is bind(model, np.zeros((1, 3, 2), "float32")).graph


def test_a_changed_model_is_traced_anew():
    model = make_model()
    before = DeepLiftExplainer(model, target=0).fit(ROWS)
    contributions = before.transform(ROWS)
    model.get_layer("hidden").activation = keras.activations.tanh
    after = DeepLiftExplainer(model, target=0).fit(ROWS)
    assert after.network_.graph is not before.network_.graph
    assert np.abs(after.transform(ROWS) - contributions).max() > 1e-3


def test_new_values_of_variables_show_at_once_in_both():
    model = make_model()
    explainers = [DeepLiftExplainer(model, target=0).fit(ROWS) for _ in range(2)]
    model.layers[-1].kernel.assign(tf.zeros((4, 2)))
    assert all(np.abs(explainer.transform(ROWS)).max() == 0 for explainer in explainers)


def test_nothing_is_kept_when_the_explainers_are_gone():
    model = make_model()
    explainer = DeepLiftExplainer(model, target=0).fit(ROWS)
    explainer.transform(ROWS)
    graph, kept = weakref.ref(explainer.network_.graph), weakref.ref(model)
    del explainer
    gc.collect()
    assert graph() is None
    del model
    keras.backend.clear_session()
    gc.collect()
    assert kept() is None
