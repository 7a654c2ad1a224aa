"""Simulated DNA sequences with planted motifs."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdeeplift.compat import Interval, validate_params


def draw_starts(length, widths, generator):
    """Draw the starts of parts that do not overlap; all such placements are equally probable.

    Parameters
    ----------
    length : int
        Length of the sequence.
    widths : sequence of int
        Width of each part, from left to right.
    generator : RandomState
        Source of the draw.

    Returns
    -------
    starts : ndarray of int of shape (n_parts,)
        First position of each part.
    """
    widths = np.asarray(widths, int)
    # Draw positions as if each part were one position wide. Each part then moves the later ones to the right by the
    # rest of its width.
    free = length - widths.sum()
    positions = np.sort(generator.choice(free + len(widths), len(widths), replace=False))
    return positions + np.cumsum(widths - 1) - (widths - 1)


LETTERS = "ACGT"

# Frequencies of A, C, G and T at each position of the motifs, in the simulated sequences of the DeepLIFT authors'
# tutorial.
KNOWN_MOTIFS = {
    "GATA1": [
        [0.32, 0.19, 0.37, 0.12],
        [0.14, 0.46, 0.34, 0.06],
        [0.67, 0.10, 0.00, 0.23],
        [0.00, 0.00, 1.00, 0.00],
        [1.00, 0.00, 0.00, 0.00],
        [0.00, 0.00, 0.00, 1.00],
        [0.88, 0.00, 0.00, 0.12],
        [0.98, 0.02, 0.00, 0.00],
        [0.00, 0.05, 0.95, 0.00],
        [0.24, 0.26, 0.50, 0.00],
    ],
    "TAL1": [
        [0.65, 0.09, 0.14, 0.12],
        [0.61, 0.30, 0.03, 0.06],
        [0.00, 1.00, 0.00, 0.00],
        [1.00, 0.00, 0.00, 0.00],
        [0.00, 0.00, 1.00, 0.00],
        [0.87, 0.00, 0.10, 0.03],
        [0.00, 0.00, 0.00, 1.00],
        [0.00, 0.00, 1.00, 0.00],
        [0.01, 0.03, 0.60, 0.36],
        [0.03, 0.17, 0.01, 0.79],
    ],
}


@validate_params(
    {
        "n_sequences": [Interval(Integral, 1, None, closed="left")],
        "length": [Interval(Integral, 1, None, closed="left")],
        "motifs": ["array-like", Mapping],
        "proportion": [Interval(Real, 0, 1, closed="both")],
        "max_sites": [Interval(Integral, 1, None, closed="left")],
        "background": ["array-like"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_motif_sequences(
    n_sequences=1000,
    *,
    length=100,
    motifs=("GATA1", "TAL1"),
    proportion=0.5,
    max_sites=1,
    background=(0.3, 0.2, 0.2, 0.3),
    random_state=None,
):
    """Simulate DNA sequences with motifs planted at known positions.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    length : int, default=100
        Number of letters of each sequence.
    motifs : sequence of str, or dict of str to str or array-like, default=("GATA1", "TAL1")
        Names of the known motifs GATA1 and TAL1, both 10 letters wide; or a dict of names to motifs. A motif is a
        string such as ``"CACGTG"``, which is the same at all sites, or an array of shape ``(width, 4)`` with the
        probability of each letter at each position.
    proportion : float, default=0.5
        Probability that a sequence contains a motif, independently for each motif.
    max_sites : int, default=1
        Largest number of sites of a motif in a sequence that contains it. All numbers from 1 on are equally probable.
        Sites do not overlap.
    background : array-like of shape (4,), default=(0.3, 0.2, 0.2, 0.3)
        Probability of each letter between motifs.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers. Pass an int to get the same data set in every call.

    Returns
    -------
    dataset : Bunch
        Object with the attributes

        - ``data``, ndarray of float32 of shape (n_sequences, length, 4): one-hot sequences;
        - ``target``, ndarray of int of shape (n_sequences, n_motifs): 1 if the sequence contains the motif, else 0;
        - ``planted``, ndarray of bool of shape (n_sequences, length, n_motifs): True at the sites of each motif;
        - ``sequences``, ndarray of str of shape (n_sequences,): sequences as text;
        - ``motifs``, dict of names to ndarray of shape (width, 4): motifs in the order of ``target``;
        - ``letters``, ``"ACGT"``: letters in the order of the one-hot axis.

    Raises
    ------
    ValueError
        If a motif is unknown or invalid, or the sites may not fit into a sequence.

    References
    ----------
    Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685

    Examples
    --------
    >>> from skdeeplift.datasets import make_motif_sequences
    >>> dataset = make_motif_sequences(2, length=20, motifs={"E-box": "CACGTG"}, proportion=1, random_state=0)
    >>> dataset.sequences.tolist()
    ['GTGGCACGTGTGGTAAATTT', 'TTCTAGATGCACGTGGGGTG']
    >>> dataset.planted[0, :, 0].nonzero()[0]
    array([4, 5, 6, 7, 8, 9])
    """
    matrices = _make_matrices(motifs)
    background = _check_probabilities([background], "background=")[0]
    names, widths = list(matrices), [len(matrix) for matrix in matrices.values()]
    largest = max_sites * sum(widths)
    if largest > length:
        raise ValueError(
            f"length={length} is too short for max_sites={max_sites} of each motif, {largest} letters together. "
            "Pass a larger length=, a smaller max_sites=, or fewer or shorter motifs."
        )
    generator = check_random_state(random_state)
    codes = generator.choice(4, (n_sequences, length), p=background)
    target = (generator.uniform(size=(n_sequences, len(names))) < proportion).astype(int)
    planted = np.zeros((n_sequences, length, len(names)), bool)
    for row, present in enumerate(target):
        sites = np.repeat(np.arange(len(names)), present * generator.randint(1, max_sites + 1, len(names)))
        sites = generator.permutation(sites)
        starts = draw_starts(length, [widths[motif] for motif in sites], generator)
        for motif, start in zip(sites, starts, strict=True):
            span = slice(start, start + widths[motif])
            codes[row, span] = _draw_site(matrices[names[motif]], generator)
            planted[row, span, motif] = True
    letters = np.array(list(LETTERS))[codes]
    return Bunch(
        data=np.eye(4, dtype=np.float32)[codes],
        target=target,
        planted=planted,
        sequences=np.array(["".join(row) for row in letters]),
        motifs=matrices,
        letters=LETTERS,
    )


def _draw_site(matrix, generator):
    """Draw a letter for each position of a motif."""
    cumulated = np.cumsum(matrix, 1)
    return (generator.uniform(size=(len(matrix), 1)) * cumulated[:, -1:] >= cumulated).sum(1)


def _make_matrices(motifs):
    """Return the probability of each letter at each position of each motif, by the motif's name."""
    if not isinstance(motifs, Mapping):
        unknown = [name for name in motifs if name not in KNOWN_MOTIFS]
        if unknown:
            raise ValueError(
                f"motifs= takes a sequence of the names {', '.join(map(repr, KNOWN_MOTIFS))}, or a dict of names to "
                f"motifs. Got {motifs!r}."
            )
        motifs = {name: KNOWN_MOTIFS[name] for name in motifs}
    return {name: _make_matrix(motif, name) for name, motif in motifs.items()}


def _make_matrix(motif, name):
    """Return the probability of each letter at each position of a motif."""
    if not isinstance(motif, str):
        return _check_probabilities(motif, f"The motif {name!r}")
    if not motif or set(motif) - set(LETTERS):
        raise ValueError(f"The motif {name!r} takes the letters A, C, G and T. Got {motif!r}.")
    return np.array([[letter == other for other in LETTERS] for letter in motif], float)


def _check_probabilities(values, name):
    """Return probabilities scaled to an exact sum of one, or raise an error if they are no probabilities."""
    probabilities = np.asarray(values, float)
    if (
        probabilities.ndim != 2
        or probabilities.shape[1] != 4
        or not len(probabilities)
        or not (probabilities >= 0).all()
        or (np.abs(probabilities.sum(1) - 1) > 0.02).any()
    ):
        raise ValueError(
            f"{name} takes the probabilities of A, C, G and T, which sum to one, at each position. Got {values!r}."
        )
    return probabilities / probabilities.sum(1, keepdims=True)
