import numpy as np
import pytest

from skdeeplift.command_line.data_files import read_rows

Image = pytest.importorskip("PIL.Image")
PIXELS = np.arange(30, dtype=np.uint8).reshape(2, 5, 3) * 8


@pytest.fixture
def picture(tmp_path):
    """A picture that is 5 wide and 2 high."""
    Image.fromarray(PIXELS).save(tmp_path / "one.png")
    return read_rows(tmp_path / "one.png")


@pytest.mark.parametrize(
    ("pixels", "expected"), [("0..255", PIXELS), ("0..1", PIXELS / 255), ("signed", PIXELS / 127.5 - 1)]
)
def test_ranges_of_pixels(picture, pixels, expected):
    rows = picture.to_array(pixels, (2, 5, 3))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected[None], atol=1e-6)
    np.testing.assert_allclose(picture.to_array(pixels), expected[None], atol=1e-6)


def test_layouts_of_networks(picture):
    gray = np.asarray(Image.fromarray(PIXELS).convert("L"), np.float32)[None]
    np.testing.assert_array_equal(picture.to_array("0..255", (None, None, 1)), gray[..., None])
    np.testing.assert_array_equal(picture.to_array("0..255", (2, 5)), gray)
    np.testing.assert_array_equal(picture.to_array("0..255", (3, 2, 5)), np.moveaxis(PIXELS, -1, 0)[None])
    assert picture.to_array("0..255", (2, 5, 4)).shape == (1, 2, 5, 4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 2, 3), "are 5 wide and 2 high, and the network takes 2 x 4"),
        ((2, 5, 7), "takes 7 channels, and pictures have 1, 3 or 4"),
        ((5,), r"takes rows of shape \(5,\), and DATA holds pictures"),
    ],
)
def test_networks_that_take_other_pictures(picture, shape, message):
    with pytest.raises(ValueError, match=message):
        picture.to_array("0..1", shape)


def test_a_folder_of_pictures(tmp_path):
    for name, value in {"b.png": 1, "a.PNG": 2}.items():
        Image.fromarray(np.full((2, 2), value, np.uint8)).save(tmp_path / name)
    (tmp_path / "readme.txt").touch()
    pictures = read_rows(tmp_path)
    assert pictures.names == ["a.PNG", "b.png"]
    assert pictures.to_array("0..255").shape == (2, 2, 2, 1)
    Image.fromarray(np.zeros((3, 2), np.uint8)).save(tmp_path / "c.png")
    with pytest.raises(
        ValueError, match=r"c\.png' is 2 x 3, and '.*a\.PNG' is 2 x 2\. Resize the pictures to one size"
    ):
        read_rows(tmp_path)
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(ValueError, match="it is damaged, or no picture"):
        read_rows(tmp_path)


def test_pictures_without_their_package(tmp_path, monkeypatch):
    monkeypatch.setattr("skdeeplift.command_line.picture_files.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'skdeeplift\[plot\]'"):
        read_rows(_touched(tmp_path / "one.png"))


def _touched(path):
    path.touch()
    return path
