"""The README's table is that of the documentation, with fewer columns."""

from tests.benchmarks.table import (
    END,
    HEADER,
    IN_README,
    NAMES,
    PAGE,
    README,
    SECONDS_MOST,
    START,
    WORKLOADS,
    line,
    summarise,
)

MEASURED = {
    "seconds": {"ours": [0.1, 0.2, 0.3], "forward": [0.1], "both": [0.4], "shap": [SECONDS_MOST], "captum": [0.5]},
    "floor": (10**9, 2**20),
    "memory": 12.3,
    "first": 0.5,
    "delta": 1e-6,
}


def page_of(*lines):
    return "\n".join(["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER), *lines, ""])


def test_a_line_tells_medians_and_ratios():
    cells = dict(zip(HEADER, [cell.strip() for cell in line("A1", "rescale", MEASURED).split("|")[1:-1]], strict=True))
    assert cells["seconds"] == "0.200"
    assert cells["to forward + backward"] == "0.50 (≤ 1.3)"
    assert cells["to forward"] == "2.00"
    # Given up.
    assert cells["shap, times ours"] == f"> {SECONDS_MOST / 0.2:.0f}"
    assert cells["captum, times ours"] == "2.5"
    assert cells["tangermeme, times ours"] == ""
    assert (cells["least GFLOP"], cells["least MB"], cells["GFLOP/s"]) == ("1.0", "1", "5")


def test_the_readme_has_a_line_for_each_workload(tmp_path):
    page, readme = tmp_path / "page.md", tmp_path / "readme.md"
    lines = [line(name, method, MEASURED) for name in ("A1", "B1") for method in ("rescale", "guided")]
    page.write_text(page_of(*lines), "utf-8")
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n", "utf-8")
    for _ in range(2):
        summarise(page, readme)
        written = readme.read_text("utf-8")
        assert written.startswith(f"before\n{START}\n")
        assert written.endswith(f"{END}\nafter\n")
        rows = [row for row in written.splitlines() if row.startswith("|")]
        assert [row.split("|")[1].strip() for row in rows[2:]] == ["A1", "B1"]
        assert all(row.count("|") == len(IN_README) + 1 for row in rows)
        assert "old" not in written


def test_readme_and_page_agree(tmp_path):
    copy = tmp_path / "readme.md"
    copy.write_text(README.read_text("utf-8"), "utf-8")
    summarise(PAGE, copy)
    assert copy.read_text("utf-8") == README.read_text("utf-8")
    assert {row.split("|")[1].strip() for row in PAGE.read_text("utf-8").splitlines() if NAMES["rescale"] in row} == {
        *WORKLOADS
    }
