from types import SimpleNamespace

import numpy as np
import pytest

from skdeeplift.command_line.sequence_data import kind_of_sequences, read_sequences
from skdeeplift.sequences import one_hot

pytest.importorskip("pyfaidx")


@pytest.fixture
def options(tmp_path):
    """Options that name a FASTA file of two sequences."""
    (tmp_path / "two.fa").write_text(">one\nACGT\n>two\nTTNA\n")
    given = {"data": tmp_path / "two.fa", "length": None, "alphabet": "ACGT", "genome": None}
    return SimpleNamespace(**given, center="middle", by_strand=False)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("peaks.bed", "regions"),
        ("peaks.narrowPeak.gz", "regions"),
        ("reads.FA", "fasta"),
        ("proteins.fasta", "fasta"),
        ("rows.csv", None),
        ("bed", None),
        ("rows.bed.npz", None),
    ],
)
def test_files_are_told_by_their_names(name, kind):
    assert kind_of_sequences(name) == kind


@pytest.mark.parametrize("shape", [None, (4, 4), (4, 4, 1), (1, 4, 4), (None, 4)])
def test_letters_are_last(options, shape):
    """Where positions are as many as letters, letters are the last axis, as in networks of Keras."""
    data = read_sequences(options, shape)
    assert data.names == ["one", "two"]
    np.testing.assert_array_equal(data.letters_last(data.X), one_hot(["ACGT", "TTNA"]))


def test_letters_before_positions(options):
    options.length = 6
    data = read_sequences(options, (4, 6))
    assert data.X.shape == (2, 4, 6)
    np.testing.assert_array_equal(data.letters_last(data.X), one_hot(["ACGT", "TTNA"], length=6))


def test_shorter_sequences_are_filled_up_only_on_request(options):
    with pytest.raises(ValueError, match=r"have 4 to 4 letters, and the network takes 6\..* pass --length 6"):
        read_sequences(options, (6, 4))
    options.length = 6
    assert not read_sequences(options, (6, 4)).X[:, 4:].any()
    options.length = None
    options.data.write_text(">one\nACGT\n>two\nTTNACC\n")
    with pytest.raises(ValueError, match=r"have 4 to 6 letters\..* pass --length 6"):
        read_sequences(options)
