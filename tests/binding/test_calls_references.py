"""References that an explanation gives back: those that the contributions were computed with."""

import copy
import pickle

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, ExpectedGradientsExplainer, GradientExplainer
from skdeeplift.references import DinucleotideShuffle, Shuffle
from skdeeplift.sequences import one_hot

RNG = np.random.default_rng(0)
SEQUENCES = one_hot(["".join(each) for each in RNG.choice(list("ACGT"), (4, 30))])
TABLE = RNG.normal(size=(6, 3)).astype("float32")


@pytest.fixture(scope="module")
def of_letters():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((30, 4)),
            keras.layers.Conv1D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )


@pytest.fixture(scope="module")
def of_table():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])


def explained_again(network, explanation, rows, row):
    """Contributions of a row against the references that were given back."""
    references = explanation.references(row)
    again = DeepLiftExplainer(network, reference=references).fit(rows)
    return again.explain(rows[[row]]).contributions[0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
def test_shuffles_are_those_that_the_object_draws(of_letters, kind):
    explainer = DeepLiftExplainer(of_letters, reference=kind(), max_references=7, random_state=0).fit(SEQUENCES[:2])
    explanation = explainer.explain(SEQUENCES)
    drawn = kind().fit(SEQUENCES).sample(SEQUENCES, 7, random_state=0)
    for row in range(4):
        np.testing.assert_array_equal(explanation.references(row), drawn[row])
        expected = explained_again(of_letters, explanation, SEQUENCES, row)
        np.testing.assert_allclose(explanation.contributions[row], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(explanation.references(-1), drawn[3])
    np.testing.assert_array_equal(explainer.explain(SEQUENCES[2:3]).references(0), drawn[2])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("reference", ["zeros", "sample", "nearest_other", TABLE[:2], lambda X: X[:, None] / 2])
def test_references_of_every_kind(of_table, reference):
    explainer = DeepLiftExplainer(of_table, reference=reference, max_references=4, random_state=0).fit(TABLE)
    explanation = explainer.explain(TABLE)
    for row in range(6):
        assert len(explanation.references(row)) == explanation.n_references[row]
        expected = explained_again(of_table, explanation, TABLE, row)
        np.testing.assert_allclose(explanation.contributions[row], expected, rtol=1e-4, atol=1e-6)


def test_as_many_as_a_row_needed(of_letters):
    explainer = DeepLiftExplainer(of_letters, reference="shuffle", reference_tol=0.3, max_references="auto")
    explanation = explainer.fit(SEQUENCES).explain(SEQUENCES)
    for row in range(4):
        assert len(explanation.references(row)) == explanation.n_references[row] < 1024


def test_draws_of_expected_gradients(of_table):
    explainer = ExpectedGradientsExplainer(of_table, reference=TABLE[:2], random_state=0).fit(TABLE)
    references = explainer.explain(TABLE).references(0)
    assert references.shape[1:] == (3,)
    assert np.isin(references, TABLE[:2]).all()


def test_references_of_several_inputs_come_in_the_form_of_the_rows(of_table):
    one, other = keras.Input((30, 4), name="one"), keras.Input((3,), name="other")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(one), other])
    network = keras.Model([one, other], keras.layers.Dense(1)(joined))
    rows = {"one": SEQUENCES, "other": TABLE[:4]}
    explainer = DeepLiftExplainer(network, reference={"one": "shuffle", "other": "held"}, max_references=5).fit(rows)
    references = explainer.explain(rows).references(1)
    assert references["one"].shape == (5, 30, 4)
    np.testing.assert_array_equal(references["other"], np.repeat(TABLE[[1]], 5, 0))
    assert [each.shape for each in explainer.explain(list(rows.values())).references(1)] == [(5, 30, 4), (5, 3)]


def test_says_where_there_are_none(of_letters, of_table, tmp_path):
    explainer = DeepLiftExplainer(of_letters, reference="shuffle", max_references=3, random_state=0).fit(SEQUENCES)
    explanation = explainer.explain(SEQUENCES)
    with pytest.raises(IndexError, match="Row 4 is out of range: the explanation has 4 rows"):
        explanation.references(4)
    explanation.save(tmp_path / "explanation.npz")
    copies = [
        type(explanation).load(tmp_path / "explanation.npz"),
        pickle.loads(pickle.dumps(explanation)),
        copy.copy(explanation),
        explainer.explain(iter([SEQUENCES[:2], SEQUENCES[2:]])),
    ]
    for each in copies:
        np.testing.assert_array_equal(each.contributions, explanation.contributions)
        with pytest.raises(ValueError, match=r"explainer.explain\(X\[row : row \+ 1\]\).references\(0\)"):
            each.references(1)
    # As the message says:
    np.testing.assert_array_equal(explainer.explain(SEQUENCES[1:2]).references(0), explanation.references(1))
    with pytest.raises(ValueError, match="compares rows with no reference"):
        GradientExplainer(of_table).fit(TABLE).explain(TABLE).references(0)
