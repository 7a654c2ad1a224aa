"""Readers of FASTA, BED and narrowPeak files, and the sequences of regions in a genome."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from skdeeplift.annotations import DataFrame, FilePath
from skdeeplift.sequences.one_hot import reverse_complement

# Columns of a narrowPeak file, in order; a BED file has the first six.
_COLUMNS = ["chrom", "start", "end", "name", "score", "strand", "signal", "p_value", "q_value", "summit"]


def read_fasta(path: FilePath) -> dict[str, str]:
    r"""Read all sequences of a FASTA file.

    .. versionadded:: 1.0

    Parameters
    ----------
    path : str or path
        FASTA file. The index ``.fai`` is written to the same folder if it does not exist.

    Returns
    -------
    sequences : dict of str to str
        Names with their sequences, in the order of the file.

    Raises
    ------
    ImportError
        If ``pyfaidx`` is not installed.
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is no FASTA file, or a sequence in it has an empty line or lines of unequal lengths.

    See Also
    --------
    one_hot : Encode strings as one-hot letters.

    Examples
    --------
    >>> import os, tempfile
    >>> from skdeeplift.sequences import one_hot, read_fasta
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "two.fa")
    ...     with open(path, "w") as file:
    ...         _ = file.write(">first\nACGT\n>second\nTTAA\n")
    ...     sequences = read_fasta(path)
    >>> sequences
    {'first': 'ACGT', 'second': 'TTAA'}
    >>> one_hot(sequences.values()).shape
    (2, 4, 4)
    """
    with open_fasta(path) as fasta:
        return {name: str(fasta[name][:]) for name in fasta.keys()}  # noqa: SIM118


def read_regions(path: FilePath) -> DataFrame:
    r"""Read the regions of a BED or narrowPeak file.

    .. versionadded:: 1.0

    Parameters
    ----------
    path : str or path
        File with columns separated by tabs or spaces; it may be compressed. Comments and the lines ``track`` and
        ``browser`` are skipped.

    Returns
    -------
    regions : DataFrame
        One line for each region. The columns ``chrom``, ``start`` and ``end`` come first. Positions are counted from
        zero, and ``end`` is exclusive. The columns ``name``, ``score``, ``strand``, ``signal``, ``p_value``,
        ``q_value`` and ``summit`` follow, as many as the file has. Further columns are left out.

    Raises
    ------
    ValueError
        If a line has fewer than three columns or holds no region.

    Examples
    --------
    >>> import io
    >>> from skdeeplift.sequences import read_regions
    >>> read_regions(io.StringIO("chr1\t10\t20\nchr2\t5\t15\n"))
      chrom  start  end
    0  chr1     10   20
    1  chr2      5   15
    """
    import pandas as pd

    lines = []
    # pandas infers the compression from the name of the file.
    with pd.io.common.get_handle(path, "r", compression="infer") as handles:
        for number, line in enumerate(handles.handle, 1):
            if not line.strip() or line.startswith(("#", "track", "browser")):
                continue
            parts = line.rstrip("\n").split("\t") if "\t" in line else line.split()
            if len(parts) < 3 or not (parts[1].isdigit() and parts[2].isdigit()):
                raise ValueError(
                    f"Line {number} of the region file is no region: {line.strip()[:80]!r}. Expected a chromosome, a "
                    "start and an end, separated by tabs."
                )
            lines.append(parts)
    if not lines:
        raise ValueError("The region file holds no region. Expected lines of a chromosome, a start and an end.")
    width = min(*map(len, lines), len(_COLUMNS))
    regions = pd.DataFrame([line[:width] for line in lines], columns=_COLUMNS[:width])
    for name in {"start", "end", "summit"} & set(regions):
        regions[name] = regions[name].astype(np.int64)
    for name in {"score", "signal", "p_value", "q_value"} & set(regions):
        regions[name] = pd.to_numeric(regions[name], errors="coerce")
    return regions


def resize_regions(regions: DataFrame, length: int, *, center: Literal["middle", "summit"] = "middle") -> DataFrame:
    """Cut windows of equal length around regions.

    .. versionadded:: 1.0

    Parameters
    ----------
    regions : DataFrame
        Regions with the columns of `read_regions`.
    length : int
        Length of the windows.
    center : {"middle", "summit"}, default="middle"
        Center of the windows: the middle of the region, or the summit in a narrowPeak file, as in ChromBPNet's scripts.
        The window begins ``length // 2`` before the center.

    Returns
    -------
    windows : DataFrame
        Copy of the regions with new ``start`` and ``end``. These positions may lie outside of the chromosome.

    Raises
    ------
    ValueError
        If ``center`` is unknown, or is ``"summit"`` and regions have no summit.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeeplift.sequences import resize_regions
    >>> resize_regions(pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [30]}), 8)
      chrom  start  end
    0  chr1     16   24
    """
    _check_columns(regions, center)
    starts = regions["start"].to_numpy(np.int64)
    if center == "summit":
        middles = starts + regions["summit"].to_numpy(np.int64)
    else:
        middles = (starts + regions["end"].to_numpy(np.int64)) // 2
    starts = middles - length // 2
    return regions.assign(start=starts, end=starts + length)


def _check_columns(regions, center, by_strand=False):
    """Raise an error if regions lack a column, or ``center`` is unknown."""
    if center not in ("middle", "summit"):
        raise ValueError(f"center= takes 'middle' or 'summit'. Got {center!r}.")
    needed = {"chrom": True, "start": True, "end": True, "summit": center == "summit", "strand": by_strand}
    if missing := [name for name, is_needed in needed.items() if is_needed and name not in regions.columns]:
        raise ValueError(
            f"The regions have no column {missing[0]!r}. They have {', '.join(map(str, regions.columns))}."
        )


def extract_sequences(
    regions: DataFrame | FilePath,
    genome: FilePath,
    *,
    length: int | None = None,
    center: Literal["middle", "summit"] = "middle",
    by_strand: bool = False,
) -> np.ndarray:
    r"""Cut the sequences of regions out of a genome.

    .. versionadded:: 1.0

    Parameters
    ----------
    regions : DataFrame, str or path
        Regions with the columns of `read_regions`, or the path of a BED or narrowPeak file.
    genome : str or path
        FASTA file of the chromosomes. The index ``.fai`` is written to the same folder if it does not exist.
    length : int, default=None
        Length of the windows. By default regions keep their lengths.
    center : {"middle", "summit"}, default="middle"
        Center of windows if ``length`` is set: the middle of the region, or the summit in a narrowPeak file, as in
        ChromBPNet's scripts. The window begins ``length // 2`` before the center.
    by_strand : bool, default=False
        Whether to return the reverse complement of regions with the strand ``-``.

    Returns
    -------
    sequences : ndarray of str of shape (n_regions,)
        Sequences in the case of the file. Positions outside of a chromosome are N.

    Raises
    ------
    ImportError
        If ``pyfaidx`` is not installed.
    ValueError
        If a chromosome is not in the genome, a region is empty or lies outside of its chromosome, or regions lack the
        required summit or strand.

    See Also
    --------
    one_hot : Encode strings as one-hot letters.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from skdeeplift.sequences import extract_sequences
    >>> regions = pd.DataFrame({"chrom": ["chr1", "chr1"], "start": [2, 0], "end": [6, 2]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "genome.fa")
    ...     with open(path, "w") as file:
    ...         _ = file.write(">chr1\nAACCGGTT\n")
    ...     extract_sequences(regions, path, length=4)
    array(['CCGG', 'NAAC'], dtype='<U4')
    """
    if not hasattr(regions, "columns"):
        regions = read_regions(regions)
    _check_columns(regions, center, by_strand)
    if length is not None:
        regions = resize_regions(regions, length, center=center)
    starts, ends = (regions[name].to_numpy(np.int64) for name in ("start", "end"))
    strands = regions["strand"].to_numpy() if by_strand else [None] * len(regions)
    sequences = []
    with open_fasta(genome) as fasta:
        for row, (name, start, end, strand) in enumerate(zip(regions["chrom"], starts, ends, strands, strict=True)):
            name, start, end = str(name), int(start), int(end)
            if name not in fasta:
                known = ", ".join(list(fasta.keys())[:5])
                raise ValueError(f"Region {row} is on {name!r}, which the genome does not have. It has {known}, ...")
            size = len(fasta[name])
            if end <= start or start >= size or end <= 0:
                raise ValueError(
                    f"Region {row} is {name}:{start}-{end}, and {name} has {size} letters. Expected regions that are "
                    "not empty, within their chromosome. Check that the regions belong to this genome."
                )
            inside = str(fasta[name][max(start, 0) : min(end, size)])
            sequence = "N" * max(-start, 0) + inside + "N" * max(end - size, 0)
            sequences.append(reverse_complement([sequence])[0] if strand == "-" else sequence)
    return np.array(sequences, dtype=str)


def open_fasta(path):
    """Open a FASTA file with pyfaidx, or raise an error that names the missing package or file."""
    try:
        from pyfaidx import Fasta, FastaIndexingError
    except ImportError as error:
        raise ImportError(
            "FASTA files are read by the package pyfaidx, which is not installed. Install it: pip install "
            "'skdeeplift[genomics]'."
        ) from error
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no FASTA file {str(path)!r}.")
    try:
        return Fasta(str(path), as_raw=True, rebuild=True)
    except FastaIndexingError as error:
        raise ValueError(
            f"{str(path)!r} is no FASTA file: {error} Expected names behind '>', each followed by lines of letters. "
            "All lines but the last need the same length."
        ) from error
