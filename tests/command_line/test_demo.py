import re
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.__main__ import main


def test_demonstration(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "folder")]) == 0
    printed = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "folder" / "contributions.csv", index_col=0)
    assert table.shape == (171, 33)
    assert (table.pop("explained_class") == "benign").all()
    prediction, at_reference = table.pop("prediction"), table.pop("reference_value")
    np.testing.assert_allclose(table.sum(axis=1), prediction - at_reference, atol=1e-3)
    assert (tmp_path / "folder" / "importance.png").stat().st_size > 10_000
    top = table.abs().mean().sort_values(ascending=False).head(10)
    for name, value in top.items():
        assert re.search(rf"{name} +{value:.4f} +\d\.\d{{4}}", printed)
    assert float(re.search(r"convergence delta: (\S+)", printed)[1]) < 1e-4
    accuracies = [float(number) for number in re.findall(r"([\d.]+)%", printed)]
    of_network, with_all, with_selected = accuracies
    assert of_network > 95
    # It ends with a case where selection helps.
    assert with_selected > with_all + 2
    assert re.search(r"with the 10 columns that contribute most.*\nof which (\d+) are no noise", printed)[1] == "10"
    assert str(tmp_path / "folder") in printed
    # The pages have these numbers, which differ by little from machine to machine.
    root = Path(__file__).parents[2]
    for page in (root / "README.md", root / "docs" / "command_line.rst"):
        told = [float(number) for number in re.findall(r"([\d.]+) %", page.read_text(encoding="utf-8"))]
        np.testing.assert_allclose(told, [with_all, with_selected], atol=0.5)


def test_folder_that_can_not_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", str(tmp_path / "file" / "folder")]) == 2
    assert "cannot write to the folder" in capsys.readouterr().err
    assert main(["demo", "--output", str(tmp_path / "file")]) == 2
    assert "it is a file" in capsys.readouterr().err
