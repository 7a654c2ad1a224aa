"""The numbers of captum 0.9.0 (torch 2.13.0, float64) for a small network, computed once and kept here."""

import keras
import numpy as np
import pytest

from skdeeplift import GradientExplainer, GuidedBackpropExplainer, IntegratedGradientsExplainer

SHAPES = (3, 6), (6, 5), (5, 2)
CAPTUM = {
    "saliency": [[0.43684346, 4.03147636, 1.04378269], [2.13872635, 4.48928669, 1.41923098]],
    "gradient_x_input": [[-0.26613208, -6.41262849, -1.2433818], [-0.75824681, -4.70659294, 1.99538616]],
    "guided_backprop": [[-0.58792422, 3.44095895, -0.40467358], [2.20176091, -2.17917822, -0.30345526]],
    "deconvnet": [[1.61383668, 1.26178074, -0.70812884], [1.61383668, 1.26178074, -0.70812884]],
    "gausslegendre": [[1.10254103, -0.68737357, 1.76633069], [-0.92852905, -4.46746369, 11.15337336]],
    "midpoint": [[1.03054325, -0.58720639, 1.7688514], [-0.85564425, -4.40643088, 11.1605351]],
    "riemann_left": [[1.17391795, -0.02579261, 1.86460852], [-0.93447186, -4.46602376, 11.18756261]],
    "riemann_right": [[1.05194922, -1.25925208, 1.76316537], [-0.90482677, -4.32920306, 10.64479009]],
    # Its weights sum to 19 / 20 only.
    "trapezoid": [[1.06652133, -0.54874666, 1.67946788], [-0.80059407, -4.18624786, 10.66745446]],
}


def network_and_rows():
    random = np.random.default_rng(3)
    kernels = [random.normal(size=shape) for shape in SHAPES]
    biases = [random.normal(size=shape[1]) * 0.3 for shape in SHAPES]
    rows, reference = random.normal(size=(2, 3)), random.normal(size=(1, 3))
    layers = [keras.layers.Dense(6, "relu"), keras.layers.Dense(5, "relu"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.set_weights([array for pair in zip(kernels, biases, strict=True) for array in pair])
    return model, rows.astype(np.float32), reference.astype(np.float32)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CAPTUM)
def test_equals_captum(name):
    model, rows, reference = network_and_rows()
    if name in ("saliency", "gradient_x_input"):
        explainer = GradientExplainer(model, kind=name, target=1)
    elif name in ("guided_backprop", "deconvnet"):
        explainer = GuidedBackpropExplainer(model, rule=name, target=1)
    else:
        explainer = IntegratedGradientsExplainer(
            model, n_steps=20, method=name, reference=reference, target=1, check="ignore"
        )
    expected = np.array(CAPTUM[name]) * (20 / 19 if name == "trapezoid" else 1)
    np.testing.assert_allclose(explainer.fit_transform(rows), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
