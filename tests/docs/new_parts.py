"""Use what the paths of contributors add: a reference, a target, a model format and outputs, each in a few lines."""

import json
import sys
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
import pandas as pd

from skdeeplift import DeepLiftExplainer, load_network
from skdeeplift.__main__ import main

KERNEL = np.array([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0]])
ROWS = pd.DataFrame([[1.0, 0.0, 2.0], [-1.0, 3.0, 0.5], [0.0, 2.0, -4.0]], columns=["age", "height", "weight"])


def make_model(activation=None):
    layers = [keras.Input((3,)), keras.layers.Dense(2, use_bias=False), keras.layers.Activation(activation or "linear")]
    model = keras.Sequential(layers)
    model.set_weights([KERNEL])
    return model


def explain(target, activation=None, **parameters):
    return DeepLiftExplainer(make_model(activation), target=target, **parameters).fit(ROWS).explain(ROWS)


def use_reference(folder):
    found = explain(0, reference="maximum").contributions
    np.testing.assert_allclose(found, (ROWS - ROWS.max()) * KERNEL[:, 0], rtol=1e-6, atol=1e-6)


def use_target(folder):
    """The word means the first output, and sees the output behind the softmax."""
    found = explain("first", "softmax")
    np.testing.assert_array_equal(found.contributions, explain(0, "softmax", pre_activation=False).contributions)
    assert np.abs(found.contributions.sum(1)).max() < 1


def use_format(folder):
    np.savetxt(folder / "model.dense", KERNEL)
    expected = DeepLiftExplainer(make_model(), target=1).fit(ROWS).transform(ROWS)
    for model in (folder / "model.dense", load_network(folder / "model.dense")):
        np.testing.assert_array_equal(DeepLiftExplainer(model, target=1).fit(ROWS).transform(ROWS), expected)


def use_outputs(folder):
    explanation = explain(1)
    ranked = explanation.to_ranked_frame()
    assert ranked.contribution.abs().is_monotonic_decreasing
    assert len(ranked) == 9
    [bar] = explanation[0].plot.total().ax_.patches
    np.testing.assert_allclose(bar.get_width(), explanation.contributions[0].sum(), rtol=1e-6)
    np.savetxt(folder / "model.dense", KERNEL)
    ROWS.to_csv(folder / "rows.csv", index=False)
    words = ["explain", "model.dense", "rows.csv", "--target", "1", "--output", "contributions.json", "--quiet"]
    assert main([str(folder / word) if "." in word else word for word in words]) == 0
    written = pd.DataFrame(json.loads((folder / "contributions.json").read_text()))
    np.testing.assert_allclose(written[list(ROWS)], explanation.contributions, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    mpl.use("agg")
    for use in (use_reference, use_target, use_format, use_outputs):
        use(Path(sys.argv[1]))
        print(use.__name__)
