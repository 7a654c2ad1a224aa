"""Sequences of FASTA files, and regions of BED files in a genome."""

import gzip
import os
import sys

import numpy as np
import pytest

from skdeeplift.sequences import extract_sequences, one_hot, read_fasta, read_regions

pytest.importorskip("pyfaidx")

CHR1 = "AACCGGTTACGTACGTnnAC"


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text(f">chr1 first\n{CHR1[:10]}\n{CHR1[10:]}\n>chr2\nTTTT\n")
    return path


def test_fasta(genome):
    assert read_fasta(genome) == {"chr1": CHR1, "chr2": "TTTT"}
    with pytest.raises(FileNotFoundError, match="no FASTA file"):
        read_fasta(genome.with_name("missing.fa"))


def test_regions_in_a_genome(genome, tmp_path):
    bed = tmp_path / "regions.bed"
    bed.write_text("track name=x\n#comment\nchr1\t2\t6\ta\t1\t+\nchr1\t8\t12\tb\t2\t-\n\nchr2\t0\t4\tc\t0\t.\n")
    regions = read_regions(bed)
    assert list(regions) == ["chrom", "start", "end", "name", "score", "strand"]
    assert regions["start"].tolist() == [2, 8, 0]
    assert extract_sequences(bed, genome).tolist() == [CHR1[2:6], CHR1[8:12], "TTTT"]
    assert extract_sequences(regions, genome, by_strand=True).tolist() == [CHR1[2:6], "ACGT", "TTTT"]
    # A window of 6 around the middle; N outside of the chromosome.
    windows = extract_sequences(regions, genome, length=6)
    assert windows.tolist() == [CHR1[1:7], CHR1[7:13], "NTTTTN"]
    assert one_hot(windows).shape == (3, 6, 4)
    zipped = tmp_path / "regions.bed.gz"
    zipped.write_bytes(gzip.compress(bed.read_bytes()))
    assert read_regions(zipped).equals(regions)


def test_sequences_of_the_other_strand_are_reversed(genome, tmp_path):
    bed = tmp_path / "regions.bed"
    bed.write_text("chr1 0 4 a 1 -\n")
    assert extract_sequences(bed, genome, by_strand=True).tolist() == ["GGTT"]


def test_regions_are_centred_on_their_summits(genome, tmp_path):
    peaks = tmp_path / "peaks.narrowPeak"
    peaks.write_text("chr1\t2\t12\t.\t0\t.\t5.5\t-1\t-1\t3\n")
    regions = read_regions(peaks)
    assert regions.loc[0, "signal"] == 5.5
    assert extract_sequences(peaks, genome, length=4, center="summit").tolist() == [CHR1[3:7]]
    assert extract_sequences(peaks, genome, length=4).tolist() == [CHR1[5:9]]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("chr3\t0\t4\n", {}, "'chr3', which the genome does not have. It has chr1, chr2"),
        ("chr1\t30\t34\n", {}, "chr1:30-34, and chr1 has 20 letters"),
        ("chr1\t4\t4\n", {}, "chr1:4-4"),
        ("chr1\t4\n", {}, "Line 1 of the region file is no region"),
        ("chr1\tx\t5\n", {}, "Line 1 of the region file is no region"),
        ("#\n", {}, "holds no region"),
        ("chr1\t0\t4\n", {"center": "summit"}, "no column 'summit'"),
        ("chr1\t0\t4\n", {"by_strand": True}, "no column 'strand'"),
        ("chr1\t0\t4\n", {"center": "start"}, "center= takes 'middle' or 'summit'"),
    ],
)
def test_says_what_is_wrong(genome, tmp_path, text, options, message):
    bed = tmp_path / "regions.bed"
    bed.write_text(text)
    with pytest.raises(ValueError, match=message):
        extract_sequences(bed, genome, **options)


@pytest.mark.advice
def test_names_the_package_that_is_missing(genome, monkeypatch):
    """With the package, as it is installed here, the file is read."""
    assert read_fasta(genome)["chr2"] == "TTTT"
    monkeypatch.setitem(sys.modules, "pyfaidx", None)
    with pytest.raises(ImportError, match=r"pip install 'skdeeplift\[genomics\]'"):
        read_fasta(genome)


def test_a_genome_that_changed_is_read_anew(genome):
    assert read_fasta(genome)["chr2"] == "TTTT"
    genome.write_text(">chr2\nGG\n")
    index = genome.with_name("genome.fa.fai")
    later = index.stat().st_mtime + 10
    os.utime(genome, (later, later))
    assert read_fasta(genome) == {"chr2": "GG"}
    assert np.array_equal(one_hot(read_fasta(genome).values()).argmax(-1), [[2, 2]])


@pytest.mark.parametrize("text", ["", "ACGT\n", ">one\nACGTACGT\nAC\nACGTACGT\n"])
def test_a_damaged_file(tmp_path, text):
    (tmp_path / "damaged.fa").write_text(text)
    with pytest.raises(ValueError, match=r"damaged\.fa' is no FASTA file: .*Expected names behind '>'"):
        read_fasta(tmp_path / "damaged.fa")
