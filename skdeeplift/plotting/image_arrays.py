"""Images and their contributions as arrays to draw."""

import numpy as np

from skdeeplift.plotting.display import blend

# Numbers of channels of gray and coloured images, without and with opacity.
N_CHANNELS = (1, 3, 4)


def take_sign(contributions, sign, smoothing):
    """Smooth contributions, and take those of one sign, or their sizes.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, height, width)
        Contributions of images.
    sign : {"all", "positive", "negative", "absolute"}
        The contributions to take.
    smoothing : float
        Standard deviation of a Gaussian, in pixels.

    Returns
    -------
    taken : ndarray of shape (n_rows, height, width)
        Smoothed contributions, with zeros in place of contributions that are not taken.
    """
    if smoothing:
        # Imported here, since scipy is slow to import.
        from scipy.ndimage import gaussian_filter

        contributions = gaussian_filter(contributions, (0, smoothing, smoothing))
    if sign == "absolute":
        return np.abs(contributions)
    if sign == "positive":
        return np.maximum(contributions, 0)
    return np.minimum(contributions, 0) if sign == "negative" else contributions


def as_images(chosen, rows, image_shape, axis, owner):
    """Return contributions without channels, and the images with their channels on the last axis.

    Parameters
    ----------
    chosen : ExplanationSlice
        The explanation of one target.
    rows : list of int
        Positions of the images to draw.
    image_shape : tuple of int or None
        Shape of an image, if rows are flat.
    axis : int or None
        The axis of channels, counting the axis of rows; None chooses it by its size.
    owner : str
        The name of the display, for errors.

    Returns
    -------
    contributions : ndarray of shape (n_rows, height, width)
        Contributions, summed over channels.
    images : ndarray of shape (n_rows, height, width) or (n_rows, height, width, n_channels)
        The images.

    Raises
    ------
    ValueError
        If the rows are not images.
    """
    contributions, images = chosen.contributions[rows], chosen.values
    if images is None:
        raise ValueError(
            f"{owner} draws contributions over the images, and the explanation does not hold them. Set explanation.X "
            "to the images."
        )
    images = np.asarray(images, np.float64)[rows]
    if image_shape is not None:
        if np.prod(image_shape) != contributions[0].size:
            raise ValueError(f"image_shape={image_shape!r} does not fit rows of shape {contributions.shape[1:]}.")
        contributions, images = (each.reshape(len(rows), *image_shape) for each in (contributions, images))
    if contributions.ndim == 2:
        raise ValueError(
            f"The explanation's rows are flat, of shape {contributions.shape[1:]}. Pass image_shape=, such as (8, 8)."
        )
    if contributions.ndim not in (3, 4) or images.ndim not in (3, 4):
        raise ValueError(
            f"{owner} draws contributions of shape (n_rows, height, width) or with an axis of channels. Got "
            f"contributions of shape {contributions.shape} to rows of shape {images.shape}."
        )
    if axis is None:
        axis = channels_axis(images.shape) or -1
    if contributions.ndim == 4:
        contributions = contributions.sum(axis)
    if images.ndim == 4:
        images = np.moveaxis(images, axis, -1)
        images = images[..., 0] if images.shape[-1] == 1 else images
    return contributions, images


def channels_axis(shape):
    """Return the axis of channels of rows that are images.

    Parameters
    ----------
    shape : tuple of int
        Shape of the rows, with the number of rows.

    Returns
    -------
    axis : int or None
        1 or -1; None if rows are no images with channels.
    """
    if len(shape) != 4:
        return None
    return 1 if shape[1] in N_CHANNELS and shape[-1] not in N_CHANNELS else -1


def displayable(image):
    """Scale an image from 0 to 1, and average the channels if there are not one, three or four."""
    if image.ndim == 3 and image.shape[-1] not in (3, 4):
        image = image.mean(-1)
    image = np.nan_to_num(image)
    low, high = image.min(), image.max()
    if low >= 0 and high <= 255:
        return image / 255 if high > 1 else image
    return (image - low) / (high - low or 1.0)


def pale(gray, colors):
    """Return a faint copy of a gray image, close to the background, so that colours stand out from it."""
    darkest, lightest = (0.0, 0.3) if colors.is_dark else (0.22, 0.0)
    below, above = (np.array(blend(colors.background, colors.ink, part)) for part in (darkest, lightest))
    return below + gray[..., None] * (above - below)
