"""The mean of the members' networks, as one Keras model."""

import keras
import numpy as np
import pytest

from skdeeplift.network.ensemble_model import Ensemble
from skdeeplift.network.ensembles import Member

ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def dense(units, n_columns=4, activation="softmax", dtype="float32"):
    layers = [keras.Input((n_columns,), dtype=dtype), keras.layers.Dense(units, activation, dtype=dtype)]
    return keras.Sequential(layers)


def member(weight=0.5, **fields):
    return Member(**{"estimator": None, "steps": (), "weight": weight, "classes": None, "n_classes": 0, **fields})


def test_outputs_are_the_weighted_mean_of_the_members():
    models = [dense(3), dense(3)]
    outputs = [model(ROWS) for model in models]
    for weights in ((0.5, 0.5), (0.8, 0.2)):
        found = Ensemble([member(weight) for weight in weights], models, 4)(ROWS)
        np.testing.assert_allclose(found, weights[0] * outputs[0] + weights[1] * outputs[1], rtol=1e-6)


def test_members_scale_and_choose_the_columns_of_the_ensemble():
    model = dense(2, n_columns=2)
    centre, width = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 0.5, 4.0])
    found = Ensemble([member(1.0, steps=((centre, width), np.array([3, 1])))], [model], 4)(ROWS)
    np.testing.assert_allclose(found, model(((ROWS - centre) / width)[:, [3, 1]]), rtol=1e-6)


def test_classes_of_a_member_are_put_in_the_places_of_the_ensemble():
    """Classes that a member never saw have probability zero, and a single output is the second of two."""
    three, two = dense(3), dense(1, activation="sigmoid")
    members = [member(classes=np.array([0, 1, 3]), n_classes=4), member(classes=np.array([3, 1]), n_classes=4)]
    found = Ensemble(members, [three, two], 4)(ROWS).numpy()
    expected = np.zeros((5, 4))
    expected[:, [0, 1, 3]] += 0.5 * three(ROWS).numpy()
    second = two(ROWS).numpy()[:, 0]
    expected[:, 3] += 0.5 * (1 - second)
    expected[:, 1] += 0.5 * second
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_input_has_all_columns_in_the_widest_dtype():
    models = [dense(2), dense(2, dtype="float64")]
    ensemble = Ensemble([member(), member()], models, 4)
    assert (ensemble.input.shape, ensemble.input.dtype) == ((None, 4), "float64")
    found = ensemble(ROWS.astype(np.float64))
    assert found.dtype == "float64"
    assert Ensemble([member(1.0)], models[:1], 4).input.dtype == "float32"
    images = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    assert Ensemble([member(1.0)], [images], None).input.shape == (None, 3, 3, 1)


def test_members_of_other_numbers_of_outputs_have_no_mean():
    with pytest.raises(ValueError, match=r"must return one shape. These return the shapes \[\(3,\), \(2,\)\]"):
        Ensemble([member(), member()], [dense(3), dense(2)], 4)(ROWS)
