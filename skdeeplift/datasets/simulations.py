"""Simulated data: DNA sequences with motifs, time series with an event, and short reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdeeplift.annotations import ArrayLike, RandomState
from skdeeplift.compat import Interval, validate_params

COUNT = Interval(Integral, 1, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="both")
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

SUBJECTS = "food service room view music staff breakfast garden price soup wine bed".split()
PRAISE = "good great lovely excellent friendly charming delicious perfect".split()
BLAME = "bad awful dull terrible rude boring horrible disappointing".split()
DEGREES = "very really quite rather".split()
# Token 0 is padding.
VOCABULARY = ["[pad]", "the", "was", "not", "and", *SUBJECTS, *PRAISE, *BLAME, *DEGREES]
CODES = {word: code for code, word in enumerate(VOCABULARY)}


@validate_params(
    {
        "n_sequences": [COUNT],
        "length": [COUNT],
        "motifs": ["array-like", Mapping],
        "proportion": [SHARE],
        "max_sites": [COUNT],
        "background": ["array-like"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_motif_sequences(
    n_sequences: int = 1000,
    *,
    length: int = 100,
    motifs: Sequence[str] | Mapping[str, str | ArrayLike] = ("GATA1", "TAL1"),
    proportion: float = 0.5,
    max_sites: int = 1,
    background: ArrayLike = (0.3, 0.2, 0.2, 0.3),
    random_state: RandomState | None = None,
) -> Bunch:
    """Simulate DNA sequences with motifs planted at known positions.

    .. versionadded:: 1.0

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    length : int, default=100
        Number of letters of each sequence.
    motifs : sequence of str, or dict of str to str or array-like, default=("GATA1", "TAL1")
        Names of the built-in motifs GATA1 and TAL1, both 10 letters wide; or a dict of names to motifs. A motif is a
        string such as ``"CACGTG"``, planted unchanged at all sites, or an array of shape ``(width, 4)`` with the
        probability of each letter at each position.
    proportion : float, default=0.5
        Probability that a sequence contains a motif, independently for each motif.
    max_sites : int, default=1
        Maximum number of sites of a motif in a sequence that contains this motif. All numbers from 1 to ``max_sites``
        are equally probable. Sites do not overlap.
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
    matrices = {}
    for name, motif in motifs.items():
        if isinstance(motif, str):
            if not motif or set(motif) - set(LETTERS):
                raise ValueError(f"The motif {name!r} takes the letters A, C, G and T. Got {motif!r}.")
            motif = [[letter == other for other in LETTERS] for letter in motif]
        matrices[name] = _check_probabilities(motif, f"The motif {name!r}")
    return matrices


def _check_probabilities(values, name):
    """Return probabilities scaled to an exact sum of one, or raise an error for values that are no probabilities."""
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


