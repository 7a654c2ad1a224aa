import keras
import numpy as np
import pandas as pd
import pytest

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.__main__ import main
from skdeeplift.command_line import explain_sequences
from skdeeplift.sequences import extract_sequences, one_hot, read_regions, resize_regions

LENGTH = 12
REFERENCE = ["--reference", "dinucleotide_shuffle", "--max-references", "4"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network with a profile and counts, a genome, and regions of it."""
    folder = tmp_path_factory.mktemp("sequences")
    generator = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    letters = keras.Input((LENGTH, 4))
    hidden = keras.layers.Conv1D(3, 3, padding="same", activation="relu")(letters)
    profile = keras.layers.Conv1D(1, 3, padding="same", name="profile")(hidden)
    counts = keras.layers.Dense(1, name="counts")(keras.layers.GlobalAveragePooling1D()(hidden))
    keras.Model(letters, {"profile": profile, "counts": counts}).save(folder / "model.keras")
    with open(folder / "genome.fa", "w") as file:
        for name, size in {"chr1": 300, "chr2": 90}.items():
            file.write(f">{name}\n{''.join(generator.choice(list('ACGTacgt'), size))}\n")
    starts = np.linspace(20, 250, 70).astype(int)
    lines = [f"chr1\t{start}\t{start + 7}\tr\t0\t{strand}\n" for start, strand in zip(starts, "+-" * 35, strict=True)]
    (folder / "regions.bed").write_text("".join([*lines, "chr2\t3\t9\tr\t0\t+\n"]))
    return folder


def explain(files, *words, data="regions.bed"):
    genome = ["--genome", files / "genome.fa"] if data.endswith(".bed") else []
    return main(["explain", *map(str, [files / "model.keras", files / data, *genome, *REFERENCE, *words])])


def expected(files, output, target, **options):
    X = one_hot(extract_sequences(files / "regions.bed", files / "genome.fa", length=LENGTH, **options))
    explainer = DeepLiftExplainer(
        keras.saving.load_model(files / "model.keras"),
        output=output,
        target=target,
        reference="dinucleotide_shuffle",
        max_references=4,
        random_state=0,
    )
    return X, explainer.fit(X).explain(X, hypothetical=True)


def test_regions_to_all_files_of_the_field(files, tmp_path, capsys):
    pyBigWig = pytest.importorskip("pyBigWig")
    words = ["--output", tmp_path / "out.npz", "--bigwig", tmp_path / "out.bw", "--modisco", tmp_path / "modisco"]
    assert explain(files, "--head", "profile", "--target", "profile", *words, "--logo", "2") == 0
    X, wanted = expected(files, "profile", "profile")
    got = Explanation.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(got.X, X)
    for name in ("contributions", "hypothetical", "prediction", "reference_value", "standard_error"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-5, atol=1e-7)
    windows = resize_regions(read_regions(files / "regions.bed"), LENGTH)
    assert got.index[0] == f"chr1:{windows['start'][0]}-{windows['end'][0]}"
    assert len(got.index) == len(X) == 71
    sequences, hypothetical = (
        np.load(tmp_path / "modisco" / f"{name}.npz")["arr_0"] for name in ("sequences", "hypothetical")
    )
    np.testing.assert_array_equal(sequences, X.swapaxes(1, 2))
    np.testing.assert_allclose(hypothetical, wanted.hypothetical.swapaxes(1, 2), rtol=1e-5, atol=1e-7)
    with pyBigWig.open(str(tmp_path / "out.bw")) as file:
        # No other region is near the one on this chromosome.
        start, end = windows[["start", "end"]].iloc[-1]
        np.testing.assert_allclose(
            file.values("chr2", start, end), wanted.contributions[-1].sum(1), rtol=1e-4, atol=1e-6
        )
    printed = capsys.readouterr().out
    assert "71 sequences of 12 letters; the profile is" in printed
    assert f"modisco motifs -s {tmp_path / 'modisco' / 'sequences.npz'} -a" in printed
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"out.npz", "out.bw", "modisco", "out_logo_1.png", "out_logo_2.png"}


def test_strands_counts_and_half_precision(files, tmp_path, capsys):
    pyBigWig = pytest.importorskip("pyBigWig")
    words = ["--output", tmp_path / "out.npz", "--bigwig", tmp_path / "out.bw", "--by-strand", "--float16", "--quiet"]
    assert explain(files, "--head", "counts", *words) == 0
    assert capsys.readouterr().out == ""
    _, wanted = expected(files, "counts", "auto", by_strand=True)
    got = Explanation.load(tmp_path / "out.npz")
    assert got.contributions.dtype == np.float16
    assert got.get("hypothetical") is None
    assert got.prediction.dtype != np.float16
    np.testing.assert_allclose(got.contributions, wanted.contributions, rtol=2e-3, atol=1e-5)
    windows = resize_regions(read_regions(files / "regions.bed"), LENGTH)
    # The second region is on the other strand; its middle letter is nearest to it.
    middle = (windows["start"][1] + windows["end"][1]) // 2
    with pyBigWig.open(str(tmp_path / "out.bw")) as file:
        [value] = file.values("chr1", middle, middle + 1)
    np.testing.assert_allclose(value, wanted.contributions[1, LENGTH - 1 - LENGTH // 2].sum(), rtol=2e-3, atol=1e-5)


def test_an_interrupted_command_goes_on_where_it_was(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(explain_sequences, "BLOCK", 32)
    words = ["--head", "counts", "--output", tmp_path / "out.npz"]
    calls, explained = [], DeepLiftExplainer.explain

    def interrupted(self, X, **options):
        calls.append(len(X))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return explained(self, X, **options)

    monkeypatch.setattr(DeepLiftExplainer, "explain", interrupted)
    assert explain(files, *words) == 130
    assert "32 of 71 sequences are explained. Repeat the command to go on from there." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz.unfinished"]
    # Another command does not take the results for its own.
    assert explain(files, *words, "--seed", "1") == 2
    message = capsys.readouterr().err
    assert "another seed. Repeat that command to finish them, or pass --restart to delete them" in message
    assert explain(files, *words) == 0
    assert calls == [32, 32, 32, 7]
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]
    _, wanted = expected(files, "counts", "auto")
    np.testing.assert_allclose(
        Explanation.load(tmp_path / "out.npz").contributions, wanted.contributions, rtol=1e-5, atol=1e-7
    )


def test_results_that_cannot_be_written_are_not_lost(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(explain_sequences, "BLOCK", 32)
    words, output = ["--head", "counts", "--output", tmp_path / "out.npz"], tmp_path / "out.npz"

    def full(*arguments):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(explain_sequences, "write_contributions", full)
        assert explain(files, *words) == 2
    assert not output.exists()
    calls, explained = [], DeepLiftExplainer.explain

    def counted(self, X, **options):
        calls.append(len(X))
        return explained(self, X, **options)

    monkeypatch.setattr(DeepLiftExplainer, "explain", counted)
    assert explain(files, *words) == 0
    assert calls == [7]
    assert Explanation.load(output).contributions.shape == (71, LENGTH, 4)
    # Unfinished results of another command are deleted on request.
    (tmp_path / "out.npz.unfinished").mkdir()
    (tmp_path / "out.npz.unfinished" / "progress.json").write_text('{"description": {}, "n_finished": 71}')
    assert explain(files, *words) == 2
    assert explain(files, *words, "--restart") == 0


def test_sequences_of_a_fasta_file(files, tmp_path, capsys):
    (tmp_path / "few.fa").write_text(">one\nACGTACGTACGT\n>two\nNNACGTACGTAA\n")
    words = [
        files / "model.keras",
        tmp_path / "few.fa",
        *REFERENCE,
        "--head",
        "counts",
        "--output",
        tmp_path / "out.csv",
    ]
    assert main(["explain", *map(str, words)]) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    columns = ["row", "feature_0", "feature_1", "value", "contribution", "standard_error"]
    assert table.columns.tolist() == [*columns, "prediction", "reference_value"]
    assert table["row"].unique().tolist() == ["one", "two"]
    assert len(table) == 2 * LENGTH * 4


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shape", [(4, LENGTH), (LENGTH, 4, 1), (4, LENGTH, 1), (1, 4, LENGTH)])
def test_layouts_of_other_networks(files, tmp_path, shape):
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    is_last = shape[axes[1]] == 4
    keras.utils.set_random_seed(0)
    letters = keras.Input(shape)
    model = keras.Model(letters, keras.layers.Dense(1)(keras.layers.Flatten()(letters)))
    model.save(tmp_path / "model.keras")
    words = [tmp_path / "model.keras", files / "regions.bed", "--genome", files / "genome.fa", "--reference", "zeros"]
    words += ["--output", tmp_path / "out.npz", "--bigwig", tmp_path / "out.bw", "--logo", "1"]
    assert main(["explain", *map(str, words)]) == 0
    got = Explanation.load(tmp_path / "out.npz")
    assert got.X.shape[1:] == shape
    sequences = one_hot(extract_sequences(files / "regions.bed", files / "genome.fa", length=LENGTH))
    letters_last = got.X.reshape(-1, LENGTH, 4) if is_last else got.X.reshape(-1, 4, LENGTH).swapaxes(1, 2)
    np.testing.assert_array_equal(letters_last, sequences)
    np.testing.assert_allclose(got.contributions, got.X * model.get_weights()[0].reshape(shape), rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--genome", "missing.fa"], "there is no file 'missing.fa'"),
        (["--select", "3"], "--select is for tables and pictures, not for sequences"),
        (["--logo", "2"], "--logo writes its pictures beside the results. Pass --output, --modisco or --bigwig too"),
        (["--logo", "-1"], "--logo takes a whole number, at least 0. Got '-1'"),
        (["--length", "0"], "--length takes a whole number, at least 1. Got '0'"),
        (["--output", "-"], "--output - is for tables, not for sequences"),
        (["--bigwig", "out.txt"], "expected a file that ends in .bw, .bigwig"),
        (["--bigwig", "out.bw", "--target", "all"], "take the contributions to one target, not to all"),
        (
            ["--layer", "conv1d", "--logo", "1", "--output", "out.npz"],
            "not of a layer. Explain one --layer of sequences",
        ),
        (["--layer", "conv1d", "--layer", "counts"], "Explain one --layer of sequences at a time, with --output"),
        (["--modisco", "no/folder"], "there is no folder 'no'"),
        (["--alphabet", "ACGTN"], "Pass --alphabet with the letters in the order of the network's columns"),
        (["--center", "summit"], "The regions have no column 'summit'"),
        (["--modisco", "file"], "--modisco names a folder, but 'file' is a file"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_computed(files, tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DeepLiftExplainer, "fit", None)
    (tmp_path / "file").touch()
    try:
        status = explain(files, *words)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_words_for_sequences_are_not_for_tables(folder, capsys):
    words = ["explain", folder / "model.keras", folder / "rows.csv", "--modisco", "motifs"]
    assert main(list(map(str, words))) == 2
    assert (
        "--modisco needs sequences: a DATA file that ends in .bed, .narrowPeak, .fa or .fasta"
        in capsys.readouterr().err
    )


def test_regions_without_a_genome(files, capsys):
    assert main(["explain", str(files / "model.keras"), str(files / "regions.bed")]) == 2
    assert "regions need --genome FILE, the FASTA file of their genome" in capsys.readouterr().err


def test_sequences_are_for_networks_of_one_input(tmp_path, capsys):
    (tmp_path / "few.fa").write_text(">one\nACGT\n")
    inputs = [keras.Input((4, 4), name=name) for name in ("left", "right")]
    keras.Model(inputs, keras.layers.Add()(inputs)).save(tmp_path / "model.keras")
    assert main(["explain", str(tmp_path / "model.keras"), str(tmp_path / "few.fa")]) == 2
    assert "the network has 2 inputs, but the file holds sequences for one" in capsys.readouterr().err


def test_a_fasta_file_has_no_place_in_a_genome(files, tmp_path, capsys):
    (tmp_path / "few.fa").write_text(">one\nACGTACGTACGT\n")
    words = ["explain", files / "model.keras", tmp_path / "few.fa", "--bigwig", tmp_path / "out.bw"]
    assert main(list(map(str, words))) == 2
    assert "--bigwig needs regions of a genome: a DATA file that ends in .bed or .narrowPeak" in capsys.readouterr().err


def test_a_layer_of_sequences(files, tmp_path):
    layer = keras.saving.load_model(files / "model.keras").layers[1].name
    assert explain(files, "--head", "counts", "--layer", layer, "--output", tmp_path / "out.npz") == 0
    explanation = Explanation.load(tmp_path / "out.npz")
    assert explanation.contributions.shape == (71, LENGTH, 3)
    change = explanation.prediction - explanation.reference_value
    np.testing.assert_allclose(explanation.contributions.sum((1, 2)), change, rtol=1e-4, atol=1e-6)


def test_numbers_too_large_for_half_precision(files, tmp_path, capsys):
    """They would be infinite."""
    model = keras.Sequential([keras.Input((LENGTH, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.set_weights([np.full((4 * LENGTH, 1), 1e5), np.zeros(1)])
    model.save(tmp_path / "large.keras")
    words = [tmp_path / "large.keras", files / "regions.bed", "--genome", files / "genome.fa", "--reference", "zeros"]
    words += ["--output", tmp_path / "out.npz"]
    assert main(["explain", *map(str, words), "--float16"]) == 2
    assert "contributions are too large for half precision. Leave --float16 out" in capsys.readouterr().err
    assert main(["explain", *map(str, words)]) == 0
    assert Explanation.load(tmp_path / "out.npz").contributions.max() == 1e5
