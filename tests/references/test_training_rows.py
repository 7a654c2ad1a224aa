import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import NearestNeighbors

from skdeeplift.references import NearestOther, Permuted, TrainingSample

ROWS = np.arange(20).reshape(10, 2)
GENERATOR = np.random.default_rng(0)


def test_draws_without_replacement():
    drawn = TrainingSample().fit(ROWS).sample(None, 4, 0)
    assert len(np.unique(drawn[:, 0])) == 4
    assert {tuple(row) for row in drawn} <= {tuple(row) for row in ROWS}


def test_fewer_rows_are_all_taken_as_a_copy():
    rows = ROWS.copy()
    sample = TrainingSample().fit(rows)
    rows += 100
    drawn = sample.sample(None, 30, 0)
    np.testing.assert_array_equal(np.sort(drawn, 0), ROWS)


def test_every_row_is_as_probable_at_every_place():
    sample = TrainingSample().fit(ROWS)
    first = [sample.choose(None, 3, seed)[0] for seed in range(2000)]
    counts = np.array([np.bincount(np.array(first)[:, place], minlength=10) for place in range(3)])
    assert np.abs(counts - 200).max() < 5 * np.sqrt(200)


def test_a_row_of_each_cluster_counts_by_its_size():
    """Three clusters of 6, 3 and 1 rows, far apart; the middle row of each is nearest to its centre."""
    rows = np.array([[0, 1, 2, 3, 4, 2.4, 100, 101, 102.5, 1000]]).T.astype(np.float32)
    positions, weights = TrainingSample("kmeans", n_clusters=3).fit(rows).choose(None, 50, 0)
    np.testing.assert_array_equal(rows[positions, 0], [2, 101, 1000])
    np.testing.assert_allclose(weights, [0.6, 0.3, 0.1])


def test_clusters_are_at_most_as_many_as_asked_for_and_as_different_rows():
    rows = np.repeat(GENERATOR.normal(size=(4, 2, 3)), 5, 0)
    sample = TrainingSample("kmeans").fit(rows)
    assert [len(sample.sample(None, number, 0)) for number in (2, 4, 9)] == [2, 4, 4]
    _, weights = sample.choose(None, 9, 0)
    np.testing.assert_allclose(weights, 0.25)


def test_many_rows_are_clustered_in_batches():
    rows = np.concatenate([GENERATOR.normal(size=(8_000, 2)), 50 + GENERATOR.normal(size=(4_000, 2))])
    positions, weights = TrainingSample("kmeans", n_clusters=2).fit(rows).choose(None, 9, 0)
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3])
    np.testing.assert_allclose(rows[positions], [[0, 0], [50, 50]], atol=0.5)


def test_more_clusters_than_different_rows():
    with pytest.raises(ValueError, match="n_clusters=11 asks for more clusters than the 10 different rows"):
        TrainingSample("kmeans", n_clusters=11).fit(np.repeat(ROWS, 2, 0))


@pytest.mark.parametrize("parameters", [{"method": "unknown"}, {"n_clusters": 0}])
def test_bad_parameters_of_samples(parameters):
    with pytest.raises(ValueError, match="parameter of TrainingSample"):
        TrainingSample(**parameters).fit(ROWS)


@pytest.mark.parametrize("n_neighbors", [1, 3])
def test_nearest_of_another_class(n_neighbors):
    training, rows = GENERATOR.normal(size=(60, 2, 3)), GENERATOR.normal(size=(17, 2, 3))
    classes, of_rows = GENERATOR.integers(0, 3, 60), GENERATOR.integers(0, 3, 17)
    got = NearestOther(n_neighbors).fit(training, classes).sample(rows, 100, y=of_rows)
    assert got.shape == (17, n_neighbors, 2, 3)
    for row, of_row, nearest in zip(rows, of_rows, got, strict=True):
        others = training[classes != of_row]
        search = NearestNeighbors(n_neighbors=n_neighbors).fit(others.reshape(-1, 6))
        [expected] = search.kneighbors(row.reshape(1, 6), return_distance=False)
        np.testing.assert_array_equal(nearest, others[expected])


def test_not_more_neighbours_than_asked_for():
    nearest = NearestOther(5).fit(ROWS, ROWS[:, 0] > 8)
    assert nearest.sample(ROWS, 2, y=np.zeros(10)).shape == (10, 2, 2)


def test_neighbours_of_tokens_by_how_many_differ():
    tokens = np.array([[1, 2, 3], [1, 2, 9], [100, 2, 3]])
    nearest = NearestOther(metric="hamming").fit(tokens, [0, 1, 1])
    np.testing.assert_array_equal(nearest.sample([[99, 2, 3]], 1, y=[0])[0, 0], [100, 2, 3])


