"""Gradient methods of the two original implementations, network by network."""

import keras
import numpy as np
import pytest

from skdeeplift import (
    DeepLiftExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
)
from tests.conformance.test_oracles import CASES, description_of, load, references_of

MULTIPLIERS = {
    "Gradient": (GradientExplainer, {"kind": "gradient"}),
    "GuidedBackprop": (GuidedBackpropExplainer, {}),
    "DeconvNet": (GuidedBackpropExplainer, {"rule": "deconvnet"}),
}
AT_INPUTS = {
    "IG10": (IntegratedGradientsExplainer, {"n_steps": 10, "method": "midpoint"}),
    "IG50": (IntegratedGradientsExplainer, {"n_steps": 50, "method": "midpoint"}),
    "DX_intgrad20": (IntegratedGradientsExplainer, {"n_steps": 20, "method": "riemann_right"}),
    "DX_intgrad100": (IntegratedGradientsExplainer, {"n_steps": 100, "method": "riemann_right"}),
    "DX_saliency": (GradientExplainer, {"kind": "saliency"}),
    "DX_gradxinput": (GradientExplainer, {}),
    "DX_elrp": (LRPExplainer, {}),
    "DX_elrp_eps0.1": (LRPExplainer, {"epsilon": 0.1}),
}
# Layers behind max pooling, which the original loses the differences of: it gives zeros.
WITHOUT_DIFFERENCE = {
    "cnn2d_maxpool": "p1",
    "conv1d_genomics_maxpool": "p1",
    "conv1d_globalmax": "gmp",
    "pool_before_relu": "r1",
}
# Those whose activations are more than plain relu after a weighted sum.
BY_DEFAULT = {"mlp_tanh_sigmoid", "prelu_mlp", "two_input_concat", "pool_before_relu", "toy_minmax"}


def keys_of(case, method):
    description = description_of(case)
    return description, {key: entry for key, entry in description["keys"].items() if entry["method"] == method}


def comparisons(methods):
    for case in CASES:
        for method in methods:
            if keys_of(case, method)[1]:
                marks = () if case in BY_DEFAULT else pytest.mark.slow
                yield pytest.param(case, method, id=f"{case}-{method}", marks=marks)


def rows_of(description, expected):
    rows = {each: expected[f"x__{each}"] for each in description["inputs"]}
    return rows, rows if len(rows) > 1 else rows[description["inputs"][0]]


def compare(got, expected, key, entry, rows=slice(None)):
    np.testing.assert_allclose(got[rows], expected[key][rows], rtol=entry["rtol"], atol=entry["atol"], err_msg=key)


def rows_without_ties(case, method, model, rows):
    """Those in which no maximum is of zeros only, each of which gets all that comes back in the original."""
    if (case, method) != ("conv1d_globalmax", "DeconvNet"):
        return slice(None)
    maxima = keras.Model(model.inputs, model.get_layer("gmp").output)(rows).numpy()
    assert (maxima > 0).all(1).sum() >= 3
    return (maxima > 0).all(1)


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("case", "method"), comparisons(MULTIPLIERS))
def test_multipliers_and_their_products_with_differences(case, method):
    """The original calls the gradient times the difference-from-reference contributions, at layers too."""
    description, keys = keys_of(case, method)
    _, expected, model = load(case)
    rows, given = rows_of(description, expected)
    compared = rows_without_ties(case, method, model, given)
    explainer_class, parameters = MULTIPLIERS[method]
    names = {
        key: entry["layer"] + (":pre_activation" if entry["where"] == "preact" else "") for key, entry in keys.items()
    }
    layers = list(dict.fromkeys(name for name in names.values() if name not in rows))
    for layer in (None, layers) if layers else (None,):
        common = {"target": description["tasks"][0], "max_samples": 1, "layer": layer}
        explainer = explainer_class(model, **parameters, **common).fit(given)
        if layer is not None:
            differences = DeepLiftExplainer(model, reference="zeros", check="ignore", **common).fit(given)
        for task in description["tasks"]:
            multipliers = explainer.explain(given, target=task).contributions
            for reference in ("zero", "nz"):
                references = references_of(expected, rows, rows, reference)
                if layer is None:
                    by_name = multipliers if isinstance(multipliers, dict) else {description["inputs"][0]: multipliers}
                    delta = {name: rows[name] - references[name] for name in rows}
                else:
                    by_name = dict(zip(layers, multipliers, strict=True))
                    parts = differences.explain(
                        given, reference=references if len(rows) > 1 else references.popitem()[1]
                    )
                    both = zip(parts.positive_difference, parts.negative_difference, strict=True)
                    delta = dict(zip(layers, (positive + negative for positive, negative in both), strict=True))
                for key, name in names.items():
                    entry = keys[key]
                    if name in by_name and (entry["task"], entry["ref"]) == (task, reference):
                        product = by_name[name] * delta[name] if entry["kind"] == "contribs" else by_name[name]
                        if WITHOUT_DIFFERENCE.get(case) == entry["layer"]:
                            assert not expected[key].any()
                        else:
                            compare(product, expected, key, entry, compared)


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("case", "method"), comparisons(AT_INPUTS))
def test_contributions_of_inputs(case, method):
    description, keys = keys_of(case, method)
    _, expected, model = load(case)
    rows, given = rows_of(description, expected)
    explainer_class, parameters = AT_INPUTS[method]
    explainer = explainer_class(model, target=description["tasks"][0], max_samples=1, **parameters)
    if explainer_class is IntegratedGradientsExplainer:
        explainer.set_params(reference="zeros", check="ignore")
    explainer.fit(given)
    compared = 0
    for key, entry in keys.items():
        reference = None
        if entry["ref"] != "none":
            reference = references_of(expected, rows, rows, entry["ref"])
            reference = reference if len(rows) > 1 else reference[description["inputs"][0]]
        got = explainer.explain(given, target=entry["task"], reference=reference).contributions
        compare(got[entry["layer"]] if len(rows) > 1 else got, expected, key, entry)
        compared += 1
    assert compared == len(keys) > 0
