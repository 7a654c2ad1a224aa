"""Simulated reviews say what their class is."""

import numpy as np
import pytest

from skdeeplift.datasets import make_reviews
from skdeeplift.datasets.simulations import BLAME, PRAISE


def judged(text):
    """Return the number of sentences that praise, less the number of those that blame."""
    balance = 0
    for sentence in text.split(" and "):
        words = sentence.split()
        balance += (1 if words[-1] in PRAISE else -1) * (-1 if "not" in words else 1)
    return balance


def test_the_class_is_what_most_sentences_say():
    dataset = make_reviews(500, max_sentences=5, random_state=0)
    balances = np.array([judged(text) for text in dataset.texts])
    np.testing.assert_array_equal(balances > 0, dataset.target == 1)
    assert {text.count(" and ") for text in dataset.texts} == {0, 2, 4}
    assert abs(dataset.target.mean() - 0.5) < 0.1


def test_tokens_spell_the_text():
    dataset = make_reviews(50, random_state=0)
    for row, planted, text in zip(dataset.data, dataset.planted, dataset.texts, strict=True):
        words = dataset.vocabulary[row]
        assert " ".join(words[row > 0]) == text
        assert (row[len(text.split()) :] == 0).all()
        assert set(words[planted]) <= {*PRAISE, *BLAME, "not"}
        assert not set(words[~planted]) & {*PRAISE, *BLAME, "not"}
    assert dataset.data.dtype == np.int32
    assert len(set(dataset.vocabulary)) == len(dataset.vocabulary)


@pytest.mark.parametrize(("max_sentences", "length"), [(1, 6), (2, 6), (3, 20), (4, 20)])
def test_length_is_that_of_the_longest_possible_review(max_sentences, length):
    dataset = make_reviews(400, max_sentences=max_sentences, negation=1, random_state=0)
    assert dataset.data.shape == (400, length)
    assert all("not" in text for text in dataset.texts)
    assert not any("not" in text for text in make_reviews(100, negation=0, random_state=0).texts)


def test_negation_is_a_probability():
    with pytest.raises(ValueError, match="negation"):
        make_reviews(1, negation=2)
