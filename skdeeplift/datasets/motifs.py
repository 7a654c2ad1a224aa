"""DNA with motifs planted in it."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdeeplift.compat import Interval, validate_params
from skdeeplift.datasets.placing import place

LETTERS = "ACGT"

# How often each of A, C, G and T is at each position of the sites in the simulated sequences of the DeepLIFT authors'
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
    """Simulate DNA sequences in which motifs are planted at known positions.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_sequences : int, default=1000
        How many.
    length : int, default=100
        Of how many letters each.
    motifs : sequence of str, or dict of str to str or array-like, default=("GATA1", "TAL1")
        Names of known motifs, which are GATA1 and TAL1, both 10 letters wide; or a dict of names to motifs. A motif is
        a string such as ``"CACGTG"``, all of whose sites are alike, or the probability of each letter at each of its
        positions, of shape ``(width, 4)``.
    proportion : float, default=0.5
        How probable it is that a sequence has a motif, of each motif by itself.
    max_sites : int, default=1
        At how many sites a motif is, where it is in the sequence, at the most; each number is as probable. Sites do not
        overlap.
    background : array-like of shape (4,), default=(0.3, 0.2, 0.2, 0.3)
        The probability of each letter between motifs.
    random_state : int, RandomState instance or None, default=None
        Where everything comes from.

    Returns
    -------
    dataset : Bunch
        With the attributes

        - ``data``, ndarray of float32 of shape (n_sequences, length, 4), one-hot;
        - ``target``, ndarray of int of shape (n_sequences, n_motifs), whether each motif is in the sequence;
        - ``planted``, ndarray of bool of shape (n_sequences, length, n_motifs), where;
        - ``sequences``, ndarray of str of shape (n_sequences,);
        - ``motifs``, dict of names to ndarray of shape (width, 4), in the order of ``target``;
        - ``letters``, ``"ACGT"``.

    Raises
    ------
    ValueError
        If a motif is unknown or no motif, or sites may not fit into a sequence.

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
    matrices = _matrices(motifs)
    background = _probabilities([background], "background=")[0]
    names, widths = list(matrices), [len(matrix) for matrix in matrices.values()]
    widest = max_sites * sum(widths)
    if widest > length:
        raise ValueError(
            f"length={length} is too short for max_sites={max_sites} of each motif, {widest} letters together. "
            "Pass longer sequences, or fewer or shorter motifs."
        )
    generator = check_random_state(random_state)
    codes = generator.choice(4, (n_sequences, length), p=background)
    target = (generator.uniform(size=(n_sequences, len(names))) < proportion).astype(int)
    planted = np.zeros((n_sequences, length, len(names)), bool)
    for row, present in enumerate(target):
        sites = np.repeat(np.arange(len(names)), present * generator.randint(1, max_sites + 1, len(names)))
        sites = generator.permutation(sites)
        starts = place(length, [widths[motif] for motif in sites], generator)
        for motif, start in zip(sites, starts, strict=True):
            span = slice(start, start + widths[motif])
            codes[row, span] = _draw(matrices[names[motif]], generator)
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


def _draw(matrix, generator):
    """Draw a letter for each position of a motif."""
    cumulated = np.cumsum(matrix, 1)
    return (generator.uniform(size=(len(matrix), 1)) * cumulated[:, -1:] >= cumulated).sum(1)


def _matrices(motifs):
    """The probability of each letter at each position, of all motifs."""
    if not isinstance(motifs, Mapping):
        unknown = [name for name in motifs if name not in KNOWN_MOTIFS]
        if unknown:
            raise ValueError(
                f"motifs= takes a sequence of the names {', '.join(map(repr, KNOWN_MOTIFS))}, or a dict of names to "
                f"motifs. Got {motifs!r}."
            )
        motifs = {name: KNOWN_MOTIFS[name] for name in motifs}
    return {name: _matrix(motif, name) for name, motif in motifs.items()}


def _matrix(motif, name):
    if not isinstance(motif, str):
        return _probabilities(motif, f"The motif {name!r}")
    if not motif or set(motif) - set(LETTERS):
        raise ValueError(f"The motif {name!r} takes the letters A, C, G and T. Got {motif!r}.")
    return np.array([[letter == other for other in LETTERS] for letter in motif], float)


def _probabilities(given, what):
    probabilities = np.asarray(given, float)
    if (
        probabilities.ndim != 2
        or probabilities.shape[1] != 4
        or not len(probabilities)
        or not (probabilities >= 0).all()
        or (np.abs(probabilities.sum(1) - 1) > 0.02).any()
    ):
        raise ValueError(
            f"{what} takes the probabilities of A, C, G and T, which sum to one, at each position. Got {given!r}."
        )
    return probabilities / probabilities.sum(1, keepdims=True)
