"""Display of images, with the contributions of their pixels over them."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import has_targets
from skdeeplift.plotting.display import (
    Display,
    blend,
    check_matplotlib,
    colors_on,
    contribution_label,
    new_figure,
    robust_limit,
)
from skdeeplift.plotting.explanation_slice import name_explanations, slice_explanation
from skdeeplift.plotting.rows_and_columns import (
    Rows,
    are_row_targets,
    choose_rows,
    join_names,
    take_rows,
    target_labels,
)

# Number of targets that are drawn at most unless they are chosen.
MOST_TARGETS = 10
SCALES = ("figure", "row", "panel")


class ImageContributionDisplay(Display):
    """Images beside their contributions, one row for each image.

    Contributions are colours over a pale copy of the image.

    .. versionadded:: 0.1

    Parameters
    ----------
    images : ndarray of shape (n_rows, height, width) or (n_rows, height, width, n_channels)
        Images with values from 0 to 1 or from 0 to 255. Other values are scaled from their minimum to their maximum.
    contributions : list of ndarray of shape (n_rows, height, width)
        One array for each column of pictures, such as one for each method or class. Contributions with fewer pixels
        than the images, such as those of a layer, are stretched over the images.
    titles : list of str
        Titles of the columns.
    row_names : list of str, default=None
        Names of the images. None draws no names.
    label : str, default="contribution"
        Label of the colour bars.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_rows, 1 + n_columns)
        Axes with the pictures, after `plot`.
    limits_ : ndarray of shape (n_rows, n_columns)
        Absolute contribution at which colours are full, after `plot`.
    ax_ : matplotlib Axes
        The first of ``axes_``.
    figure_ : matplotlib Figure
        Figure of the axes, after `plot`.

    See Also
    --------
    SequenceLogoDisplay : Contributions of one-hot letters.
    :ref:`pictures` : All displays, and when to use which.

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
    def from_explainer(cls, explainer, X, *, target=None, rows=None, position=None, ax=None, **options):
        """Explain images with one or several explainers and draw the explanations.

        Parameters
        ----------
        explainer : BaseExplainer, or dict of str to BaseExplainer
            One or several fitted explainers. The names in a dict are titles.
        X : array-like of shape (n_rows, *features)
            Images to explain.
        target : str, int, tuple, dict, array-like, callable or list of int or str, default=None
            The target to explain; the explainers' own ``target`` by default. A list has one column of pictures for each
            target.
        rows : object or list of object, default=None
            Labels of the images to explain and draw, as `to_frame` shows them: labels of the index if ``X`` is a
            DataFrame, otherwise positions. None draws those at ``position``, by default the first five.
        position : int or list of int, default=None
            Positions of the images to explain and draw, counted from 0 among all rows, in place of their labels.
        ax : matplotlib Axes or array of Axes, default=None
            Axes to draw on; those of a new figure by default.
        **options : object
            Further parameters of `from_explanation`.

        Returns
        -------
        display : ImageContributionDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the rows cannot be explained, or are not images.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        every = Rows(len(X), getattr(X, "index", None) if hasattr(X, "columns") else None, np.arange(len(X)))
        rows = choose_rows(every, rows, position, cls.__name__)
        X = take_rows(X, rows)
        if isinstance(target, np.ndarray) and target.ndim == 1 and kind_of(target.dtype) != "f":
            target = target[rows]
        explainers = explainer if isinstance(explainer, dict) else {"": explainer}
        targets = target if isinstance(target, list) else [target]
        explanations = {}
        for name, each in explainers.items():
            for one in targets:
                title = " ".join(filter(None, [name, f"to {one}" if len(targets) > 1 else ""]))
                explanations[title] = each.explain(X, target=one)
        return cls.from_explanation(explanations, position=range(len(rows)), ax=ax, **options)

    @classmethod
    def from_explanation(
        cls,
        explanation,
        *,
        rows=None,
        position=None,
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
            Contributions of images. The explanations of a dict are drawn side by side, with their names as titles.
        rows : object or list of object, default=None
            Labels of the images to draw, as `to_frame` shows them: labels of the index if ``X`` was a DataFrame,
            otherwise positions. None draws those at ``position``, by default the first five.
        position : int or list of int, default=None
            Positions of the images to draw, counted from 0 among all rows, in place of their labels.
        target : int, str or list of them, default=None
            The targets to draw side by side; by default all, if there are no more than ten.
        part : str or int, default=None
            The key or position of the input or layer to draw; required if there are several.
        image_shape : tuple of int, default=None
            Shape of an image, if rows are flat. None takes the shape of the rows.
        channels_axis : int, default=-1
            The axis of channels, counting the axis of rows. Contributions are summed over it.
        scale : {"figure", "row", "panel"}, default="row"
            Pictures that share a scale of colours: all pictures, those of one image, or none.
        percentile : float, default=99.5
            Percentile of absolute contributions at which colours are full. The default prevents a few pixels from
            making all others pale.
        ax : matplotlib Axes or array of Axes, default=None
            Axes of a grid, whose place the pictures take, or one axes for each picture. By default those of a new
            figure.

        Returns
        -------
        display : ImageContributionDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the rows are not images, if explanations are of different images, or if there are several inputs or
            layers, or more than ten targets, and none is chosen.
        """
        owner = cls.__name__
        images, contributions, titles, row_names, labels = None, [], [], None, set()
        for name, each in name_explanations(explanation, owner).items():
            for one in _targets(each, target, owner):
                chosen = slice_explanation(each, owner, target=one, part=part)
                shown = choose_rows(chosen.rows, rows, position, owner)
                summed, pictures = _as_images(chosen, shown, image_shape, channels_axis, owner)
                if images is None:
                    images = pictures
                elif not np.array_equal(pictures, images):
                    raise ValueError(f"{owner} draws explanations of the same images side by side. Explain the same X.")
                contributions.append(summed)
                # The target is named once: in the title, beside the row, or else beside the colour bar.
                in_title, asked = chosen.to_target if has_targets(each) else "", each.get("target")
                beside_bar = "" if in_title else chosen.to_target
                if one is None and are_row_targets(asked, len(chosen.contributions)):
                    row_names, beside_bar = [f"to {asked[row]}" for row in shown], ""
                titles.append("\n".join(filter(None, [str(name), in_title])))
                labels.add(contribution_label(beside_bar))
        label = labels.pop() if len(labels) == 1 else "contribution"
        titles = titles if any(titles) else ["contributions"]
        display = cls(images, contributions, titles, row_names=row_names, label=label)
        return display.plot(scale=scale, percentile=percentile, ax=ax)

    def plot(self, *, scale="row", percentile=99.5, ax=None):
        """Draw the pictures.

        Parameters
        ----------
        scale : {"figure", "row", "panel"}, default="row"
            Pictures that share a scale of colours: all pictures, those of one image, or none.
        percentile : float, default=99.5
            Percentile of absolute contributions at which colours are full.
        ax : matplotlib Axes or array of Axes, default=None
            Axes of a grid, whose place the pictures take, or one axes for each picture. By default those of a new
            figure.

        Returns
        -------
        display : ImageContributionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such scale, or if the number of axes is wrong.
        ImportError
            If matplotlib is not installed.
        """
        if scale not in SCALES:
            raise ValueError(f"scale= takes one of {', '.join(map(repr, SCALES))}. Got {scale!r}.")
        check_scalar(percentile, "percentile", Real, min_val=0, max_val=100)
        contributions = [np.asarray(each, np.float64) for each in self.contributions]
        n_rows, n_columns = len(self.images), len(contributions)
        self._take_axes(ax, n_rows, 1 + n_columns, scale)
        rows, columns = np.indices((n_rows, n_columns))
        groups = {"figure": 0 * rows, "row": rows, "panel": rows * n_columns + columns}[scale]
        self.limits_ = np.empty(groups.shape)
        for group in np.unique(groups):
            values = [contributions[column][row].ravel() for row, column in np.argwhere(groups == group)]
            self.limits_[groups == group] = robust_limit(np.concatenate(values), percentile)
        for row, image in enumerate(self.images):
            self._draw_row(row, _displayable(image), [each[row] for each in contributions])
        for title, top in zip(["image", *self.titles], self.axes_[0], strict=True):
            top.set_title(title, fontsize="medium")
        self._add_colorbars(scale)
        return self

    def _take_axes(self, ax, n_rows, n_columns, scale):
        """Store one axes for each picture: those of a new figure, of the place of some axes, or the given ones."""
        check_matplotlib(type(self).__name__)
        self._is_own = ax is None
        if ax is None:
            # The figure has space for the pictures, their titles and their colour bars.
            size, (height, width) = np.clip(8.0 / n_columns, 0.9, 2.2), np.shape(self.images[0])[:2]
            sides, below = (0.2, 0.75) if scale == "panel" else (1.4, 0.1)
            row_height = size * np.clip(height / width, 0.3, 3) + below
            figure = new_figure(size * n_columns + sides, row_height * n_rows + 0.4)
            ax = figure.subplots(n_rows, n_columns, squeeze=False)
        elif hasattr(ax, "get_subplotspec") and ax.get_subplotspec() is not None:
            ax.set_axis_off()
            ax = ax.get_subplotspec().subgridspec(n_rows, n_columns).subplots(squeeze=False)
        axes, shape = np.asarray(ax, dtype=object), (n_rows, n_columns)
        if axes.size != n_rows * n_columns:
            raise ValueError(
                f"ax= takes axes of a grid, or one axes for each picture, {shape}. Got axes of shape {axes.shape}."
            )
        self.axes_ = axes.reshape(shape)
        self.ax_ = self.axes_[0, 0]
        self.figure_ = self.ax_.get_figure(root=True)

    def _draw_row(self, row, image, contributions):
        """Draw an image, and each of its contributions over a pale copy."""
        axes, (height, width) = self.axes_[row], image.shape[:2]
        place = {"extent": (-0.5, width - 0.5, height - 0.5, -0.5), "interpolation": "nearest"}
        axes[0].imshow(image, cmap="gray", vmin=0, vmax=1, **place)
        gray = image if image.ndim == 2 else image[..., :3] @ (0.299, 0.587, 0.114)
        for ax, values, limit in zip(axes[1:], contributions, self.limits_[row], strict=True):
            colors = colors_on(ax)
            ax.imshow(_pale(gray, colors), **place)
            # Colours tell sizes, so they cover the image completely from a fourth of the limit on.
            opacity = np.clip(4 * np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1), 0, 1)
            ax.imshow(values, cmap=colors.signed, vmin=-limit, vmax=limit, alpha=opacity, **place)
        for ax in axes:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_color(colors_on(ax).faint)
        if self.row_names is not None:
            axes[0].set_ylabel(self.row_names[row], rotation=0, ha="right", va="center", labelpad=8)

    def _add_colorbars(self, scale):
        """Add one colour bar for all pictures, for each row or for each picture."""
        from matplotlib.ticker import MaxNLocator

        axes, limits, look = [self.axes_], [self.limits_[0, 0]], {"aspect": 25}
        if scale == "row":
            axes, limits, look = self.axes_, self.limits_[:, 0], {"aspect": 14}
        elif scale == "panel":
            axes, limits, look = self.axes_[:, 1:].flat, self.limits_.flat, {"location": "bottom", "aspect": 20}
            # The images have no bar below them, and are aligned with the pictures that have one.
            for ax in self.axes_[:, 0]:
                ax.set_anchor("S")
        for group, limit in zip(axes, limits, strict=True):
            bar = self._add_colorbar(colors_on(np.ravel(group)[-1]).signed_scale(limit), group, **look)
            bar.locator = MaxNLocator(nbins=4, symmetric=True)
            bar.update_ticks()
            bar.ax.tick_params(labelsize="small")
            bar.set_label(self.label, fontsize="small")


