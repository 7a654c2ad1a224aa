"""Sequences of letters: one-hot encoding, FASTA and BED files, and BigWig files of scores."""

from skdeeplift.sequences.bigwig import write_bigwig
from skdeeplift.sequences.genome_files import extract_sequences, read_fasta, read_regions, resize_regions
from skdeeplift.sequences.one_hot import DNA, PROTEIN, RNA, decode, one_hot, reverse_complement

__all__ = [
    "DNA",
    "PROTEIN",
    "RNA",
    "decode",
    "extract_sequences",
    "one_hot",
    "read_fasta",
    "read_regions",
    "resize_regions",
    "reverse_complement",
    "write_bigwig",
]