@validate_params(
    {
        "n_series": [COUNT],
        "length": [COUNT],
        "event_length": [Interval(Integral, 4, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_event_series(
    n_series: int = 1000,
    *,
    length: int = 60,
    event_length: int = 12,
    noise: float = 0.3,
    random_state: RandomState | None = None,
) -> Bunch:
    """Simulate time series whose class depends on the direction of an event at known steps.

    The event is one period of a sine: first up and then down in class 1, first down and then up in class 0. The mean of
    the event is zero in both classes. Each series also has a distractor of the same length at other steps: half a
    period of a sine, up or down, independent of the class. All other steps are noise.

    .. versionadded:: 1.0

    Parameters
    ----------
    n_series : int, default=1000
        Number of series.
    length : int, default=60
        Number of steps of each series.
    event_length : int, default=12
        Number of steps of the event, and of the distractor. Both have an amplitude of 1.
    noise : float, default=0.3
        Standard deviation of the normal noise that is added to each step.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers. Pass an int to get the same data set in every call.

    Returns
    -------
    dataset : Bunch
        Object with the attributes

        - ``data``, ndarray of float32 of shape (n_series, length, 1): series;
        - ``target``, ndarray of int of shape (n_series,): class of each series, 0 or 1;
        - ``planted``, ndarray of bool of shape (n_series, length): True at the steps of the event;
        - ``distractor``, ndarray of bool of shape (n_series, length): True at the steps of the distractor.

    Raises
    ------
    ValueError
        If the event and the distractor do not fit into a series.

    Examples
    --------
    >>> from skdeeplift.datasets import make_event_series
    >>> dataset = make_event_series(1, length=10, event_length=4, noise=0, random_state=3)
    >>> dataset.data[0, :, 0].round(2).tolist()
    [-0.38, -0.92, -0.92, -0.38, -0.0, -0.0, -0.71, -0.71, 0.71, 0.71]
    >>> dataset.target, dataset.planted[0].nonzero()[0]
    (array([0]), array([6, 7, 8, 9]))
    """
    if 2 * event_length > length:
        raise ValueError(
            f"length={length} is too short for an event and a distractor of event_length={event_length} steps each. "
            "Pass a larger length=, or a smaller event_length=."
        )
    generator = check_random_state(random_state)
    phase = (np.arange(event_length) + 0.5) / event_length
    data = noise * generator.normal(size=(n_series, length))
    target, up = generator.randint(2, size=(2, n_series))
    planted, distractor = np.zeros((2, n_series, length), bool)
    for row in range(n_series):
        starts = generator.permutation(draw_starts(length, [event_length, event_length], generator))
        for mask, start in zip((planted, distractor), starts, strict=True):
            mask[row, start : start + event_length] = True
        data[row, planted[row]] += (2 * target[row] - 1) * np.sin(2 * np.pi * phase)
        data[row, distractor[row]] += (2 * up[row] - 1) * np.sin(np.pi * phase)
    return Bunch(data=data[..., None].astype(np.float32), target=target, planted=planted, distractor=distractor)


@validate_params(
    {"n_reviews": [COUNT], "max_sentences": [COUNT], "negation": [SHARE], "random_state": ["random_state"]},
    prefer_skip_nested_validation=True,
)
def make_reviews(
    n_reviews: int = 1000, *, max_sentences: int = 3, negation: float = 0.3, random_state: RandomState | None = None
) -> Bunch:
    """Simulate short reviews as tokens, with known words that make a review positive or negative.

    A review is an odd number of sentences such as "the food was not very good", joined by "and". A sentence praises or
    blames. The word "not" turns praise into blame and blame into praise. A review is positive if most of its sentences
    praise.

    .. versionadded:: 1.0

    Parameters
    ----------
    n_reviews : int, default=1000
        Number of reviews.
    max_sentences : int, default=3
        Maximum number of sentences of a review.
    negation : float, default=0.3
        Probability that a sentence contains "not". With 0, the counts of words alone determine the class.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers. Pass an int to get the same data set in every call.

    Returns
    -------
    dataset : Bunch
        Object with the attributes

        - ``data``, ndarray of int32 of shape (n_reviews, length): tokens, padded with 0 at the end;
        - ``target``, ndarray of int of shape (n_reviews,): 1 for a positive review, 0 for a negative one;
        - ``planted``, ndarray of bool of shape (n_reviews, length): True at the words that determine the class, which
          are the adjectives and "not";
        - ``vocabulary``, ndarray of str: word of each token;
        - ``texts``, list of str: reviews as text.

    Examples
    --------
    >>> from skdeeplift.datasets import make_reviews
    >>> dataset = make_reviews(2, max_sentences=1, random_state=3)
    >>> dataset.texts, dataset.target
    (['the view was not very charming', 'the bed was quite charming'], array([0, 1]))
    >>> dataset.vocabulary[dataset.data[1]].tolist()
    ['the', 'bed', 'was', 'quite', 'charming', '[pad]']
    >>> dataset.planted[1]
    array([False, False, False, False,  True, False])
    """
    generator = check_random_state(random_state)
    most = max_sentences - 1 + max_sentences % 2
    length = 7 * most - 1
    data, target = np.zeros((n_reviews, length), np.int32), np.zeros(n_reviews, int)
    texts = []
    for row in range(n_reviews):
        n_sentences = 1 + 2 * generator.randint(most // 2 + 1)
        positive = generator.randint(2, size=n_sentences)
        target[row] = positive.sum() > n_sentences / 2
        words = " and ".join(_make_sentence(is_positive, negation, generator) for is_positive in positive).split()
        data[row, : len(words)] = [CODES[word] for word in words]
        texts.append(" ".join(words))
    vocabulary = np.array(VOCABULARY)
    planted = np.isin(vocabulary[data], [*PRAISE, *BLAME, "not"])
    return Bunch(data=data, target=target, planted=planted, vocabulary=vocabulary, texts=texts)


def _make_sentence(is_positive, negation, generator):
    """Draw a sentence that praises or blames."""
    is_negated = generator.uniform() < negation
    words = ["the", generator.choice(SUBJECTS), "was"]
    if is_negated:
        words.append("not")
    if generator.uniform() < 0.3:
        words.append(generator.choice(DEGREES))
    words.append(generator.choice(PRAISE if is_positive != is_negated else BLAME))
    return " ".join(words)


def draw_starts(length, widths, generator):
    """Draw the starts of parts that do not overlap, with equal probability for all such placements.

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
    # Draw positions as if each part were one position wide. Each part then moves the parts after it to the right by the
    # rest of its width.
    free = length - widths.sum()
    positions = np.sort(generator.choice(free + len(widths), len(widths), replace=False))
    return positions + np.cumsum(widths - 1) - (widths - 1)
