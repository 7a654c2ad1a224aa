import re

import numpy as np
import pandas as pd
import pytest

from skdeeplift import Explanation
from skdeeplift.plotting import summary_table as module
from skdeeplift.plotting.summary_table import summary_table
from tests.plotting.explanations import of_classes, of_inputs, table
from tests.plotting.test_plot_accessor import of_kind


def lines_of(text):
    """Return the texts of the cells of each line, and the titles of the tables."""
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in re.findall("<tr>.*?</tr>", text)]
    titles = re.findall("<caption><b>(.*?)</b><br>(.*?)</caption>", text)
    return [line[:3] for line in cells], titles


def bars_of(text):
    """Return where each bar starts, how long it is, and its colour."""
    found = re.findall(r"margin-left:(\d+)px;width:(\d+)px;height:0.8em;background:(#\w+)", text)
    return [(int(start), int(length), color) for start, length, color in found]


def test_rows_with_their_predictions():
    """Of the first row, the contributions are 1, -3 and 0.5: half of the width is for the -3."""
    explanation = table(index=pd.Index(["Ada", "Bob"]), target=1, class_names=["cat", "dog"])
    lines, titles = lines_of(explanation._repr_html_())
    assert lines[:3] == [["b", "20", "−3"], ["a", "10", "+1"], ["c", "30", "+0.5"]]
    assert titles[0] == ("row Ada, dog", "prediction −1, at the reference 0.5")
    assert titles[1] == ("row Bob, dog", "prediction 3, at the reference 0.5")
    first = bars_of(summary_table(explanation[0]))
    assert first == [(0, 60, module.NEGATIVE), (60, 20, module.POSITIVE), (60, 10, module.POSITIVE)]


def many(**fields):
    return table(
        contributions=np.array([[1.0, -3.0], [2.0, 1.0], [3.0, 2.0], [-4.0, 0.0]]),
        X=np.ones((4, 2)),
        prediction=np.array([1.0, 2.0, 3.0, 4.0]),
        reference_value=np.full(4, 0.5),
        feature_names=["a", "b"],
        **fields,
    )


def test_means_of_more_rows():
    lines, titles = lines_of(summary_table(many()))
    assert lines == [["a", "", "2.5"], ["b", "", "1.5"]]
    assert titles == [
        ("output", "mean absolute contribution over 4 rows, mean prediction 2.5, mean at the reference 0.5")
    ]
    assert [length for _, length, _ in bars_of(summary_table(many()))] == [120, 72]


def test_targets_are_never_mixed():
    lines, titles = lines_of(summary_table(many(target=np.array(["cat", "dog", "cat", "dog"]))))
    assert [title for title, _ in titles] == ["cat", "dog"]
    assert lines == [["b", "", "2.5"], ["a", "", "2"], ["a", "", "3"], ["b", "", "0.5"]]
    # The only row of a target is shown as it is.
    lines, titles = lines_of(summary_table(many(target=np.array(["cat", "cat", "cat", "dog"]))))
    assert titles[1] == ("row 3, dog", "prediction 4, at the reference 0.5")
    assert lines[2:] == [["a", "1", "−4"], ["b", "1", "+0"]]
    assert [title for title, _ in lines_of(summary_table(of_classes()))[1]] == [
        "row 0, cat",
        "row 0, dog",
        "row 1, cat",
        "row 1, dog",
    ]


def test_many_targets_and_features_are_shortened():
    explanation = Explanation(
        contributions=np.ones((5, 30, 6)), prediction=np.zeros((5, 6)), feature_names=[f"f{i}" for i in range(30)]
    )
    lines, titles = lines_of(text := summary_table(explanation))
    assert len(titles) == 4
    assert "2 more tables not shown" in text
    assert lines[10] == ["sum of 20 other features", "", "20"]
    explanation.contributions, explanation.feature_names = np.ones((5, 11, 6)), None
    assert lines_of(summary_table(explanation))[0][10] == ["feature 10", "", "1"]


def test_a_large_explanation_is_read_in_part(monkeypatch):
    monkeypatch.setattr(module, "MOST_ELEMENTS", 5)
    lines, titles = lines_of(summary_table(many()))
    assert lines == [["b", "", "2"], ["a", "", "1.5"]]
    assert "contribution over the first 2 rows, mean prediction 1.5" in titles[0][1]


def test_names_are_escaped():
    explanation = table(
        X=pd.DataFrame({"a": ["<i>", "u"], "b": [1, 2], "c": [np.nan, 2]}, index=["<script>", "&"]),
        index=pd.Index(["<script>", "&"]),
        feature_names=["<b>", "b", "c"],
        target="<u>",
    )
    text = summary_table(explanation)
    assert not {"<b>b", "<i>", "<script>", "<u>"} & set(re.findall("<[^>]*>", text))
    lines, titles = lines_of(text)
    assert titles[0][0] == "row &lt;script&gt;, &lt;u&gt;"
    assert lines[1] == ["&lt;b&gt;", "&lt;i&gt;", "+1"]
    assert lines[2] == ["c", "missing", "+0.5"]


def test_parts_share_a_table():
    lines, _ = lines_of(summary_table(of_inputs()[0]))
    assert lines[:2] == [["right: feature 1", "20", "−6"], ["left: feature 1", "20", "−3"]]


def test_columns_left_out():
    lines, _ = lines_of(summary_table(table()[["a"]][0]))
    assert lines == [["a", "10", "+1"], ["columns left out", "", "−2.5"]]
    assert len(bars_of(summary_table(table()[["a"]][0]))) == 1


@pytest.mark.parametrize(
    ("kind", "pattern", "n_places"),
    [("image", r"pixel \d, \d", 36), ("gray", r"position \d, \d", 36), ("array", r"element \d, \d, \d, \d", 16)],
)
def test_pixels(kind, pattern, n_places):
    explanation = of_kind(kind, 1)
    lines, _ = lines_of(summary_table(explanation))
    assert re.fullmatch(pattern, lines[0][0])
    assert lines[0][1] == ("" if kind == "image" else lines[0][1])
    assert lines[10][0] == f"sum of {n_places - 10} other features"
    sums = explanation.contributions[0].sum(-1) if kind == "image" else explanation.contributions[0]
    place = tuple(map(int, lines[0][0].split(" ", 1)[1].split(", ")))
    assert abs(sums[place]) == np.abs(sums).max()


def test_letters_and_tokens():
    explanation = of_kind("sequence", 1)
    letters = np.array(list("ACGT"))[explanation.X[0].argmax(-1)]
    largest = int(np.abs(explanation.contributions[0].sum(-1)).argmax())
    assert lines_of(summary_table(explanation))[0][0][:2] == [f"position {largest}", letters[largest]]
    explanation = of_kind("tokens", 1)
    largest = int(np.abs(explanation.contributions[0]).argmax())
    lines, _ = lines_of(summary_table(explanation))
    assert lines[0][:2] == [f"position {largest}", str(explanation.X[0, largest])]
    # Units of an embedding belong to their token.
    explanation.contributions = np.stack([explanation.contributions, explanation.contributions], -1)
    assert len(lines_of(summary_table(explanation))[0]) == 5


def test_nothing_to_show():
    assert "0 rows" in summary_table(table()[:0])
    assert "<table" not in summary_table(table()[:0])
    gaps = summary_table(table(contributions=np.array([[np.nan, 1.0, np.inf]]), X=None, prediction=np.zeros(1)))
    assert "missing" in gaps
    assert len(bars_of(gaps)) == 1
