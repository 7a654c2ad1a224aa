"""Advice about ensembles."""

import keras
import numpy as np
import pytest
from keras.wrappers import SKLearnClassifier
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from tests.advice.following import contributions, follow

ROWS = np.random.default_rng(0).normal(size=(40, 3))
CLASSES = np.digitize(ROWS[:, 0], [-0.4, 0.4])
NETWORK = MLPClassifier((3,), max_iter=5, random_state=0)
pytestmark = pytest.mark.advice


def explain(estimator, y=CLASSES, **parameters):
    return contributions(estimator, ROWS, y, **parameters)


def voting(*members, **parameters):
    return VotingClassifier([(str(number), each) for number, each in enumerate(members)], **parameters)


def of_keras(n_outputs):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(n_outputs, "softmax")])
    model.compile("sgd", "mse")
    return SKLearnClassifier(model, fit_kwargs={"verbose": 0})


def test_votes():
    follow(
        'Pass VotingClassifier(estimators, voting="soft")',
        lambda: explain(voting(NETWORK, NETWORK)),
        lambda: explain(voting(NETWORK, NETWORK, voting="soft")),
    )


def test_ensembles_without_networks():
    follow(
        "BaggingClassifier, BaggingRegressor, VotingClassifier or VotingRegressor of these",
        lambda: explain(StackingClassifier([("a", NETWORK)])),
        lambda: explain(BaggingClassifier(NETWORK, 2)),
    )


def test_steps_of_members():
    follow(
        "Put this step in front of all members: make_pipeline(step, ensemble)",
        lambda: explain(BaggingClassifier(make_pipeline(PowerTransformer(), NETWORK), 2)),
        lambda: explain(make_pipeline(PowerTransformer(), BaggingClassifier(NETWORK, 2))),
    )


def test_members_that_lack_a_class():
    pipeline = make_pipeline(StandardScaler(), NETWORK)
    few = BaggingClassifier(pipeline, 6, max_samples=3, random_state=0)
    follow(
        "Pass pre_activation=False to explain the mean of their outputs, or train each member on rows of all classes",
        lambda: explain(few),
        lambda: explain(few, pre_activation=False),
        lambda: explain(BaggingClassifier(pipeline, 6, bootstrap=False)),
    )


def test_members_of_different_outputs():
    two = CLASSES > 0
    follow(
        "Pass networks with one output for each class, or, for two classes, all with a single output",
        lambda: explain(voting(NETWORK, of_keras(2), voting="soft"), two),
        lambda: explain(voting(of_keras(2), of_keras(2), voting="soft"), two),
        lambda: explain(voting(NETWORK, NETWORK, voting="soft"), two),
    )
