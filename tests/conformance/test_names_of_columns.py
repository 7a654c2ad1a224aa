"""Inputs and columns that are known by their names, in any order."""

import itertools
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeeplift.rows import blocks
from tests.conformance.explainer_kinds import (
    BATCH_SIZE,
    KINDS,
    N_REFERENCES,
    N_ROWS,
    OF_POSITIONS,
    OWN_TARGETS,
    REFERENCES,
    ROWS,
    assert_all_different,
    assert_same,
    explained,
    fitted,
    make,
    of_kinds,
    table_network,
)
from tests.conformance.networks import floating_point, randomise_weights

NAMES = ["second", "first", "third"]
COLUMNS = np.array([3, 0, 4, 1, 2])


@pytest.fixture(autouse=True)
def _double_precision():
    with floating_point("float64"):
        yield


def network_of_dict():
    """A network of three inputs of one shape, so that no shape tells them apart."""
    with floating_point("float64"):
        inputs = {name: keras.Input((2,), name=name) for name in NAMES}
        hidden = layers.Dense(7, "tanh")(layers.Concatenate()([inputs[name] for name in sorted(NAMES)]))
        model = keras.Model(inputs, layers.Dense(1)(hidden))
    randomise_weights(model, seed=8)
    return model


def assert_same_dicts(actual, expected):
    assert set(actual) == set(NAMES)
    for name in NAMES:
        assert_same(actual[name], expected[name])


@pytest.mark.sampled(2)
@of_kinds("reveal_cancel", "Shapley values")
def test_inputs_go_by_name_in_any_order(kind, monkeypatch, tmp_path):
    da = pytest.importorskip("dask.array")
    model, random = network_of_dict(), np.random.default_rng(9)
    rows, references = ({name: random.normal(size=(n, 2)) for name in NAMES} for n in (N_ROWS, N_REFERENCES))
    own = {name: random.normal(size=(N_ROWS, N_REFERENCES, 2)) for name in NAMES}
    with_references = "reference" in KINDS[kind][0]._parameter_constraints
    orders = [NAMES, sorted(NAMES), NAMES[::-1]]

    def reordered(arrays, order):
        return {name: arrays[name] for name in order}

    explainer = make(kind, model, reference=references, batch_size=BATCH_SIZE).fit(rows)
    expected = explained(explainer, rows)
    assert_all_different(np.stack(list(expected.values())), 0)
    for order in orders:
        assert_same_dicts(explained(explainer, reordered(rows, order)), expected)
    # An explainer that was fitted on another order, for references in yet another.
    other = make(kind, model, reference=reordered(references, orders[2]), batch_size=BATCH_SIZE)
    other.fit(reordered(rows, orders[1]))
    assert_same_dicts(explained(other, rows), expected)
    for name, importances in other.feature_importances_.items():
        assert_same(importances, explainer.feature_importances_[name])
    given = dict(reference=own) if with_references else {}
    expected = explained(explainer, rows, **given)
    given = dict(reference=reordered(own, orders[1])) if with_references else {}
    assert_same_dicts(explained(explainer, reordered(rows, orders[2]), **given), expected)
    # Blocks of four rows, from batches and from files, whose inputs have another order again.
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 4 * 2 * 6)
    cuts = [0, 1, 5, N_ROWS]
    batches = [{name: rows[name][start:stop] for name in orders[1]} for start, stop in itertools.pairwise(cuts)]
    assert_same_dicts(explained(explainer, iter(batches), **given), expected)
    for name in NAMES:
        np.save(tmp_path / f"{name}.npy", rows[name])
    on_disk = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in orders[2]}
    assert_same_dicts(explained(explainer, on_disk, **given), expected)
    monkeypatch.undo()
    lazy = {name: da.from_array(rows[name], chunks=((5, 6), 2)) for name in orders[2]}
    computed = {name: array.compute(scheduler="sync") for name, array in explainer.transform(lazy).items()}
    assert_same_dicts(computed, explainer.transform(rows))


