import re

import pandas as pd

from skdeeplift.__main__ import main


def test_demonstration(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "folder")]) == 0
    printed = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "folder" / "contributions.csv", index_col=0)
    assert table.shape == (171, 30)
    assert (tmp_path / "folder" / "importance.png").stat().st_size > 10_000
    top = table.abs().mean().sort_values(ascending=False).head(10)
    for name, value in top.items():
        assert re.search(rf"{name} +{value:.4f} +\d\.\d{{4}}", printed)
    assert float(re.search(r"convergence delta: (\S+)", printed)[1]) < 1e-4
    accuracies = [float(number) for number in re.findall(r"([\d.]+)%", printed)]
    assert len(accuracies) == 3
    assert min(accuracies) > 90
    assert str(tmp_path / "folder") in printed


def test_folder_that_can_not_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", str(tmp_path / "file" / "folder")]) == 2
    assert "cannot write to the folder" in capsys.readouterr().err
