import base64
import io
import re
import sys

import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting.html_page import draw_pictures
from skdeeplift.plotting.plot_accessor import PlotAccessor
from tests.plotting.explanations import of_classes, of_inputs, table
from tests.plotting.test_plot_accessor import of_kind


def captions(explanation):
    return [caption for caption, _ in draw_pictures(explanation)]


def test_a_page_in_one_file(tmp_path):
    from matplotlib.image import imread

    explanation = table(index=pd.Index(["Ada", "<Bob>"]))
    explanation.to_html(tmp_path / "page.html", title="Wine & <cheese>")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>Wine &amp; &lt;cheese&gt;</h1>" in text
    assert "<Bob>" not in text
    # It asks nothing of the network, and runs nothing.
    assert not re.search(r"https?:|<script|<link|src=\"(?!data:)|url\(|@import", text)
    pictures = re.findall(r'src="data:image/png;base64,([^"]*)"', text)
    assert len(pictures) == 4
    for picture in pictures:
        pixels = imread(io.BytesIO(base64.b64decode(picture)))
        assert pixels.std() > 0.01
    assert re.findall("<figcaption>(.*?)</figcaption>", text)[2:] == ["Row Ada", "Row &lt;Bob&gt;"]
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_an_older_page_is_kept_if_anything_fails(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")
    with monkeypatch.context() as broken:
        broken.setattr(PlotAccessor, "bar", lambda *_, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            table().to_html(path)
    assert path.read_text() == "old"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(ImportError, match=r"to_html draws with matplotlib.*pip install"):
            table().to_html(path)
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_each_target_has_its_pictures():
    of_both = captions(of_classes())
    assert of_both[:4] == [
        "mean absolute contributions to cat",
        "contributions of all rows to cat",
        "row 0, cat",
        "row 1, cat",
    ]
    assert of_both[4:] == [caption.replace("cat", "dog") for caption in of_both[:4]]
    # The only row with a target has a waterfall, and no swarm of one point.
    assert captions(table(target=np.array([4, 7]))) == ["row 0, output 4", "row 1, output 7"]
    without = ["mean absolute contributions to the output", "contributions of all rows to the output"]
    assert captions(table(reference_value=None)) == without


def test_each_input_has_itsdraw_pictures():
    assert captions(of_inputs()[0]) == ["row 0, input left", "row 0, input right"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("image", ["contributions of the first rows to the output"]),
        ("tokens", ["contributions of the first rows to the output"]),
        ("sequence", ["row 0", "row 1"]),
        ("array", []),
    ],
)
def test_pages_of_other_rows_have_their_pictures(kind, expected):
    assert captions(of_kind(kind)) == expected


def test_a_page_without_rows_says_so(tmp_path):
    table()[:0].to_html(tmp_path / "page.html")
    assert "<h1>Explanation of 0 rows</h1>" in (tmp_path / "page.html").read_text()


def test_rows_without_numbers_have_no_steps(tmp_path):
    explanation = table(prediction=np.array([np.nan, 3.0]))
    assert captions(explanation)[2:] == ["row 1"]
    explanation.to_html(tmp_path / "page.html")


def test_tokens_have_words(tmp_path):
    tokens = table(X=np.array([[1, 2, 0], [2, 1, 0]]), holds_tokens=True)
    tokens.to_html(tmp_path / "page.html", vocabulary=["", "<film>", "bad"], padding=0)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;film&gt;</span>" in text
    assert "[1 padding" in text
