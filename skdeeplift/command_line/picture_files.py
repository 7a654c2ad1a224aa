"""Pictures in files, as the arrays that a network takes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

IMAGES = (".png", ".jpg", ".jpeg")
# Name of a range of pixels, and the factor and the offset to it from numbers between 0 and 255.
PIXELS = {"0..255": (1, 0), "0..1": (1 / 255, 0), "signed": (2 / 255, -1)}
# Modes of Pillow by the number of channels.
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class Pictures:
    """Pictures of one size, with the names of their files.

    Parameters
    ----------
    names : list of str
        Names of the files.
    pictures : list of PIL.Image.Image
        The pictures.
    """

    def __init__(self, names, pictures):
        self.names, self.pictures = names, pictures

    def __len__(self):
        return len(self.names)

    def to_array(self, pixels, shape=None):
        """Return the pictures as rows of a network.

        Parameters
        ----------
        pixels : {"0..255", "0..1", "signed"}
            Range of the numbers that the network takes.
        shape : tuple of int or None, default=None
            Shape of the network's input without the rows, with None for unknown sizes; None if it is not known.

        Returns
        -------
        rows : ndarray of shape (n_pictures, height, width, n_channels)
            The pictures; of shape (n_pictures, n_channels, height, width) if the network has the channels first, and
            without channels if it has none.

        Raises
        ------
        ValueError
            If the network takes no pictures, or pictures of another size.
        """
        # The package for pictures takes its time to be imported.
        from skdeeplift.plotting.image_arrays import channels_axis

        has_channels_first = shape is not None and channels_axis((1, *shape)) == 1
        if shape is None:
            n_channels = 1 if all(picture.mode in ("L", "1") for picture in self.pictures) else 3
        elif len(shape) not in (2, 3):
            raise ValueError(f"the network takes rows of shape {shape}, and DATA holds pictures")
        else:
            n_channels = 1 if len(shape) == 2 else shape[0] if has_channels_first else shape[-1] or 3
            width, height = self.pictures[0].size
            takes = (shape[1:] if has_channels_first else shape)[:2]
            if any(size not in (None, own) for size, own in zip(takes, (height, width), strict=True)):
                raise ValueError(
                    f"the pictures are {width} wide and {height} high, and the network takes {takes[1]} x {takes[0]}. "
                    "Resize them"
                )
        if n_channels not in _MODES:
            raise ValueError(f"the network takes {n_channels} channels, and pictures have 1, 3 or 4")
        factor, offset = PIXELS[pixels]
        arrays = [np.asarray(picture.convert(_MODES[n_channels]), np.float32) for picture in self.pictures]
        rows = np.stack(arrays) * np.float32(factor) + np.float32(offset)
        if shape is not None and len(shape) == 2:
            return rows
        rows = rows if rows.ndim == 4 else rows[..., None]
        return np.moveaxis(rows, -1, 1) if has_channels_first else rows


def holds_pictures(path):
    """Return whether a path is that of a picture, or of a folder with pictures."""
    path = Path(path)
    if path.is_dir():
        return any(each.suffix.lower() in IMAGES for each in path.iterdir())
    return path.suffix.lower() in IMAGES


def open_pictures(path):
    """Read a picture, or all pictures in a folder, in the order of their names.

    Parameters
    ----------
    path : Path
        The file or folder.

    Returns
    -------
    pictures : Pictures
        The pictures.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    ValueError
        If a file is no picture, or pictures have different sizes.
    """
    if find_spec("PIL") is None:
        raise ImportError("pictures are read by the package Pillow: pip install 'skdeeplift[plot]'")
    from PIL import Image

    files = [path]
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in IMAGES)
    pictures = []
    for file in files:
        try:
            picture = Image.open(file)
            picture.load()
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"cannot read {str(file)!r}: it is damaged, or no picture") from error
        if picture.size != (pictures or [picture])[0].size:
            raise ValueError(
                f"{str(file)!r} is {picture.width} x {picture.height}, and {str(files[0])!r} is {pictures[0].width} x "
                f"{pictures[0].height}. Resize the pictures to one size"
            )
        pictures.append(picture)
    return Pictures([file.name for file in files], pictures)
