"""Every example runs as a script of its own, and finds what its text says."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
RUNNER = Path(__file__).with_name("run_example.py")

pytest.importorskip("matplotlib")


def breast_cancer_selection(found):
    assert found["accuracy_of_all"] > 0.93
    assert found["accuracy_of_selected"] > 0.93
    assert 1 < len(found["selected"]) < 30
    assert found["correlation"] > 0.9
    assert found["importances"]["size"] > 2.5 * found["largest_of_size"]


def attribution_prior(found):
    table = found["table"]
    assert (table.loc["no penalty", ["clinic", "device"]] > 0.05).all()
    assert table.loc["the clinic", "clinic"] < 0.01
    assert table.loc["the clinic", "device"] > table.loc["no penalty", "device"]
    assert (table.loc["the clinic and the device", ["clinic", "device"]] < 0.01).all()
    assert table["test"].is_monotonic_increasing
    assert table["test"].iloc[2] > table["test"].iloc[0] + 0.05


def honest_selection(found):
    means = found["table"].mean()
    assert means["before the folds"] > 0.65
    assert means["trained network"] > 0.65
    assert abs(means["untrained network"] - 0.5) < 0.1


def wide_data(found):
    assert found["auroc"] > 0.85
    table = found["table"]
    above_mean, above_probes = table.loc["above the mean"], table.loc["above 99 % of the probes"]
    assert above_mean["shuffled copies"] > 300
    assert above_probes["shuffled copies"] <= 20
    assert above_probes["measurements"] >= 18
    assert found["of_train"] > 0.99
    assert found["of_selected"] > found["of_test"] + 0.03
    assert found["share"] < 0.15


def lstm_series(found):
    table = found["table"]
    assert found["accuracy"] > 0.95
    assert found["missed"] < 1e-4
    assert table.loc["DeepLIFT", "share of event"] > 2 * table.loc["DeepLIFT", "of distractor"]
    for measure in ("share of event", "AUROC"):
        assert table.loc["DeepLIFT", measure] > table.loc["gradient × input", measure]
    assert 2 <= np.median(found["decided"]) < 8


def text_tokens(found):
    by_word = found["by_word"]
    assert found["accuracy"] > 0.97
    for word in ("good", "great"):
        assert by_word.loc[word, False] > 0 > by_word.loc[word, True]
    for word in ("bad", "awful"):
        assert by_word.loc[word, False] < 0 < by_word.loc[word, True]
    assert found["together"] > 0.97
    assert found["together"] > found["one_word"]


def residual_layer(found):
    table = found["table"]
    size = table["change"].abs().max()
    assert found["accuracy"] > 0.95
    np.testing.assert_allclose(table["pixels"], table["change"], atol=1e-4 * size)
    np.testing.assert_allclose(table["block_1"], table["change"], atol=1e-4 * size)
    assert np.abs(table["block_1_second"] - table["change"]).max() > 0.01 * size
    assert found["correlation"] > 0.6


def choosing_references(found):
    assert found["far"]["zeros"] > 2 * found["far"]["training wines"]
    at_reference = found["at_reference"]
    assert at_reference["zeros"] < at_reference.drop("zeros").min() - 10
    assert found["correlations"].loc["zeros", "sample"] == found["correlations"]["sample"].min()
    errors = found["report"].loc["fitted", "standard_error"]
    assert errors[64] < errors[8]


def compare_methods(found):
    table, areas = found["table"].drop(columns="better").astype(float), found["areas"]
    assert table.loc["summation_to_delta_error", ["RevealCancel", "Rescale"]].max() < 1e-4
    assert (areas.drop("at random") < areas["at random"]).all()
    assert table.loc["deletion_score"].idxmin() == table.loc["sensitivity_n"].idxmin() == "guided backprop"
    last = found["agreement"].iloc[-1]
    assert last["guided backprop"] > 0.3
    assert last.drop("guided backprop").abs().max() < 0.2


def hypothetical_modisco(found):
    assert found["accuracy"] > 0.9
    assert found["found"] > 0.75
    assert found["most_common"] == 0
    assert found["correlation"] > 0.8
    assert found["agreement"] > 0.9
    assert found["expected"].min() > found["effects"].min() + 1
    n_rows = len(found["starts"])
    assert found["shapes"] == dict.fromkeys(("sequences.npz", "hypothetical.npz"), (n_rows, 4, 100))


def profile_motifs(found):
    assert found["correlation"] > 0.5
    assert found["PEAKS"].keys() == found["sites"].keys()
    # Of the log counts, which come last.
    assert found["importance"][found["inside"]].sum() > 0.3 * found["importance"].sum()
    assert found["inside"].mean() < 0.1


def dask_cluster(found):
    assert found["difference"] < 1e-6
    assert len(found["strongest"]) == 5
    assert (found["importances"] > 0).all()


def genomics_motifs(found):
    """More of it is tested beside its functions."""
    assert found["auroc"].loc["genomics_default"].min() > 0.87
    shuffled = found["of_references"]
    assert (shuffled.loc["ten shuffles"] > shuffled.loc["one shuffle"]).all()
    assert shuffled.to_numpy().min() > 0.7


def mnist_revealcancel(found):
    """More of it is tested beside its functions."""
    table = found["table"]
    assert (table.idxmax(axis=1) == "RevealCancel").all()


# The claims of each example, and how many figures it draws.
CLAIMS = {
    breast_cancer_selection: 3,
    choosing_references: 2,
    compare_methods: 2,
    dask_cluster: 1,
    genomics_motifs: 2,
    attribution_prior: 1,
    honest_selection: 1,
    hypothetical_modisco: 2,
    lstm_series: 1,
    mnist_revealcancel: 2,
    profile_motifs: 1,
    residual_layer: 2,
    text_tokens: 2,
    wide_data: 1,
}


def test_every_example_has_claims():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {f"plot_{claims.__name__}" for claims in CLAIMS}


def files_of_examples():
    """Every file of the examples and of their data, and when it was written."""
    folders = EXAMPLES, ROOT / "tests" / "paper"
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("claims", CLAIMS, ids=lambda claims: claims.__name__)
def test_an_example_finds_what_it_says(claims, tmp_path):
    folder, temporary, values, before = tmp_path / "run", tmp_path / "tmp", tmp_path / "values", files_of_examples()
    folder.mkdir()
    temporary.mkdir()
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": search, "TMPDIR": str(temporary)}
    # A cluster leaves an empty folder behind.
    environment["DASK_TEMPORARY_DIRECTORY"] = str(tmp_path / "dask")
    example = EXAMPLES / f"plot_{claims.__name__}.py"
    command = [sys.executable, str(RUNNER), str(example), str(values)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = pickle.loads(values.read_bytes())
    assert found["n_figures"] == CLAIMS[claims]
    claims(found)
    for warning in ("SummationToDelta", "ConvergenceWarning", "DeprecationWarning", "FutureWarning"):
        assert warning not in done.stderr
    assert list(folder.iterdir()) == list(temporary.iterdir()) == []
    assert files_of_examples() == before
