"""Contributions that sum, but to the wrong row, column, reference or target: each is to move along with its own."""

import itertools

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skdeeplift.rows import blocks
from tests.conformance.explainer_kinds import (
    DRAWS_COLUMNS,
    DRAWS_PAIRS,
    KINDS,
    N_COLUMNS,
    N_REFERENCES,
    N_ROWS,
    N_TARGETS,
    OWN_REFERENCES,
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
from tests.conformance.networks import floating_point

ORDER = np.random.default_rng(1).permutation(N_ROWS)
COLUMNS = np.array([3, 0, 4, 1, 2])


@pytest.fixture(autouse=True)
def _double_precision():
    with floating_point("float64"):
        yield


def square(tensor):
    return tensor * tensor


@pytest.mark.sampled(3)
@of_kinds("reveal_cancel", "integrated gradients", "expected gradients", "gradient times input", "Shapley values")
def test_rows_references_and_targets_go_in_any_order(kind):
    explainer, compares = fitted(kind), hasattr(fitted(kind), "references_")
    expected = explained(explainer, ROWS)
    assert_all_different(expected, 0)
    assert_all_different(expected, 1)
    assert_same(explained(explainer, ROWS[ORDER]), expected[ORDER])
    for row in (0, 6, N_ROWS - 1):
        assert_same(explained(explainer, ROWS[[row]]), expected[[row]])
    # Of targets, for all rows and for each.
    of_targets = np.stack([explained(explainer, ROWS, target=target) for target in range(N_TARGETS)], -1)
    assert_all_different(of_targets, 2)
    assert_same(of_targets[..., 0], expected)
    assert_same(explained(explainer, ROWS, target="all"), of_targets)
    chosen = np.take_along_axis(of_targets, OWN_TARGETS[:, None, None], 2)[..., 0]
    assert_same(explained(explainer, ROWS, target=OWN_TARGETS), chosen)
    assert_same(explained(explainer, ROWS[ORDER], target=OWN_TARGETS[ORDER]), chosen[ORDER])
    if not compares:
        return
    assert_same(explained(explainer, ROWS, reference=REFERENCES[::-1]), expected)
    # References of each row.
    own = explained(explainer, ROWS, reference=OWN_REFERENCES)
    assert_all_different(own, 0)
    assert_same(explained(explainer, ROWS[ORDER], reference=OWN_REFERENCES[ORDER]), own[ORDER])
    for row in (2, N_ROWS - 1):
        assert_same(explained(explainer, ROWS[[row]], reference=OWN_REFERENCES[[row]]), own[[row]])
    if kind not in DRAWS_PAIRS:
        assert_same(explained(explainer, ROWS, reference=OWN_REFERENCES[:, ::-1]), own)
        assert_same(explained(explainer, ROWS, reference=np.repeat(REFERENCES[None], N_ROWS, 0)), expected)
        of_each = [explained(explainer, ROWS, reference=OWN_REFERENCES[:, [each]]) for each in range(N_REFERENCES)]
        assert_all_different(np.array(of_each), 0)
        assert_same(np.mean(of_each, 0), own)


def sources_of_rows(folder, rows):
    """Yield the same rows as they come from other places, in pieces of other sizes."""
    np.save(folder / "rows.npy", rows)
    yield np.load(folder / "rows.npy", mmap_mode="r")
    cuts = [0, 1, 5, 7, len(rows)]
    pieces = [rows[start:stop] for start, stop in itertools.pairwise(cuts)]
    yield iter(pieces)
    yield (pd.DataFrame(piece) for piece in pieces)
    yield tf.data.Dataset.from_tensor_slices((rows, np.zeros(len(rows)))).batch(3)
    yield rows.tolist()


@pytest.mark.sampled(3)
@of_kinds("rescale", "integrated gradients", "Shapley values")
def test_rows_in_pieces(kind, tmp_path, monkeypatch):
    """Chunks, parts side by side, blocks of a file and of batches, and blocks of Dask each know their rows."""
    da = pytest.importorskip("dask.array")
    explainer = fitted(kind)
    expected = explained(explainer, ROWS, target=OWN_TARGETS)
    with_own = {} if not hasattr(explainer, "references_") else dict(reference=OWN_REFERENCES)
    own = explained(explainer, ROWS, target=OWN_TARGETS, **with_own)
    explainer.set_params(n_jobs=2)
    try:
        assert_same(explained(explainer, ROWS, target=OWN_TARGETS), expected)
        assert_same(explained(explainer, ROWS, target=OWN_TARGETS, **with_own), own)
    finally:
        explainer.set_params(n_jobs=None)
    lazy = da.from_array(ROWS, chunks=((4, 1, 6), N_COLUMNS))
    assert_same(explainer.transform(lazy, target=OWN_TARGETS).compute(scheduler="sync"), expected)
    # A block has four rows then.
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 4 * 2 * N_COLUMNS)
    for rows in sources_of_rows(tmp_path, ROWS):
        assert_same(explained(explainer, rows, target=OWN_TARGETS, **with_own), own)
    out = np.full_like(ROWS, np.nan)
    assert explainer.transform(ROWS, target=OWN_TARGETS, out=out) is out
    assert_same(out, expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_chunks_of_other_sizes(kind):
    explainer = make(kind, table_network(), reference=REFERENCES, target=0).fit(ROWS)
    with_own = {} if not hasattr(explainer, "references_") else dict(reference=OWN_REFERENCES)
    expected = explained(explainer, ROWS, target=OWN_TARGETS)
    own = explained(explainer, ROWS, target=OWN_TARGETS, **with_own)
    everything = explained(explainer, ROWS, target="all")
    for batch_size in (1, 5, 13, 100):
        explainer.set_params(batch_size=batch_size)
        assert_same(explained(explainer, ROWS, target=OWN_TARGETS), expected)
        assert_same(explained(explainer, ROWS, target=OWN_TARGETS, **with_own), own)
        assert_same(explained(explainer, ROWS, target="all"), everything)


@pytest.mark.sampled(3)
@of_kinds("reveal_cancel", "integrated gradients", "epsilon-LRP")
def test_columns_in_another_order(kind):
    """With the columns of the first layer's weights, of rows and of references, contributions are permuted."""
    if kind in DRAWS_COLUMNS:
        return
    # Where two columns interact at the most, the Shapley values of an order and its reverse are exact.
    model = keras.Sequential(table_network(square).layers[:2]) if kind == "Shapley values" else table_network()
    explainer = make(kind, model, reference=REFERENCES, target="all").fit(ROWS)
    expected, importances = explained(explainer, ROWS), explainer.feature_importances_
    first = model.get_layer("first")
    weights, bias = first.get_weights()
    first.set_weights([weights[COLUMNS], bias])
    references = dict(reference=REFERENCES[:, COLUMNS]) if hasattr(explainer, "references_") else {}
    assert_same(explained(explainer, ROWS[:, COLUMNS], **references), expected[:, COLUMNS])
    other = make(kind, model, reference=REFERENCES[:, COLUMNS], target="all").fit(ROWS[:, COLUMNS])
    assert_same(other.feature_importances_, importances[COLUMNS])
    assert_same(other.transform(ROWS[:, COLUMNS]), expected[:, COLUMNS].reshape(N_ROWS, -1))


@of_kinds("rescale")
def test_rows_of_importances(kind):
    """The row that `fit` draws, or that alone has a weight, keeps its own target and references."""
    explainer = make(kind, table_network(), reference=OWN_REFERENCES, target=0, max_samples=1).set_params(
        random_state=1
    )
    of_drawn = explainer.fit(ROWS, target=OWN_TARGETS).feature_importances_
    explainer.set_params(max_samples=N_ROWS).fit(ROWS)
    expected = np.abs(explained(explainer, ROWS, target=OWN_TARGETS))
    drawn, *_ = np.flatnonzero(np.abs(expected - of_drawn).max(1) < 1e-9 * expected.max())
    for row in (0, drawn, N_ROWS - 1):
        importances = explainer.fit(ROWS, target=OWN_TARGETS, sample_weight=np.eye(N_ROWS)[row]).feature_importances_
        assert_same(importances, expected[row])