def test_a_class_without_training_rows_may_take_all():
    nearest = NearestOther().fit(ROWS, ROWS[:, 0] > 8)
    np.testing.assert_array_equal(nearest.sample([[0, 2]], 1, y=[7])[0, 0], [0, 1])


@pytest.mark.parametrize(
    ("classes", "n_neighbors", "message"),
    [
        (None, 1, "needs the predicted classes"),
        (np.zeros(10), 1, "1 training rows of another class, and for some rows there are only 0"),
        (np.arange(10) > 7, 3, "3 training rows of another class, and for some rows there are only 2"),
        (np.zeros(9), 1, r"one class for each of the 10 rows of X. Got shape \(9,\)"),
    ],
)
def test_bad_neighbours(classes, n_neighbors, message):
    with pytest.raises(ValueError, match=message):
        NearestOther(n_neighbors).fit(ROWS, classes)


def test_neighbours_need_classes_of_rows():
    nearest = NearestOther().fit(ROWS, ROWS[:, 0] > 8)
    with pytest.raises(ValueError, match="needs the predicted classes"):
        nearest.sample(ROWS, 1)


def test_permuted_columns_keep_their_values_and_lose_their_company():
    rows = np.repeat(GENERATOR.normal(size=(500, 1)), 3, 1).reshape(500, 3, 1)
    permuted = Permuted().fit(rows).sample(None, 500, 0)
    np.testing.assert_array_equal(np.sort(permuted, 0), np.sort(rows, 0))
    correlations = np.corrcoef(permuted[..., 0].T)
    assert np.abs(correlations - np.eye(3)).max() < 5 / np.sqrt(500)
    # The first of them are a sample of each column as good as any.
    assert kstest(permuted[:100, 0, 0], rows[:, 0, 0]).pvalue > 1e-3


def test_more_permuted_rows_than_training_rows():
    permuted = Permuted().fit(ROWS).sample(None, 25, 0)
    assert permuted.shape == (25, 2)
    np.testing.assert_array_equal(np.bincount(permuted[:20, 0])[::2], 2)


@pytest.mark.parametrize("reference", [TrainingSample(), NearestOther(), Permuted()])
def test_objects_that_are_not_fitted_say_so(reference):
    with pytest.raises(NotFittedError):
        reference.sample(ROWS, 2)


def test_weights_of_training_rows():
    rows, weights = np.arange(12.0).reshape(6, 2), np.array([1.0, 0.0, 2.0, 3.0, 0.0, 2.0])
    sample = TrainingSample().fit(rows, sample_weight=weights)
    positions, shares = sample.choose(rows, 10, random_state=0)
    np.testing.assert_array_equal(sample.rows_[positions], rows[weights > 0])
    np.testing.assert_allclose(shares, weights[weights > 0] / 8)
    drawn = [sample.rows_[sample.choose(rows, 3, random_state=seed)[0]][:, 0] for seed in range(400)]
    values, counts = np.unique(np.concatenate(drawn), return_counts=True)
    np.testing.assert_array_equal(values, rows[weights > 0, 0])
    np.testing.assert_allclose(counts / 1200, weights[weights > 0] / 8, atol=0.05)
    clusters = TrainingSample("kmeans", n_clusters=2)
    of_weights = clusters.fit(rows, sample_weight=weights).choose(rows, 2, random_state=0)[1]
    of_repeated = clusters.fit(np.repeat(rows, weights.astype(int), 0)).choose(rows, 2, random_state=0)[1]
    np.testing.assert_allclose(np.sort(of_weights), np.sort(of_repeated))


def test_a_sample_of_rows_that_come_in_parts():
    rows = np.arange(3000.0)[:, None]
    sample = TrainingSample().partial_fit(rows[:10]).partial_fit(rows[10:12])
    np.testing.assert_array_equal(sample.rows_, rows[:12])
    assert sample.weights_ is None
    weighted = TrainingSample().partial_fit(rows[:3], sample_weight=[0.0, 1.0, 2.0]).partial_fit(rows[3:4])
    np.testing.assert_array_equal(weighted.rows_[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(weighted.weights_, [1, 2, 1])
    # Rows of weight two are drawn more often, and count the same then.
    weights = np.where(rows[:, 0] < 1500, 1.0, 2.0)
    for start in range(0, 3000, 500):
        sample.partial_fit(rows[start : start + 500], sample_weight=weights[start : start + 500])
    assert len(sample.rows_) == 1024
    assert sample.weights_ is None
    assert 0.55 < (sample.rows_ >= 1500).mean() < 0.75
    np.testing.assert_array_equal(sample.fit(rows[:2]).partial_fit(rows[5:7]).rows_, rows[5:7])
    assert not hasattr(TrainingSample("kmeans"), "partial_fit")
