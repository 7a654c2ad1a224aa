"""Images, and over them the contributions of their pixels."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.plotting.appearance import blend, check_matplotlib, colors_on, new_figure, robust_limit
from skdeeplift.plotting.display import Display, contribution_label
from skdeeplift.plotting.drawable import (
    check_explanation,
    drawable,
    has_targets,
    is_of_rows,
    shorten,
    some_rows,
    target_names,
)

# How many targets are drawn unless they are chosen.
MOST_TARGETS = 10
SCALES = ("figure", "row", "panel")


class ImageContributionDisplay(Display):
    """Images beside their contributions, which lie as colours over a pale copy: one row for each image.

    .. versionadded:: 0.1

    Parameters
    ----------
    images : ndarray of shape (n_rows, height, width) or (n_rows, height, width, n_channels)
        The images; values from 0 to 1 or, if there are larger ones, to 255, and anything else from their least to their
        largest one.
    contributions : list of ndarray of shape (n_rows, height, width)
        One array for each column of pictures, such as those of several methods or classes. Where they are coarser than
        the images, as those of a layer, they are laid over the same area.
    titles : list of str
        One for each array.
    row_names : list of str, default=None
        One for each image.
    label : str, default="contribution"
        What the colours say.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_rows, 1 + n_columns)
        Where the pictures are, after `plot`.
    limits_ : ndarray of shape (n_rows, n_columns)
        The absolute contribution from which on colours are full, after `plot`.
    ax_ : matplotlib Axes
        The first of ``axes_``.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    SequenceLogoDisplay : Contributions of one-hot letters.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.plotting import ImageContributionDisplay
    >>> images, contributions = np.ones((2, 8, 8)), np.eye(8) - 0.5
    >>> display = ImageContributionDisplay(images, [[contributions, contributions]], ["rescale"]).plot()
    >>> display.axes_.shape
    (2, 2)
    """

    def __init__(self, images, contributions, titles, *, row_names=None, label="contribution"):
        self.images = images
        self.contributions = contributions
        self.titles = titles
        self.row_names = row_names
        self.label = label

    @classmethod
    def from_explainer(cls, explainer, X, *, target=None, rows=None, ax=None, **options):
        """Explain images by one or several explainers, and draw the explanations.

        Parameters
        ----------
        explainer : BaseExplainer, or dict of str to BaseExplainer
            Fitted explainers; names are titles.
        X : array-like of shape (n_rows, *features)
            Images to explain.
        target : str, int, tuple, dict, array-like, callable or list of int or str, default=None
            What to explain, where it differs from the explainers' own ``target``; a list has a picture for each.
        rows : int or list of int, default=None
            Positions of the images to explain and draw; at most the first five by default.
        ax : matplotlib Axes or array of Axes, default=None
            Where to draw; a new figure by default.
        **options : object
            As `from_explanation` takes them.

        Returns
        -------
        display : ImageContributionDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the rows can not be explained, or are no images.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        rows = some_rows(len(X), rows, cls.__name__)
        X = X.iloc[rows] if hasattr(X, "iloc") else np.asarray(X)[rows]
        if isinstance(target, np.ndarray) and target.ndim == 1 and target.dtype.kind != "f":
            target = target[rows]
        explainers = explainer if isinstance(explainer, dict) else {"": explainer}
        targets = target if isinstance(target, list) else [target]
        explanations = {}
        for name, each in explainers.items():
            for one in targets:
                title = " ".join(filter(None, [name, f"to {one}" if len(targets) > 1 else ""]))
                explanations[title] = each.explain(X, target=one)
        return cls.from_explanation(explanations, ax=ax, **options)

    @classmethod
    def from_explanation(
        cls,
        explanation,
        *,
        rows=None,
        target=None,
        part=None,
        image_shape=None,
        channels_axis=-1,
        scale="row",
        percentile=99.5,
        ax=None,
    ):
        """Draw one or several explanations of the same images.

        Parameters
        ----------
        explanation : Explanation, or dict of str to Explanation
            Contributions of images; those of a dict stand side by side, and its names are their titles.
        rows : int or list of int, default=None
            Positions of the images to draw; at most the first five by default.
        target : int, str or list of them, default=None
            Which of several targets to draw, side by side; all by default, of up to ten.
        part : str or int, default=None
            The key or position of one of several inputs or layers.
        image_shape : tuple of int, default=None
            The shape of an image, where rows are flat.
        channels_axis : int, default=-1
            The axis of channels, counted with that of rows; contributions are summed over it.
        scale : {"figure", "row", "panel"}, default="row"
            What shares a scale of colours: all, each image's pictures, or none.
        percentile : float, default=99.5
            Colours are full from this percentile of absolute contributions on, so that a few pixels do not outshine the
            others.
        ax : matplotlib Axes or array of Axes, default=None
            Where to draw: axes whose place in a grid the pictures take, or one for each picture. A new figure by
            default.

        Returns
        -------
        display : ImageContributionDisplay
            With the pictures drawn.

        Raises
        ------
        ValueError
            If rows are no images, explanations are of different images, or there are several inputs or layers, or more
            than ten targets, of which none is chosen.
        """
        owner = cls.__name__
        explanations = {"": explanation} if hasattr(explanation, "contributions") else explanation
        if not isinstance(explanations, dict) or not explanations:
            check_explanation(explanation, owner)
        images, contributions, titles, row_names, labels = None, [], [], None, []
        for name, each in explanations.items():
            check_explanation(each, owner)
            for one in _targets(each, target, owner):
                chosen = drawable(each, owner, target=one, part=part)
                shown = some_rows(len(chosen.contributions), rows, owner)
                summed, pictures = _as_images(chosen, shown, image_shape, channels_axis, owner)
                if images is None:
                    images = pictures
                elif not np.array_equal(pictures, images):
                    raise ValueError(f"{owner} draws explanations of the same images side by side. Explain the same X.")
                contributions.append(summed)
                several = has_targets(each) and chosen.to_target
                asked = each.get("target")
                of_rows = one is None and is_of_rows(asked, len(chosen.contributions))
                titles.append("\n".join(filter(None, [str(name), chosen.to_target if several else ""])))
                labels.append(contribution_label("" if several or of_rows else chosen.to_target))
                if of_rows:
                    row_names = [f"to {asked[row]}" for row in shown]
        label = labels[0] if len(set(labels)) == 1 else "contribution"
        titles = titles if any(titles) else ["contributions"]
        display = cls(images, contributions, titles, row_names=row_names, label=label)
        return display.plot(scale=scale, percentile=percentile, ax=ax)

    def plot(self, *, scale="row", percentile=99.5, ax=None):
        """Draw the pictures.

        Parameters
        ----------
        scale : {"figure", "row", "panel"}, default="row"
            What shares a scale of colours: all, each image's pictures, or none.
        percentile : float, default=99.5
            Colours are full from this percentile of absolute contributions on.
        ax : matplotlib Axes or array of Axes, default=None
            Where to draw: axes whose place in a grid the pictures take, or one for each picture. A new figure by
            default.

        Returns
        -------
        display : ImageContributionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such scale, or not the right number of axes.
        ImportError
            If matplotlib is not installed.
        """
        if scale not in SCALES:
            raise ValueError(f"scale= takes one of {', '.join(map(repr, SCALES))}. Got {scale!r}.")
        check_scalar(percentile, "percentile", Real, min_val=0, max_val=100)
        contributions = [np.asarray(each, np.float64) for each in self.contributions]
        n_rows, n_columns = len(self.images), len(contributions)
        self._take_axes(ax, n_rows, 1 + n_columns, scale)
        # What of rows and columns shares a scale; pictures may differ in their numbers of pixels.
        rows, columns = np.arange(n_rows)[:, None], np.arange(n_columns)
        groups = np.broadcast_to(
            {"figure": 0, "row": rows, "panel": rows * n_columns + columns}[scale], (n_rows, n_columns)
        )
        self.limits_ = np.empty(groups.shape)
        for group in np.unique(groups):
            values = [contributions[column][row].ravel() for row, column in np.argwhere(groups == group)]
            self.limits_[groups == group] = robust_limit(np.concatenate(values), percentile)
        for row, (image, axes) in enumerate(zip(self.images, self.axes_, strict=True)):
            self._draw_row(row, _displayable(image), axes, [each[row] for each in contributions])
        for title, top in zip(["image", *self.titles], self.axes_[0], strict=True):
            top.set_title(title, fontsize="medium")
        self._add_colorbars(scale)
        return self

    def _take_axes(self, ax, n_rows, n_columns, scale):
        check_matplotlib(type(self).__name__)
        self._is_own = ax is None
        if ax is None:
            # As wide and high as the pictures, their titles and their bars of colours.
            size, (height, width) = np.clip(8.0 / n_columns, 0.9, 2.2), np.shape(self.images[0])[:2]
            sides, below = (0.2, 0.75) if scale == "panel" else (1.4, 0.1)
            row_height = size * np.clip(height / width, 0.3, 3) + below
            figure = new_figure(size * n_columns + sides, row_height * n_rows + 0.4)
            axes = figure.subplots(n_rows, n_columns, squeeze=False)
        elif hasattr(ax, "get_subplotspec"):
            place = ax.get_subplotspec()
            if place is None:
                raise ValueError(
                    "ax= takes axes of a grid, such as those of pyplot.subplots(), or one for each picture: an array "
                    f"of shape {(n_rows, n_columns)}."
                )
            ax.set_axis_off()
            axes = place.subgridspec(n_rows, n_columns).subplots(squeeze=False)
        else:
            axes = np.asarray(ax, dtype=object)
            if axes.size != n_rows * n_columns:
                raise ValueError(f"ax= takes one axes for each picture, {(n_rows, n_columns)}. Got {axes.shape}.")
            axes = axes.reshape(n_rows, n_columns)
        self.axes_, self.ax_ = axes, axes[0, 0]
        self.figure_ = self.ax_.get_figure(root=True)

    def _draw_row(self, row, image, axes, contributions):
        height, width = image.shape[:2]
        place = {"extent": (-0.5, width - 0.5, height - 0.5, -0.5), "interpolation": "nearest"}
        gray = image if image.ndim == 2 else image[..., :3] @ (0.299, 0.587, 0.114)
        for ax, values, limit in zip(axes, [None, *contributions], [None, *self.limits_[row]], strict=True):
            if values is None:
                ax.imshow(image, cmap="gray", vmin=0, vmax=1, **place)
            else:
                colors = colors_on(ax)
                ax.imshow(_pale(gray, colors), **place)
                strength = np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1)
                # Colours tell sizes; they cover the image from a fourth of the scale on.
                opacity = np.clip(4 * strength, 0, 1)
                ax.imshow(values, cmap=colors.signed, vmin=-limit, vmax=limit, alpha=opacity, **place)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_color(colors_on(ax).faint)
        if self.row_names is not None:
            axes[0].set_ylabel(self.row_names[row], rotation=0, ha="right", va="center", labelpad=8)

    def _add_colorbars(self, scale):
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize
        from matplotlib.ticker import MaxNLocator

        groups = {
            "figure": [(self.axes_.ravel().tolist(), self.limits_[0, 0])],
            "row": [(axes.tolist(), limits[0]) for axes, limits in zip(self.axes_, self.limits_, strict=True)],
            "panel": [
                ([ax], limit)
                for axes, limits in zip(self.axes_, self.limits_, strict=True)
                for ax, limit in zip(axes[1:], limits, strict=True)
            ],
        }[scale]
        if scale == "panel":
            # As those with bars below them.
            for ax in self.axes_[:, 0]:
                ax.set_anchor("S")
        for axes, limit in groups:
            colors = colors_on(axes[-1])
            of_colors = ScalarMappable(Normalize(-limit, limit), colors.signed)
            look = (
                {"location": "bottom", "aspect": 20}
                if scale == "panel"
                else {"aspect": 25 if scale == "figure" else 14}
            )
            bar = self.figure_.colorbar(of_colors, ax=axes, pad=0.02, **look)
            bar.locator = MaxNLocator(nbins=4, symmetric=True)
            bar.update_ticks()
            bar.ax.tick_params(labelsize="small")
            bar.set_label(self.label, fontsize="small")
            bar.outline.set_visible(False)


