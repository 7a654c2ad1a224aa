"""Sequences that the command line reads: FASTA files, and regions of a genome."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FASTA = (".fa", ".fasta", ".fna")
REGIONS = (".bed", ".narrowpeak")
COMPRESSED = (".gz",)


class SequenceData(NamedTuple):
    """One-hot sequences, their names, and the regions of the genome that they are from."""

    # Of shape (n_sequences, *shape of the network's input).
    X: np.ndarray
    names: list
    # A DataFrame with the windows; None for a FASTA file.
    regions: Any
    # Function that gives arrays of the shape of X the shape (n_sequences, length, n_letters).
    letters_last: Any


def kind_of_sequences(path):
    """Return "fasta" or "regions" if a file's name ends as one of these does, and None otherwise."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    suffix = ([suffix for suffix in suffixes if suffix not in COMPRESSED] or [""])[-1]
    return "fasta" if suffix in FASTA else "regions" if suffix in REGIONS else None


def read_sequences(options, input_shape=None):
    """Read the sequences that the options describe.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments of the command.
    input_shape : tuple of int or None, default=None
        Shape of the network's input without the batch, if it is known.

    Returns
    -------
    data : SequenceData
        Letters of the sequences, with their names and regions.

    Raises
    ------
    ImportError
        If ``pyfaidx`` is not installed.
    OSError
        If a file does not exist.
    ValueError
        If sequences do not have one length, or regions have no genome.
    """
    from skdeeplift.sequences import extract_sequences, one_hot, read_fasta, read_regions, resize_regions

    alphabet, regions = options.alphabet, None
    length, arrange, letters_last = _layout(input_shape, len(alphabet))
    length = options.length or length
    if kind_of_sequences(options.data) == "fasta":
        found = read_fasta(options.data)
        names, sequences = list(found), list(found.values())
        _check_lengths(sequences, options, length)
    else:
        if options.genome is None:
            raise ValueError("regions need --genome FILE, the FASTA file of their genome")
        regions = read_regions(options.data)
        widths = (regions["end"] - regions["start"]).unique()
        if length is None and len(widths) > 1:
            raise ValueError(
                f"the regions have {len(widths)} lengths, from {widths.min()} to {widths.max()}, and the network does "
                "not define the length of its input. Pass --length N"
            )
        regions = resize_regions(regions, length or int(widths[0]), center=options.center)
        sequences = extract_sequences(regions, options.genome, by_strand=options.by_strand)
        places = zip(regions["chrom"], regions["start"], regions["end"], strict=True)
        names = [f"{chrom}:{start}-{end}" for chrom, start, end in places]
    letters = one_hot(sequences, alphabet, length=length)
    return SequenceData(np.ascontiguousarray(arrange(letters)), names, regions, letters_last)


def _check_lengths(sequences, options, length):
    """Raise an error if sequences would silently be padded with zeros."""
    lengths = sorted(map(len, sequences))
    if options.length is None and lengths[0] < (length or lengths[-1]):
        takes = "" if length is None else f", and the network takes {length}"
        raise ValueError(
            f"the sequences have {lengths[0]} to {lengths[-1]} letters{takes}. To fill shorter ones up with columns of "
            f"zeros, pass --length {length or lengths[-1]}"
        )


def _layout(shape, n_letters):
    """Return the length of the network's input, and functions to its layout of axes from (n, length, letters) and back.

    Letters are the last axis of the input unless an earlier one is as long as the alphabet. Axes of one element are
    those that networks of images have.
    """
    if shape is None:
        return None, np.asarray, np.asarray
    axes = [position for position, size in enumerate(shape) if size != 1]
    if len(axes) != 2 or n_letters not in (sizes := [shape[axis] for axis in axes]):
        raise ValueError(
            f"the network takes inputs of shape {shape}, but sequences have a length and {n_letters} letters. Pass "
            "--alphabet with the letters in the order of the network's columns"
        )
    is_last = sizes[1] == n_letters
    added = tuple(1 + position for position, size in enumerate(shape) if size == 1)

    def arrange(letters):
        return np.expand_dims(letters if is_last else letters.swapaxes(1, 2), added)

    def letters_last(array):
        array = array.squeeze(added)
        return array if is_last else array.swapaxes(1, 2)

    return sizes[0 if is_last else 1], arrange, letters_last