def _targets(explanation, target, owner):
    """Return the targets to draw side by side."""
    if target is not None or not has_targets(explanation):
        return target if isinstance(target, list) else [target]
    labels = target_labels(explanation)
    if len(labels) > MOST_TARGETS:
        raise ValueError(
            f"{owner} draws up to {MOST_TARGETS} targets side by side, and the explanation has {len(labels)}. Pass "
            f"target=, one or several of {join_names(labels)}."
        )
    return labels


def _as_images(chosen, rows, image_shape, channels_axis, owner):
    """Return contributions of shape (n_rows, height, width), and images with the channels on the last axis."""
    contributions, images = chosen.contributions[rows], chosen.values
    if images is None:
        raise ValueError(f"{owner} draws contributions over their images, and the explanation holds no X for them.")
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
    if contributions.ndim == 4:
        contributions = contributions.sum(channels_axis)
    if images.ndim == 4:
        images = np.moveaxis(images, channels_axis, -1)
        images = images[..., 0] if images.shape[-1] == 1 else images
    return contributions, images


def _displayable(image):
    """Scale an image from 0 to 1, and average the channels if there are not one, three or four."""
    if image.ndim == 3 and image.shape[-1] not in (3, 4):
        image = image.mean(-1)
    image = np.nan_to_num(image)
    low, high = image.min(), image.max()
    if low >= 0 and high <= 255:
        return image / 255 if high > 1 else image
    return (image - low) / (high - low)


def _pale(gray, colors):
    """Return a faint copy of a gray image, close to the background, so that colours stand out from it."""
    darkest, lightest = (0.0, 0.3) if colors.is_dark else (0.22, 0.0)
    below, above = (np.array(blend(colors.background, colors.ink, part)) for part in (darkest, lightest))
    return below + gray[..., None] * (above - below)
