"""Display of images, with the contributions of their pixels over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.annotations import ArrayLike, Axes, ExplainersLike, Explanation, TargetLike
from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import has_targets, target_labels
from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import (
    Display,
    check_matplotlib,
    colors_on,
    new_figure,
    robust_limit,
    write_plain_ticks,
)
from skdeeplift.plotting.explanation_slice import name_explanations, slice_explanation
from skdeeplift.plotting.image_arrays import as_images, displayable, pale, take_sign
from skdeeplift.plotting.rows_and_columns import Rows, choose_rows, join_names, take_rows
from skdeeplift.plotting.text_layout import wrap_lines

# Largest number of targets that are drawn unless they are chosen.
MOST_TARGETS = 10
SCALES = ("figure", "row", "panel")
SIGNS = ("all", "positive", "negative", "absolute")
# An image whose sides differ more is drawn as a series, which fills its axes.
MOST_STRETCHED = 3
# Number of letters in a line of a label beside an image.
LABEL_WIDTH = 24


class _Title(NamedTuple):
    """Key of one of several explanations."""

    name: str
    # Tells apart keys of the same name; the title names the target with its unit.
    target: str


class ImageContributionDisplay(Display):
    """Images beside their contributions, one row for each image.

    Contributions are colours over a pale copy of the image. Series of shape (n_rows, n_steps, n_channels), which have
    more than three times as many steps as channels, lie on their sides, with their steps from left to right.

    .. versionadded:: 1.0

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
    %(figure_)s

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

    def __init__(
        self,
        images: ArrayLike,
        contributions: Sequence[ArrayLike],
        titles: Sequence[str],
        *,
        row_names: Sequence[str] | None = None,
        label: str = "contribution",
    ) -> None:
        self.images = images
        self.contributions = contributions
        self.titles = titles
        self.row_names = row_names
        self.label = label

    @classmethod
    def from_explainer(
        cls,
        explainer: ExplainersLike,
        X: Rows,
        *,
        target: TargetLike | None = None,
        rows: Any = None,
        position: int | Sequence[int] | None = None,
        ax: Axes | ArrayLike | None = None,
        **options: Any,
    ) -> Self:
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
                explanations[_Title(name, str(one))] = each.explain(X, target=one)
        return cls.from_explanation(explanations, position=range(len(rows)), ax=ax, **options)

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation | Mapping[str, Explanation],
        *,
        rows: Any = None,
        position: int | Sequence[int] | None = None,
        target: int | str | Sequence[int | str] | None = None,
        part: str | int | None = None,
        image_shape: tuple[int, ...] | None = None,
        channels_axis: int | None = None,
        sign: Literal["all", "positive", "negative", "absolute"] = "all",
        alpha: float | None = None,
        smoothing: float = 0,
        scale: Literal["figure", "row", "panel"] | None = None,
        percentile: float = 99.5,
        ax: Axes | ArrayLike | None = None,
    ) -> Self:
        """Draw one or several explanations of the same images.

        Parameters
        ----------
        explanation : Explanation, or dict of str to Explanation
            Contributions of images. The explanations of a dict are drawn side by side, with their names as titles.
        %(rows)s
        position : int or list of int, default=None
            Positions of the images to draw, counted from 0 among all rows, in place of their labels.
        target : int, str or list of them, default=None
            The targets to draw side by side; by default all, if there are no more than ten.
        %(part)s
        image_shape : tuple of int, default=None
            Shape of an image, if rows are flat. None takes the shape of the rows.
        channels_axis : int, default=None
            The axis of channels, counting the axis of rows. Contributions are summed over it. None takes the last axis,
            or the first after the rows if it alone has one, three or four entries.
        %(sign)s
        %(alpha)s
        %(smoothing)s
        scale : {"figure", "row", "panel"}, default=None
            %(scale)s
            By default none, if there are several explanations, because methods differ in size; else those of one image.
        %(percentile)s
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
        explanations = {
            key if isinstance(key, _Title) else _Title(str(key), ""): each
            for key, each in name_explanations(explanation, owner).items()
        }
        if scale is None:
            scale = "panel" if len({name for name, _ in explanations}) > 1 else "row"
        images, contributions, names, targets, row_names = None, [], [], [], None
        for (name, _), each in explanations.items():
            for one in _targets(each, target, owner):
                chosen = slice_explanation(each, owner, target=one, part=part)
                shown = choose_rows(chosen.rows, rows, position, owner)
                summed, pictures = as_images(chosen, shown, image_shape, channels_axis, owner)
                if images is None:
                    images = pictures
                elif not np.array_equal(pictures, images):
                    raise ValueError(f"{owner} draws explanations of the same images side by side. Explain the same X.")
                contributions.append(summed)
                names.append(name)
                targets.append(chosen.target)
                if row_names is None and len(set(chosen.target_of_rows or ())) > 1:
                    row_names = [chosen.text_of_row(row).quantity for row in shown]
        if images.ndim == 3 and images.shape[1] > MOST_STRETCHED * images.shape[2]:
            images, contributions = np.swapaxes(images, 1, 2), [np.swapaxes(each, 1, 2) for each in contributions]
        # The target is named once: beside the only kind of colour bar, or else in the titles or beside the rows.
        texts = ["contribution"] if row_names else [each.contribution for each in targets]
        label = texts[0] if len(set(texts)) == 1 and scale != "panel" else "contribution"
        quantities = [each.contribution if scale == "panel" and each.quantity else each.quantity for each in targets]
        of_columns = [""] * len(names) if label in texts else quantities
        titles = ["\n".join(filter(None, pair)) for pair in zip(names, of_columns, strict=True)]
        titles = titles if any(titles) else ["contributions"]
        display = cls(images, contributions, titles, row_names=row_names, label=label)
        look = {"sign": sign, "alpha": alpha, "smoothing": smoothing}
        return display.plot(scale=scale, percentile=percentile, ax=ax, **look)

    def plot(
        self,
        *,
        sign: Literal["all", "positive", "negative", "absolute"] = "all",
        alpha: float | None = None,
        smoothing: float = 0,
        scale: Literal["figure", "row", "panel"] = "row",
        percentile: float = 99.5,
        ax: Axes | ArrayLike | None = None,
    ) -> Self:
        """Draw the pictures.

        Parameters
        ----------
        %(sign)s
        %(alpha)s
        %(smoothing)s
        %(scale)s
        %(percentile)s
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
            If there is no such scale or sign, or if the number of axes is wrong.
        ImportError
            If matplotlib is not installed.
        """
        if scale not in SCALES:
            raise ValueError(f"scale= takes one of {', '.join(map(repr, SCALES))}. Got {scale!r}.")
        if sign not in SIGNS:
            raise ValueError(f"sign= takes one of {', '.join(map(repr, SIGNS))}. Got {sign!r}.")
        check_scalar(percentile, "percentile", Real, min_val=0, max_val=100)
        check_scalar(smoothing, "smoothing", Real, min_val=0)
        if alpha is not None:
            check_scalar(alpha, "alpha", Real, min_val=0, max_val=1)
        contributions = [take_sign(np.asarray(each, np.float64), sign, smoothing) for each in self.contributions]
        n_rows, n_columns = len(self.images), len(contributions)
        self._take_axes(ax, n_rows, 1 + n_columns, scale)
        rows, columns = np.indices((n_rows, n_columns))
        groups = {"figure": 0 * rows, "row": rows, "panel": rows * n_columns + columns}[scale]
        self.limits_ = np.empty(groups.shape)
        for group in np.unique(groups):
            values = [contributions[column][row].ravel() for row, column in np.argwhere(groups == group)]
            self.limits_[groups == group] = robust_limit(np.concatenate(values), percentile)
        for row, image in enumerate(self.images):
            self._draw_row(row, displayable(image), [each[row] for each in contributions], sign, alpha)
        for title, top in zip(["values" if self._is_series else "image", *self.titles], self.axes_[0], strict=True):
            top.set_title(
                wrap_lines(title, self._title_width), fontsize="medium" if self._title_width > 16 else "small"
            )
        self._add_colorbars(scale, sign)
        return self

    def _take_axes(self, ax, n_rows, n_columns, scale):
        """Store one axes for each picture: on a new figure, in place of a grid of axes, or the passed axes."""
        check_matplotlib(type(self).__name__)
        # Number of letters in a line of a title, and of a colour bar's label.
        self._title_width = self._label_width = LABEL_WIDTH
        height, width = np.shape(self.images[0])[:2]
        self._is_series = np.ndim(self.images[0]) == 2 and width > MOST_STRETCHED * height
        if ax is None:
            # The figure has space for the pictures, their titles and their colour bars.
            size = np.clip(8.0 / n_columns, 0.9, 4.0 if self._is_series else 2.2)
            sides, below = (0.2, 0.4) if scale == "panel" else (1.4, 0.1)
            row_height = size * np.clip(height / width, 0.3, 3) + below + 0.2 * self._is_series
            self._title_width, self._label_width = (
                max(12, int(12 * size)),
                min(LABEL_WIDTH, max(12, int(13 * row_height))),
            )
            n_lines = 1 + max(wrap_lines(title, self._title_width).count("\n") for title in self.titles)
            figure = new_figure(size * n_columns + sides, row_height * n_rows + 0.2 + 0.2 * n_lines)
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

    def _draw_row(self, row, image, contributions, sign, alpha):
        """Draw an image, and each of its contributions over a copy."""
        axes, (height, width) = self.axes_[row], image.shape[:2]
        place = {"extent": (-0.5, width - 0.5, height - 0.5, -0.5), "interpolation": "nearest"}
        place["aspect"] = "auto" if self._is_series else "equal"
        axes[0].imshow(image, cmap="gray", vmin=0, vmax=1, **place)
        gray = image if image.ndim == 2 else image[..., :3] @ (0.299, 0.587, 0.114)
        for ax, values, limit in zip(axes[1:], contributions, self.limits_[row], strict=True):
            colors = colors_on(ax)
            below = pale(gray, colors) if alpha is None else np.repeat(gray[..., None], 3, axis=-1)
            ax.imshow(below, **place)
            # Colours tell sizes, so they cover the image completely from a fourth of the limit on.
            opacity = np.clip(4 * np.abs(np.nan_to_num(values)) / limit, 0, 1) * (1 if alpha is None else alpha)
            scale = _color_scale(colors, limit, sign)
            ax.imshow(values, cmap=scale.cmap, norm=scale.norm, alpha=opacity, **place)
        for ax in axes:
            ax.set(yticks=[])
            if self._is_series:
                write_plain_ticks(ax.xaxis, np.arange(width))
            else:
                ax.set(xticks=[])
            ax.spines[:].set_color(colors_on(ax).faint)
        if self.row_names is not None:
            style = {"rotation": 0, "ha": "right", "va": "center", "labelpad": 8}
            axes[0].set_ylabel(wrap_lines(self.row_names[row], LABEL_WIDTH), **style)

    def _add_colorbars(self, scale, sign):
        """Add one colour bar for all pictures, for each row or for each picture."""
        axes, limits, look = [self.axes_], [self.limits_[0, 0]], {"aspect": 25}
        if scale == "row":
            axes, limits, look = self.axes_, self.limits_[:, 0], {"aspect": 14}
        elif scale == "panel":
            axes, limits, look = self.axes_[:, 1:].flat, self.limits_.flat, {"location": "bottom", "aspect": 20}
            # The images have no bar below them, and are aligned with the pictures that have one.
            for ax in self.axes_[:, 0]:
                ax.set_anchor("S")
        for group, limit in zip(axes, limits, strict=True):
            bar = self._add_colorbar(_color_scale(colors_on(np.ravel(group)[-1]), limit, sign), group, **look)
            ends = {"positive": (0, limit), "negative": (-limit, 0), "absolute": (0, limit)}.get(sign, (-limit, limit))
            if scale == "panel":
                # A single text below a small bar cannot collide with those of its neighbours.
                bar.set_ticks([])
                texts = [f"±{format_number(limit)}"] if sign == "all" else map(format_number, ends)
                bar.set_label(" to ".join(texts), fontsize="small")
                bar.ax.set_xlim(ends)
            else:
                ticks = [-limit, 0, limit] if sign == "all" else ends
                bar.set_ticks(ticks, labels=[format_number(each) for each in ticks])
                bar.ax.tick_params(labelsize="small")
                # The numbers at the ends stay beside their own bar, away from the bars above and below.
                first, *_, last = bar.ax.get_yticklabels()
                first.set_verticalalignment("bottom")
                last.set_verticalalignment("top")
                label = f"absolute {self.label}" if sign == "absolute" else self.label
                bar.set_label(wrap_lines(label, self._label_width), fontsize="small")
                bar.ax.set_ylim(ends)


def _color_scale(colors, limit, sign):
    """Return the matplotlib ScalarMappable that colours contributions."""
    scale = colors.signed_scale(limit)
    if sign == "absolute":
        from matplotlib.colors import LinearSegmentedColormap

        # Green for sizes, which have no sign.
        scale.set_cmap(LinearSegmentedColormap.from_list("absolute", [colors.background, colors.classes[2]]))
        scale.set_clim(0, limit)
    return scale


def _targets(explanation, target, owner):
    """Return the targets to draw side by side."""
    if target is not None or not has_targets(explanation):
        return target if isinstance(target, list) else [target]
    labels = target_labels(explanation)
    if len(labels) > MOST_TARGETS:
        raise ValueError(
            f"{owner} draws up to {MOST_TARGETS} targets side by side, and the explanation has {len(labels)}. Pass "
            f"target={join_names(labels[:1])}, or one or several of {join_names(labels)}."
        )
    return labels
