"""Contributions and multipliers of the original implementation, network by network."""

import json
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, OcclusionExplainer, ShapleySamplingExplainer

ORACLES = Path(__file__).parent.parent / "oracles"
CASES = sorted(folder.name for folder in ORACLES.iterdir() if folder.is_dir())
# The original's max pooling does not sum to delta; here it does, so that the two differ.
WITH_MAX_POOLING = {"cnn2d_maxpool", "conv1d_genomics_maxpool", "conv1d_globalmax", "pool_before_relu"}


@cache
def description_of(case):
    return json.loads((ORACLES / case / "case.json").read_text())


@cache
def load(case):
    model = keras.models.load_model(ORACLES / case / "model.keras")
    return description_of(case), dict(np.load(ORACLES / case / "expected.npz")), model


def references_of(expected, inputs, rows, name):
    """References in one of the three shapes: shared for "zero" and "nz", three of each row for "shuf"."""
    if name == "zero":
        return {each: np.zeros((1, *rows[each].shape[1:]), np.float32) for each in inputs}
    if name == "nz":
        return {each: expected[f"ref__nz__{each}"] for each in inputs}
    [only] = inputs
    if name == "shufmean":
        return {only: expected["ref__shuf"].reshape(len(rows[only]), 3, *expected["ref__shuf"].shape[1:])}
    shuffled = expected["ref__shuf"]
    return {only: shuffled.reshape(len(rows[only]), 3, *shuffled.shape[1:])}


METHODS = {
    "Rescale": {"rule": "rescale"},
    "RevealCancel": {"rule": "reveal_cancel"},
    "DeepLIFT_GenomicsDefault": {"rule": "genomics_default"},
    "PassThrough": {"rule": "pass_through"},
    "GuidedBackpropRescale": {"rule": "guided_backprop_rescale"},
    "Rescale_meannorm": {"rule": "rescale", "center_logits": True},
    "RevealCancel_meannorm": {"rule": "reveal_cancel", "center_logits": True},
}
KINDS = {
    "contribs": "contributions",
    "mults": "multipliers",
    "hypcontribs": "hypothetical",
    "posmxts": "positive_multipliers",
    "negmxts": "negative_multipliers",
    "poscontribs": "positive_difference",
    "negcontribs": "negative_difference",
}


# All rules, inputs and layers of these; of the others, in the default run, RevealCancel at the inputs.
THOROUGH_BY_DEFAULT = {"conv1d_genomics_gap", "mlp_relu", "prelu_mlp", "toy_minmax"}


def keys_of(case, method, of_layers):
    """The keys of a case by task and reference, which is what one call of `explain` answers; and the layers in them."""
    description = description_of(case)
    calls, layers = {}, {}
    for key, entry in description["keys"].items():
        if (
            entry["method"] == method
            and entry["kind"] in KINDS
            and of_layers != (entry["layer"] in description["inputs"])
        ):
            name = f"{entry['layer']}:pre_activation" if entry["where"] == "preact" else entry["layer"]
            # Parts of a difference are the same whatever the target.
            task = description["tasks"][0] if entry["task"] in (None, "any") else entry["task"]
            calls.setdefault((task, entry["ref"]), {})[key] = layers.setdefault(name, name)
    return description, calls, list(layers)


def comparisons():
    for case in CASES:
        for method in METHODS:
            for of_layers in (False, True):
                default = case in THOROUGH_BY_DEFAULT or (method == "RevealCancel" and not of_layers)
                if case not in WITH_MAX_POOLING and keys_of(case, method, of_layers)[1]:
                    where = "layers" if of_layers else "inputs"
                    marks = () if default else pytest.mark.slow
                    yield pytest.param(case, method, of_layers, id=f"{case}-{method}-{where}", marks=marks)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("case", "method", "of_layers"), comparisons())
def test_everything_equals_the_original(case, method, of_layers):
    description, calls, layers = keys_of(case, method, of_layers)
    _, expected, model = load(case)
    inputs = description["inputs"]
    rows = {each: expected[f"x__{each}"] for each in inputs}
    explainer = DeepLiftExplainer(
        model,
        target=description["tasks"][0],
        reference="zeros",
        layer=layers if of_layers else None,
        check="ignore",
        max_samples=1,
        **METHODS[method],
    ).fit(rows if len(inputs) > 1 else rows[inputs[0]])
    for (task, reference), keys in calls.items():
        given, references = rows, references_of(expected, inputs, rows, reference)
        if reference == "shuf":
            # The original's answers are not averaged: one for each row and shuffle.
            given = {each: np.repeat(rows[each], 3, 0) for each in inputs}
            references = {each: array.reshape(-1, 1, *array.shape[2:]) for each, array in references.items()}
        apart = tells_apart(given, references) if "RevealCancel" in method or "Genomics" in method else None
        if len(inputs) == 1:
            given, references = given[inputs[0]], references[inputs[0]]
        explanation = explainer.explain(
            given,
            target=task,
            reference=references,
            multipliers=True,
            hypothetical=any("__hypcontribs__" in key for key in keys),
        )
        for key, layer in keys.items():
            entry = description["keys"][key]
            got = explanation[KINDS[entry["kind"]]]
            got = got[layers.index(layer)] if of_layers else got[layer] if isinstance(got, dict) else got
            answer = expected[key].astype(np.float64)
            if f"{key}__unstable" in expected:
                answer = np.where(expected[f"{key}__unstable"], expected[f"{key}__f64"], answer)
            compared = slice(None) if apart is None else apart
            np.testing.assert_allclose(
                got[compared], answer[compared], rtol=entry["rtol"], atol=entry["atol"], err_msg=key
            )


