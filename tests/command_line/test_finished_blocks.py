import json

import numpy as np
import pytest

from skdeeplift.command_line.finished_blocks import FinishedBlocks, delete_blocks


def test_blocks_are_there_again_and_go_on(tmp_path):
    folder, description = tmp_path / "unfinished", {"data": ["rows.bed", 10, 20], "seed": "0"}
    blocks = FinishedBlocks(folder, description, 5)
    assert (blocks.n_finished, blocks.arrays) == (0, {})
    assert not folder.exists()
    blocks.add(0, {"contributions": np.ones((2, 3), np.float16), "prediction": np.array([1.0, 2.0])})
    again = FinishedBlocks(folder, description, 5)
    assert again.n_finished == 2
    again.add(2, {"contributions": np.full((3, 3), 2, np.float16), "prediction": np.array([3.0, 4.0, 5.0])})
    assert again.n_finished == 5
    assert again.arrays["contributions"].dtype == np.float16
    assert again.arrays["contributions"][:, 0].tolist() == [1, 1, 2, 2, 2]
    assert again.arrays["prediction"].tolist() == [1, 2, 3, 4, 5]
    delete_blocks(folder)
    assert list(tmp_path.iterdir()) == []


def test_blocks_of_another_command_stay(tmp_path):
    folder = tmp_path / "unfinished"
    FinishedBlocks(folder, {"seed": "0", "rule": "rescale"}, 2).add(0, {"prediction": np.zeros(1)})
    with pytest.raises(ValueError, match="with another seed"):
        FinishedBlocks(folder, {"seed": "1", "rule": "rescale"}, 2)
    assert json.loads((folder / "progress.json").read_text())["n_finished"] == 1


def test_a_block_that_was_not_finished_is_not_counted(tmp_path):
    """Arrays are written first, so that an interruption in between leaves numbers that are written again."""
    folder = tmp_path / "unfinished"
    blocks = FinishedBlocks(folder, {}, 4)
    blocks.add(0, {"prediction": np.array([1.0, 2.0])})
    blocks.arrays["prediction"][2:] = 9.0
    blocks.arrays["prediction"].flush()
    again = FinishedBlocks(folder, {}, 4)
    assert again.n_finished == 2
    again.add(2, {"prediction": np.array([3.0, 4.0])})
    assert again.arrays["prediction"].tolist() == [1, 2, 3, 4]