def _targets(explanation, target, owner):
    if isinstance(target, list):
        return target
    if target is not None or not has_targets(explanation):
        return [target]
    names, labels = target_names(explanation), explanation.get("class_names")
    if len(names) > MOST_TARGETS:
        raise ValueError(
            f"{owner} draws up to {MOST_TARGETS} targets side by side, and the explanation has {len(names)}. Pass "
            f"target=, one or several of {shorten(names)}."
        )
    return range(len(names)) if labels is None or len(labels) != len(names) else list(labels)


def _as_images(chosen, rows, image_shape, channels_axis, owner):
    """Contributions of shape (n_rows, height, width), and images with their channels last."""
    contributions, images = chosen.contributions[rows], chosen.values
    if images is None:
        raise ValueError(f"{owner} draws contributions over their images, and the explanation holds no X for them.")
    images = np.asarray(images, np.float64)[rows]
    if image_shape is not None:
        if np.prod(image_shape) != contributions[0].size:
            raise ValueError(f"image_shape={image_shape!r} does not go with rows of shape {contributions.shape[1:]}.")
        contributions, images = (each.reshape(len(rows), *image_shape) for each in (contributions, images))
    if contributions.ndim == 2:
        raise ValueError(
            f"{owner} draws images, and the explanation's rows are flat, of shape {contributions.shape[1:]}. Pass "
            "image_shape=, such as (8, 8)."
        )
    if contributions.ndim not in (3, 4) or images.ndim not in (3, 4):
        raise ValueError(
            f"{owner} draws contributions of shape (n_rows, height, width) or with an axis of channels. Got those of "
            f"shape {contributions.shape} of rows of shape {images.shape}."
        )
    if contributions.ndim == 4:
        contributions = contributions.sum(channels_axis)
    if images.ndim == 4:
        images = np.moveaxis(images, channels_axis, -1)
        images = images[..., 0] if images.shape[-1] == 1 else images
    return contributions, images


def _displayable(image):
    """Bring an image into the range from 0 to 1, gray or with three or four channels."""
    if image.ndim == 3 and image.shape[-1] not in (3, 4):
        image = image.mean(-1)
    image = np.nan_to_num(image)
    low, high = image.min(), image.max()
    if low >= 0 and high <= 255:
        return image / 255 if high > 1 else image
    return (image - low) / (high - low)


def _pale(gray, colors):
    """A faint copy of an image, close to the background, for colours to stand out from."""
    darkest, lightest = (0.22, 0.0) if not colors.is_dark else (0.0, 0.3)
    below, above = (np.array(blend(colors.background, colors.ink, part)) for part in (darkest, lightest))
    return below + gray[..., None] * (above - below)