# DeepExplain's windows. Those in steps of two are four wide, whatever their name says.
WINDOWS = {
    "DX_occlusion_1": (1, 1),
    "DX_occlusion_4": (4, 1),
    "DX_occlusion_1x1x1": (1, 1),
    "DX_occlusion_3x3x1": ((3, 3, 1), 1),
    "DX_occlusion_step2_3x3x1": ((4, 4, 1), (2, 2, 1)),
}


def of_deepexplain(prefix, by_default):
    """The keys of DeepExplain that begin so, each with its case."""
    for case in CASES:
        description = description_of(case)
        for key, entry in description["keys"].items():
            if entry["method"].startswith(prefix) and "seed2" not in key:
                default = case in by_default and entry["task"] == description["tasks"][0]
                yield pytest.param(case, key, id=f"{case}-{key}", marks=() if default else pytest.mark.slow)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("case", "key"), of_deepexplain("DX_occlusion", {"mlp_relu", "cnn2d_allconv"}))
def test_windows_of_deepexplain(case, key):
    description, expected, model = load(case)
    entry, rows = description["keys"][key], expected["x__inp"]
    window_shape, step = WINDOWS[entry["method"]]
    explainer = OcclusionExplainer(
        model,
        window_shape=window_shape,
        step=step,
        normalize="window_size",
        reference="zeros",
        target=entry["task"],
        max_samples=1,
    ).fit(rows)
    np.testing.assert_allclose(explainer.transform(rows), expected[key], rtol=entry["rtol"], atol=entry["atol"])


@pytest.mark.parametrize(("case", "key"), of_deepexplain("DX_shapley", {"mlp_relu"}))
def test_shapley_values_of_deepexplain(case, key):
    """Two samples of orders differ by their errors: no more than DeepExplain's two seeds, and as ours says."""
    description, expected, model = load(case)
    entry, rows = description["keys"][key], expected["x__inp"]
    n_permutations = int(entry["method"].removeprefix("DX_shapley_sampling"))
    explainer = ShapleySamplingExplainer(
        model,
        n_permutations=n_permutations,
        antithetic=False,
        reference="zeros",
        target=entry["task"],
        max_samples=1,
        check="raise",
        random_state=0,
    )
    explanation = explainer.fit(rows[:1]).explain(rows)
    both_seeds = [expected[key], expected[key.replace("__contribs", "_seed2__contribs")]]
    error = explanation.standard_error
    for answer in both_seeds:
        difference = np.abs(explanation.contributions - answer)
        np.testing.assert_allclose(explanation.contributions, answer, rtol=0, atol=entry["atol"])
        # Of as many orders both have the same error; it is itself an estimate.
        assert 0.7 < np.sqrt(np.mean(difference**2) / np.mean(2 * error**2)) < 1.3
    np.testing.assert_allclose(
        explanation.contributions.sum(tuple(range(1, rows.ndim))),
        both_seeds[0].sum(tuple(range(1, rows.ndim))),
        rtol=0,
        atol=1e-5 * np.abs(both_seeds[0]).max() * np.sqrt(rows[0].size),
    )


def tells_apart(rows, references):
    """The rows of which no difference is between zero and the size under which it counts as zero.

    There the original replaces it by one of that size, in which even a kink may lie; here its slope is the limit. The
    same is true of inputs that put a value so near to a kink.
    """
    apart = True
    for name, array in rows.items():
        per_row = references[name].ndim > array.ndim
        delta = np.abs(array[:, None] - (references[name] if per_row else references[name][None]))
        for size in (delta, np.abs(array)):
            apart = apart & ~((size > 0) & (size < 1e-7)).any(tuple(range(1, size.ndim)))
    return apart


@pytest.mark.sampled(9)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("reference", [pytest.param("zeros", marks=pytest.mark.slow), "sample"])
def test_contributions_sum_to_the_change(case, reference):
    description, expected, model = load(case)
    inputs = description["inputs"]
    rows = {each: expected[f"x__{each}"] for each in inputs}
    rows = rows[inputs[0]] if len(inputs) == 1 else rows
    task = description["tasks"][0]
    explainer = DeepLiftExplainer(model, target=task, reference=reference, random_state=0, check="ignore").fit(rows)
    explanation = explainer.explain(rows)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert np.abs(explanation.convergence_delta).max() <= 1e-5 * change


def test_prediction_is_the_pre_activation_of_the_original():
    _, expected, model = load("cnn2d_allconv")
    explanation = (
        DeepLiftExplainer(model, target=8)
        .fit(expected["x__inp"])
        .explain(expected["x__inp"], reference=expected["ref__nz__inp"])
    )
    np.testing.assert_allclose(explanation.prediction, expected["act__x"][:, 8], rtol=1e-5)
    np.testing.assert_allclose(explanation.reference_value, expected["act__nz"][:, 8], rtol=1e-5)
