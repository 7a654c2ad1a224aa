"""Advice about sequences, on the command line and in Python."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.__main__ import main
from skdeeplift.sequences import extract_sequences, one_hot, resize_regions, write_bigwig
from tests.advice.following import follow

pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    letters = keras.Input((8, 4), name="letters")
    keras.Model(letters, keras.layers.Dense(1)(keras.layers.Flatten()(letters))).save(folder / "model.keras")
    tracks = keras.Input((8, 4), name="tracks")
    both = keras.layers.Flatten()(keras.layers.Add()([letters, tracks]))
    keras.Model([letters, tracks], keras.layers.Dense(1)(both)).save(folder / "two.keras")
    of_five = keras.Input((8, 5))
    keras.Model(of_five, keras.layers.Dense(1)(keras.layers.Flatten()(of_five))).save(folder / "five.keras")
    of_any_length = keras.Input((None, 4))
    pooled = keras.layers.GlobalAveragePooling1D()(of_any_length)
    keras.Model(of_any_length, keras.layers.Dense(1)(pooled)).save(folder / "any.keras")
    (folder / "genome.fa").write_text(">chr1\n" + "GATTACAGCATGCC" * 4 + "\n")
    (folder / "regions.bed").write_text("chr1\t5\t12\nchr1\t20\t30\n")
    return folder


@pytest.fixture
def run(folder, tmp_path, capsys, monkeypatch):
    """A function that runs the command, and returns its error, or None."""
    monkeypatch.chdir(tmp_path)

    def explain(*words, model="model.keras", data="regions.bed"):
        files = ["--genome", folder / "genome.fa"] if data.endswith("bed") and "--genome" not in words else []
        words = ["explain", folder / model, folder / data, "--reference", "zeros", *files, *words]
        status = main(list(map(str, words)))
        error = capsys.readouterr().err
        return error if status else None

    return explain


def test_options_of_sequences(run, folder, tmp_path):
    assert "Pass --output, --modisco or --bigwig too" in run("--logo", "1")
    for result in (["--output", "out.npz"], ["--modisco", "modisco"], ["--bigwig", "out.bw"]):
        assert run("--logo", "1", *result) is None
    assert (tmp_path / "out_logo_1.png").exists()
    assert (tmp_path / "modisco" / "logo_1.png").exists()
    assert "Pass --alphabet with the letters in the order of the network's columns" in run(model="five.keras")
    assert run("--alphabet", "ACGTX", model="five.keras") is None
    assert "Pass --length N" in run(model="any.keras")
    assert run("--length", "6", model="any.keras") is None


def test_layers_short_sequences_and_half_precision(run, folder, tmp_path):
    layer = keras.saving.load_model(folder / "model.keras").layers[1].name
    assert "Explain one --layer of sequences at a time, with --output" in run("--layer", layer, "--bigwig", "out.bw")
    assert run("--layer", layer, "--output", "out.npz") is None
    (folder / "short.fa").write_text(">one\nACGTAC\n")
    assert "pass --length 8" in run(data="short.fa")
    assert run("--length", "8", data="short.fa") is None
    model = keras.saving.load_model(folder / "model.keras")
    model.set_weights([1e6 * weights for weights in model.get_weights()])
    model.save(folder / "large.keras")
    assert "Leave --float16 out" in run("--output", "out.npz", "--float16", model="large.keras")
    assert run("--output", "out.npz", model="large.keras") is None


def test_unfinished_results(run, tmp_path):
    folder = tmp_path / "out.npz.unfinished"
    folder.mkdir()
    (folder / "progress.json").write_text(json.dumps({"description": {}, "n_finished": 2}))
    assert "or pass --restart to delete them" in run("--output", "out.npz")
    assert run("--output", "out.npz", "--restart") is None
    assert Explanation.load(tmp_path / "out.npz").contributions.shape == (2, 8, 4)
    assert not folder.exists()


def test_networks_of_several_inputs(run, folder):
    assert 'skdeeplift.sequences reads the file, and the reference "held" keeps inputs' in run(model="two.keras")
    letters = one_hot(extract_sequences(folder / "regions.bed", folder / "genome.fa", length=8))
    reference = {"letters": "zeros", "tracks": "held"}
    model, rows = keras.saving.load_model(folder / "two.keras"), {"letters": letters, "tracks": letters}
    contributions = DeepLiftExplainer(model, reference=reference).fit(rows).transform(rows)
    assert np.abs(contributions["letters"]).max() > 0
    assert not contributions["tracks"].any()


def test_scores_along_a_genome(tmp_path):
    pytest.importorskip("pyBigWig")
    regions = pd.DataFrame({"chrom": ["one", "one"], "start": [0, 20], "end": [4, 30]})
    scores = np.ones((2, 6))

    def write(regions, sizes):
        write_bigwig(tmp_path / "scores.bw", regions, scores, sizes)
        return (tmp_path / "scores.bw").stat().st_size

    follow(
        "resize_regions gives regions one length",
        lambda: write(regions, {"one": 40}),
        lambda: write(resize_regions(regions, 6), {"one": 40}),
    )
    windows = resize_regions(regions, 6)
    follow(
        "Pass sizes= with all chromosomes",
        lambda: write(windows, {"two": 40}),
        lambda: write(windows, {"one": 40, "two": 40}),
    )
