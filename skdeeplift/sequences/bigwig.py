"""BigWig files of scores along a genome."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skdeeplift.annotations import ArrayLike, DataFrame, FilePath
from skdeeplift.replacement import replace_together


def write_bigwig(path: FilePath, regions: DataFrame, scores: ArrayLike, sizes: Mapping[str, int] | FilePath) -> None:
    """Write a BigWig file with one score for each position of some regions.

    If regions overlap, a position gets the score of the region with the nearest middle.

    .. versionadded:: 1.0

    Parameters
    ----------
    path : str or path
        File to write. An existing file is replaced.
    regions : DataFrame
        Regions of equal length, with the columns ``chrom``, ``start`` and ``end`` of `read_regions`. Positions outside
        of the chromosome are left out.
    scores : array-like of shape (n_regions, length)
        Score of each position, such as contributions summed over the letters.
    sizes : dict of str to int, str or path
        Length of each chromosome, or the FASTA file of the genome.

    Raises
    ------
    ImportError
        If ``pyBigWig`` is not installed, or ``sizes`` is a file and ``pyfaidx`` is not installed.
    ValueError
        If the shape of ``scores`` does not fit the regions, or ``sizes`` lacks a chromosome.

    See Also
    --------
    resize_regions : Cut windows of equal length around regions.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from skdeeplift.sequences import write_bigwig
    >>> regions = pd.DataFrame({"chrom": ["chr1", "chr1"], "start": [2, 4], "end": [6, 8]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "scores.bw")
    ...     write_bigwig(path, regions, [[1, 2, 3, 4], [5, 6, 7, 8]], {"chr1": 10})
    ...     import pyBigWig
    ...
    ...     with pyBigWig.open(path) as file:
    ...         file.values("chr1", 2, 8)
    [1.0, 2.0, 3.0, 6.0, 7.0, 8.0]
    """
    try:
        import pyBigWig
    except ImportError as error:
        raise ImportError(
            "BigWig files are written by the package pyBigWig, which is not installed. Install it: pip install "
            "'skdeeplift[genomics]'."
        ) from error
    scores = np.asarray(scores)
    starts, ends = (regions[name].to_numpy(np.int64) for name in ("start", "end"))
    if scores.ndim != 2 or len(scores) != len(starts) or (ends - starts != scores.shape[1]).any():
        raise ValueError(
            f"scores needs one number for each position of {len(starts)} regions of one length; resize_regions gives "
            f"regions one length. Got an array of shape {scores.shape}."
        )
    sizes = sizes if isinstance(sizes, dict) else _read_sizes(sizes)
    chromosomes = regions["chrom"].astype(str).to_numpy()
    if missing := sorted(set(chromosomes) - set(sizes)):
        raise ValueError(f"sizes= has no chromosome {missing[0]!r}. Pass sizes= with all chromosomes.")
    with replace_together(path) as [unfinished]:
        file = pyBigWig.open(str(unfinished), "w")
        file.addHeader([(name, int(size)) for name, size in sizes.items()])
        for name in filter(set(chromosomes).__contains__, sizes):
            rows = np.flatnonzero(chromosomes == name)
            rows = rows[np.argsort(starts[rows], kind="stable")]
            for row, first, last in _own_positions(rows, starts, ends, sizes[name]):
                values = scores[row, first - starts[row] : last - starts[row]].astype(float)
                file.addEntries(name, int(first), values=values, span=1, step=1)
        file.close()


def _own_positions(rows, starts, ends, size):
    """Yield each region with the start and the end of the positions nearest to the middle of this region."""
    middles = (starts[rows] + ends[rows]) // 2
    borders = [0, *((middles[:-1] + middles[1:] + 1) // 2), size]
    for row, first, last in zip(rows, borders[:-1], borders[1:], strict=True):
        first, last = max(first, starts[row]), min(last, ends[row])
        if first < last:
            yield row, first, last


def _read_sizes(genome):
    from skdeeplift.sequences.genome_files import open_fasta

    with open_fasta(genome) as fasta:
        return {name: len(fasta[name]) for name in fasta.keys()}  # noqa: SIM118