def assert_refused(explain):
    """Check that an error names the columns."""
    with pytest.raises(ValueError, match=r"feature names|same columns"):
        explain()


@pytest.mark.slow
def test_columns_by_name():
    """Tables whose columns have another order are refused; names and index stay with their contributions."""
    dd = pytest.importorskip("dask.dataframe")
    model, names = table_network(), list("pqrst")
    frame = pd.DataFrame(ROWS, columns=names, index=np.arange(100, 100 + N_ROWS)[::-1])
    references = pd.DataFrame(REFERENCES, columns=names)
    other = frame[[names[column] for column in COLUMNS]]
    explainer = make("rescale", model, reference=references, target=0).fit(frame)
    expected = explained(explainer, frame)
    assert_same(expected, explained(fitted("rescale"), ROWS))
    assert_same(make("rescale", model, reference=REFERENCES, target=0).fit(ROWS).transform(ROWS), expected)
    assert_refused(lambda: explainer.transform(other))
    assert_refused(lambda: explained(explainer, other))
    # Targets with an index go by the labels of the rows.
    targets = pd.Series(OWN_TARGETS, index=frame.index)[::-1]
    with_targets = explained(fitted("rescale"), ROWS, target=OWN_TARGETS)
    assert_same(explained(explainer, frame, target=targets), with_targets)
    # Batches, and partitions of Dask.
    assert_refused(lambda: explained(explainer, iter([other[:4], other[4:]])))
    assert_refused(lambda: explained(explainer, iter([frame[:4], other[4:]])))
    lazy = dd.from_pandas(other.reset_index(drop=True), npartitions=2)
    assert_refused(lambda: explainer.transform(lazy).compute(scheduler="sync"))
    # References in a table.
    shuffled = references[other.columns]
    assert_refused(lambda: explained(explainer, frame, reference=shuffled))
    assert_refused(lambda: make("rescale", model, reference=shuffled, target=0).fit(frame).transform(frame))
    # Names of columns, and labels of rows.
    table = make("rescale", model, reference=REFERENCES, target="all").set_output(transform="pandas").fit(frame)
    of_targets = explained(table, frame)
    result = table.transform(frame)
    assert result.index.equals(frame.index)
    long = table.explain(frame).to_frame()
    for row, column, target in np.ndindex(of_targets.shape):
        assert_same(result[f"{names[column]}__{target}"].iloc[row], of_targets[row, column, target])
        [contribution] = long[
            (long["row"] == frame.index[row]) & (long["feature"] == names[column]) & (long["class"] == target)
        ]["contribution"]
        assert_same(contribution, of_targets[row, column, target])


@pytest.mark.sampled(2)
@of_kinds("rescale", "occlusion", without=OF_POSITIONS)
def test_columns_in_front_of_an_encoder(kind):
    """Of a network that reads what is made of one column, all contributions go back to this column."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame(random.normal(size=(30, 3)), columns=["first", "second", "third"])
    frame.insert(1, "letter", random.choice(list("xyz"), 30))
    encoder = ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["third", "second"]),
            ("letters", OneHotEncoder(sparse_output=False), ["letter"]),
            ("same", "passthrough", ["first"]),
        ]
    )
    network = MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", max_iter=1, random_state=0)
    with warnings.catch_warnings(action="ignore"):
        pipeline = make_pipeline(encoder, network).fit(frame, frame["first"])
    weights = pipeline[-1].coefs_[0].copy()
    for column, made in {"third": [0], "second": [1], "letter": [2, 3, 4], "first": [5]}.items():
        pipeline[-1].coefs_[0] = weights * np.isin(np.arange(6), made)[:, None]
        explainer = make(kind, FrozenEstimator(pipeline), target="auto").set_params(to_source=True).fit(frame)
        reads = np.abs(explained(explainer, frame)).max(0) > 1e-9
        assert explainer.get_feature_names_out()[reads].tolist() == [column]
        assert_refused(lambda explainer=explainer: explained(explainer, frame[frame.columns[::-1]]))
