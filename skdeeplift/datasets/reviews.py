"""Simulated short reviews."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdeeplift.compat import Interval, validate_params

SUBJECTS = "food service room view music staff breakfast garden price soup wine bed".split()
PRAISE = "good great lovely excellent friendly charming delicious perfect".split()
BLAME = "bad awful dull terrible rude boring horrible disappointing".split()
DEGREES = "very really quite rather".split()
# Token 0 is padding.
VOCABULARY = ["[pad]", "the", "was", "not", "and", *SUBJECTS, *PRAISE, *BLAME, *DEGREES]
CODES = {word: code for code, word in enumerate(VOCABULARY)}


@validate_params(
    {
        "n_reviews": [Interval(Integral, 1, None, closed="left")],
        "max_sentences": [Interval(Integral, 1, None, closed="left")],
        "negation": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_reviews(n_reviews=1000, *, max_sentences=3, negation=0.3, random_state=None):
    """Simulate short reviews as tokens; the words that make a review positive or negative are known.

    A review is an odd number of sentences such as "the food was not very good", joined by "and". A sentence praises or
    blames, and "not" turns praise into blame and blame into praise. A review is positive if most of its sentences
    praise.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_reviews : int, default=1000
        Number of reviews.
    max_sentences : int, default=3
        Largest number of sentences of a review.
    negation : float, default=0.3
        Probability that a sentence contains "not". With 0, counts of words determine the class.
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
