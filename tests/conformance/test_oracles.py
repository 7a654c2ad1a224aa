"""Contributions and multipliers of the original implementation, network by network."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer

ORACLES = Path(__file__).parent.parent / "oracles"
CASES = sorted(folder.name for folder in ORACLES.iterdir() if folder.is_dir())
# The original's max pooling does not sum to delta; here it does, so that the two differ.
WITH_MAX_POOLING = {"cnn2d_maxpool", "conv1d_genomics_maxpool", "conv1d_globalmax", "pool_before_relu"}


def load(case):
    model = keras.models.load_model(ORACLES / case / "model.keras")
    expected = dict(np.load(ORACLES / case / "expected.npz"))
    return json.loads((ORACLES / case / "case.json").read_text()), expected, model


def references_of(expected, inputs, rows, name):
    """References in one of the three shapes: shared for "zero" and "nz", three of each row for "shuf"."""
    if name == "zero":
        return {each: np.zeros((1, *rows[each].shape[1:]), np.float32) for each in inputs}
    if name == "nz":
        return {each: expected[f"ref__nz__{each}"] for each in inputs}
    [only] = inputs
    shuffled = expected["ref__shuf"]
    return {only: shuffled.reshape(len(rows[only]), 3, *shuffled.shape[1:])}


@pytest.mark.parametrize("case", [case for case in CASES if case not in WITH_MAX_POOLING])
def test_rescale_at_the_inputs_equals_the_original(case):
    description, expected, model = load(case)
    inputs = description["inputs"]
    rows = {each: expected[f"x__{each}"] for each in inputs}
    keys = {
        key: entry
        for key, entry in description["keys"].items()
        if entry["method"] == "Rescale" and entry["layer"] in inputs and entry["kind"] in ("contribs", "mults")
    }
    assert keys
    explanations = {}
    for key, entry in keys.items():
        task, reference = entry["task"], entry["ref"]
        if (task, reference) not in explanations:
            references = references_of(expected, inputs, rows, reference)
            given = rows
            if reference == "shuf":
                # The original's answers are not averaged: one for each row and shuffle.
                given = {each: np.repeat(rows[each], 3, 0) for each in inputs}
                references = {each: array.reshape(-1, 1, *array.shape[2:]) for each, array in references.items()}
            single = len(inputs) == 1
            explainer = DeepLiftExplainer(
                model, target=task, reference=references[inputs[0]] if single else references, check="ignore"
            )
            given = given[inputs[0]] if single else given
            explanations[task, reference] = explainer.fit(given).explain(given, multipliers=True)
        explanation = explanations[task, reference]
        got = explanation.contributions if entry["kind"] == "contribs" else explanation.multipliers
        got = got[entry["layer"]] if isinstance(got, dict) else got
        answer = expected[key].astype(np.float64)
        if f"{key}__unstable" in expected:
            answer = np.where(expected[f"{key}__unstable"], expected[f"{key}__f64"], answer)
        np.testing.assert_allclose(got, answer, rtol=entry["rtol"], atol=entry["atol"], err_msg=key)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("reference", ["zeros", "sample"])
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
