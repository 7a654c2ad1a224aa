import sys

import numpy as np
import pandas as pd
import pytest

from skdeeplift.sequences import resize_regions, write_bigwig

bigwig = pytest.importorskip("pyBigWig")


def nearest_scores(regions, scores, size):
    """Look at every position by itself."""
    values = np.full(size, np.nan)
    middles = (regions["start"] + regions["end"]).to_numpy() // 2
    for position in range(size):
        inside = ((regions["start"] <= position) & (position < regions["end"])).to_numpy()
        if inside.any():
            distances = np.where(inside, np.abs(middles - position - 0.25), np.inf)
            row = distances.argmin()
            values[position] = scores[row, position - regions["start"].iloc[row]]
    return values


@pytest.mark.parametrize("seed", range(5))
def test_each_position_has_the_score_of_the_nearest_region(tmp_path, seed):
    generator = np.random.default_rng(seed)
    starts = generator.choice(60, 6, replace=False)
    regions = pd.DataFrame({"chrom": generator.choice(["b", "a"], 6), "start": starts, "end": starts + 10})
    scores = generator.normal(size=(6, 10))
    write_bigwig(tmp_path / "scores.bw", regions, scores, {"b": 80, "a": 70, "c": 5})
    with bigwig.open(str(tmp_path / "scores.bw")) as file:
        for name, size in {"b": 80, "a": 70}.items():
            of_chromosome = (regions["chrom"] == name).to_numpy()
            expected = nearest_scores(regions[of_chromosome], scores[of_chromosome], size)
            np.testing.assert_allclose(file.values(name, 0, size), expected, rtol=1e-6)


def test_what_lies_outside_of_the_chromosome_is_left_out(tmp_path):
    (tmp_path / "genome.fa").write_text(">one\nACGTA\n")
    regions = resize_regions(pd.DataFrame({"chrom": ["one"], "start": [2], "end": [3]}), 8)
    write_bigwig(tmp_path / "scores.bw", regions, [range(8)], tmp_path / "genome.fa")
    with bigwig.open(str(tmp_path / "scores.bw")) as file:
        # The window is from -2 to 6.
        assert file.values("one", 0, 5) == [2, 3, 4, 5, 6]


def test_nothing_is_written_where_scores_do_not_fit(tmp_path):
    regions = pd.DataFrame({"chrom": ["one"], "start": [0], "end": [4]})
    with pytest.raises(ValueError, match=r"one number for each position of 1 regions.*shape \(1, 3\)"):
        write_bigwig(tmp_path / "scores.bw", regions, np.zeros((1, 3)), {"one": 9})
    with pytest.raises(ValueError, match=r"sizes= has no chromosome 'one'\. Pass sizes= with all chromosomes"):
        write_bigwig(tmp_path / "scores.bw", regions, np.zeros((1, 4)), {"two": 9})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.advice
def test_the_package_that_writes_is_named(tmp_path, monkeypatch):
    """With the package, as it is installed here, the file is written."""
    regions = pd.DataFrame({"chrom": ["one"], "start": [0], "end": [4]})
    write_bigwig(tmp_path / "scores.bw", regions, np.zeros((1, 4)), {"one": 9})
    monkeypatch.setitem(sys.modules, "pyBigWig", None)
    with pytest.raises(
        ImportError,
        match=r"package pyBigWig, which is not installed\. Install it: pip install 'skdeeplift\[genomics\]'",
    ):
        write_bigwig(tmp_path / "scores.bw", regions, np.zeros((1, 4)), {"one": 9})
