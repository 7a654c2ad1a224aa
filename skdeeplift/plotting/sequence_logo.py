"""Display of a sequence as letters that are as high as their contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, Self

import numpy as np

from skdeeplift.annotations import ArrayLike, Axes, Explainer, Explanation, Rows, TargetLike
from skdeeplift.dtypes import kind_of
from skdeeplift.plotting.display import Display, check_matplotlib, hide_spines, write_plain_ticks
from skdeeplift.plotting.explanation_slice import slice_explanation
from skdeeplift.plotting.rows_and_columns import choose_row
from skdeeplift.references.random_paths import are_letters

NUCLEOTIDES = "ACGT"
# The letter of a position without a letter.
UNKNOWN = "?"
# The part of a position's width that a letter fills.
WIDTH = 0.94
# Each colour is one for a light and one for a dark background.
_GREEN, _BLUE, _YELLOW, _RED, _GRAY = (
    ("#00875f", "#1fc497"),
    ("#0072b2", "#56b4e9"),
    ("#d18a00", "#e9a820"),
    ("#c8442b", "#ff8a6b"),
    ("#5c5c5c", "#b4b4b4"),
)
# Amino acids have the colours of their groups: acidic, basic, polar, aromatic and hydrophobic.
_NUCLEOTIDE_COLORS = {"A": _GREEN, "C": _BLUE, "G": _YELLOW, "T": _RED, "U": _RED}
_AMINO_ACID_COLORS = {
    letter: color
    for letters, color in [("DE", _RED), ("KRH", _BLUE), ("STNQCG", _GREEN), ("FWY", _YELLOW), ("AVLIMP", _GRAY)]
    for letter in letters
}


class SequenceLogoDisplay(Display):
    """Letters of a sequence, each as high as its contribution.

    Letters with negative contributions are upside down below the line.

    .. versionadded:: 1.0

    Parameters
    ----------
    heights : array-like of shape (length, n_letters)
        Height of each letter at each position. Positive and negative heights of a position are stacked separately, the
        smallest next to the line. One column more than the alphabet has letters is for positions without a letter.
    alphabet : str or list of str, default="ACGT"
        Letters in the order of their columns.
    %(highlights)s
    start : int, default=0
        Position of the first letter.
    %(letter_colors)s
    ylabel : str, default="contribution"
        Label of the axis of heights.

    Attributes
    ----------
    letters_ : ndarray of str of shape (n_drawn,)
        The drawn letters in the order of the paths of ``ax_.collections[-1]``, after `plot`.
    %(ax_)s
    %(figure_)s

    See Also
    --------
    TokenDisplay : Contributions of words.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import SequenceLogoDisplay
    >>> heights = [[0.0, 0.0, 2.0, 0.0], [-0.5, 0.0, 0.0, 0.0]]
    >>> display = SequenceLogoDisplay(heights, highlights={"motif": (0, 1)}).plot()
    >>> display.letters_
    array(['G', 'A'], dtype='<U1')
    """

    def __init__(
        self,
        heights: ArrayLike,
        alphabet: str | Sequence[str] = NUCLEOTIDES,
        *,
        highlights: Sequence[Any] | Mapping[Any, Any] = (),
        start: int = 0,
        letter_colors: Mapping[str, Any] | None = None,
        ylabel: str = "contribution",
    ) -> None:
        self.heights = heights
        self.alphabet = alphabet
        self.highlights = highlights
        self.start = start
        self.letter_colors = letter_colors
        self.ylabel = ylabel

    @classmethod
    def from_explainer(
        cls,
        explainer: Explainer,
        X: Rows,
        *,
        target: TargetLike | None = None,
        hypothetical: bool = False,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Explain one-hot sequences and draw the explanation of one sequence.

        Parameters
        ----------
        explainer : BaseExplainer
            A fitted explainer.
        X : array-like of shape (n_rows, *features)
            One-hot sequences.
        target : str, int, tuple, dict, array-like or callable, default=None
            The target to explain; the explainer's own ``target`` by default.
        hypothetical : bool, default=False
            Whether to draw the hypothetical contributions of all letters.
        %(ax)s
        **options : object
            Further parameters of `from_explanation`.

        Returns
        -------
        display : SequenceLogoDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the rows cannot be explained, or are not one-hot sequences.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        explanation = explainer.explain(X, target=target, hypothetical=hypothetical)
        return cls.from_explanation(explanation, hypothetical=hypothetical, ax=ax, **options)

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        *,
        row: Any = None,
        position: int | None = None,
        alphabet: str | Sequence[str] | None = None,
        hypothetical: bool = False,
        positions: tuple[int, int] | None = None,
        highlights: Sequence[Any] | Mapping[Any, Any] = (),
        letters_axis: int | None = None,
        letter_colors: Mapping[str, Any] | None = None,
        target: int | str | None = None,
        part: str | int | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the contributions of one sequence of an explanation.

        The contribution of a position is the sum over its one-hot entries. Letters that are not in the sequence
        contribute too if the reference is not one-hot.

        Parameters
        ----------
        explanation : Explanation
            Contributions of one-hot sequences.
        %(row)s
        %(position)s
        alphabet : str or list of str, default=None
            Letters in their order on the one-hot axis; ``"ACGT"`` by default, which has four letters.
        hypothetical : bool, default=False
            Whether to draw the hypothetical contributions of all letters, which the explanation must hold.
        positions : tuple of int, default=None
            The first position to draw, and the first position after it not to draw; all positions by default.
        %(highlights)s
        letters_axis : int, default=None
            The axis of letters, not counting the axis of rows; by default the last axis along which rows are one-hot.
        %(letter_colors)s
        target : int or str, default=None
            The target to draw. By default the row's predicted class among several classes, or the row's own target if
            rows have different targets. Required if there are several outputs that are not classes.
        %(part)s
        %(ax)s

        Returns
        -------
        display : SequenceLogoDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the rows are not one-hot sequences, if the alphabet does not fit them, if there are no hypothetical
            contributions, or if there are several rows, targets or inputs and none is chosen.
        """
        owner, field = cls.__name__, "hypothetical" if hypothetical else "contributions"
        if hypothetical and explanation.get(field) is None:
            raise ValueError(
                "The explanation has no hypothetical contributions. Use hypothetical=True in explain or from_explainer."
            )
        chosen = slice_explanation(explanation, owner, target=target, part=part, field=field, is_mixed=True)
        axis = chosen.letters_axis if letters_axis is None else letters_axis
        letters, scores = _letters_last(chosen.values, chosen.contributions, axis, owner)
        row = choose_row(chosen.rows, row, position, owner)
        letters, scores = letters[row], np.asarray(scores[row], np.float64)
        length, n_letters = scores.shape
        if alphabet is None:
            if n_letters != len(NUCLEOTIDES):
                raise ValueError(f"The sequences have {n_letters} letters. Pass alphabet=, the letters in their order.")
            alphabet = NUCLEOTIDES
        if not hypothetical:
            # The last column is for positions without a letter.
            is_letter = letters == 1
            scores = np.column_stack([is_letter, ~is_letter.any(1)]) * scores.sum(1, keepdims=True)
        start, stop = (0, length) if positions is None else positions
        if not 0 <= start < stop <= length:
            raise ValueError(f"positions={positions!r} is no range. Expected 0 <= start < stop <= {length}.")
        text = chosen.text_of_row(row)
        label = text.with_sides(("hypothetical " if hypothetical else "") + text.contribution)
        look = {"highlights": highlights, "letter_colors": letter_colors, "ylabel": label}
        return cls(scores[start:stop], alphabet, start=start, **look).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the letters.

        Parameters
        ----------
        %(ax)s

        Returns
        -------
        display : SequenceLogoDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the alphabet does not fit the heights.
        ImportError
            If matplotlib is not installed.
        """
        heights, alphabet = np.asarray(self.heights, np.float64), [*self.alphabet, UNKNOWN]
        n_letters = len(self.alphabet)
        if heights.ndim != 2 or heights.shape[1] not in (n_letters, n_letters + 1):
            raise ValueError(
                f"heights have shape {heights.shape}. Expected a column for each letter of alphabet={self.alphabet!r}."
            )
        length = len(heights)
        ax, colors = self._start(ax, np.clip(1.2 + 0.16 * length, 5, 12), 2.6)
        from matplotlib.collections import PathCollection

        positions, letters, bottoms = stack(heights)
        sizes = heights[positions, letters]
        glyphs, palette = [_glyph(letter) for letter in alphabet], _letter_colors(alphabet, colors, self.letter_colors)
        boxes = zip(letters, self.start + positions, bottoms, sizes, strict=True)
        paths = [_place(glyphs[letter], left, bottom, size) for letter, left, bottom, size in boxes]
        faces = [palette[letter] for letter in letters]
        self._shade(ax, colors)
        ax.axhline(0, color=colors.muted, linewidth=0.8)
        ax.add_collection(PathCollection(paths, facecolors=faces, linewidths=0), autolim=False)
        self.letters_ = np.array([alphabet[letter] for letter in letters])
        # A letter is centred at its position.
        ax.set_xlim(self.start - 0.5, self.start + length - 0.5)
        ends = bottoms + sizes
        low, high = 1.05 * ends.min(initial=0), 1.05 * ends.max(initial=0)
        ax.set_ylim((-1, 1) if low == high else (low, high))
        ax.set(xlabel="position", ylabel=self.ylabel)
        write_plain_ticks(ax.xaxis, np.arange(self.start, self.start + length))
        write_plain_ticks(ax.yaxis)
        hide_spines(ax)
        return self

    def _shade(self, ax, colors):
        """Shade the highlighted ranges, with their names above them."""
        ranges = self.highlights
        above = {"xycoords": ax.get_xaxis_transform(), "xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
        for name, spans in ranges.items() if isinstance(ranges, dict) else [(None, each) for each in ranges]:
            for first, stop in np.reshape(spans, (-1, 2)):
                ax.axvspan(first - 0.5, stop - 0.5, color=colors.faint, alpha=0.6, linewidth=0, zorder=0)
                if name is not None:
                    middle = ((first + stop - 1) / 2, 1)
                    style = {"color": colors.ink, "fontsize": "small", "annotation_clip": True}
                    ax.annotate(str(name), middle, **above, **style)


def stack(heights):
    """Stack the letters of each position, the smallest next to zero.

    Positive letters are stacked upwards, and negative letters downwards.

    Parameters
    ----------
    heights : ndarray of shape (length, n_letters)
        Height of each letter at each position.

    Returns
    -------
    positions, letters : ndarray of int of shape (n_drawn,)
        Positions and columns of the letters whose height is not zero.
    bottoms : ndarray of shape (n_drawn,)
        The end of each letter that is nearer to zero.
    """
    order = np.argsort(np.abs(heights), axis=1, kind="stable")
    ordered = np.nan_to_num(np.take_along_axis(heights, order, 1))
    up, down = np.maximum(ordered, 0), np.minimum(ordered, 0)
    bottoms = np.where(ordered > 0, up.cumsum(1) - up, down.cumsum(1) - down)
    positions, ranks = np.nonzero(ordered)
    return positions, order[positions, ranks], bottoms[positions, ranks]


def _letters_last(X, contributions, axis, owner):
    """Return sequences and contributions in the shape (n_rows, length, n_letters)."""
    X = None if X is None else np.asarray(X)
    if X is None or X.shape != contributions.shape or X.ndim < 3 or kind_of(X.dtype) not in "biuf":
        raise ValueError(
            f"{owner} draws one-hot sequences of shape (n_rows, length, n_letters). Got contributions of shape "
            f"{contributions.shape}" + ("." if X is None else f" to values of shape {X.shape}.")
        )
    if axis is None:
        found = [each for each in range(1, X.ndim) if X.shape[each] > 1 and are_letters(X, each).all()]
        if not found:
            raise ValueError(
                f"{owner} needs an axis along which one entry is 1 and the others are 0. Pass rows of one-hot letters."
            )
        axis = found[-1] - 1
    if not 0 <= axis < X.ndim - 1 or not are_letters(X, axis + 1).all():
        raise ValueError(f"letters_axis={axis} is no axis of one-hot letters of values of shape {X.shape}.")
    others = [size for position, size in enumerate(X.shape) if position not in (0, axis + 1)]
    if sum(size > 1 for size in others) > 1:
        raise ValueError(f"{owner} draws one sequence for each row. Got values of shape {X.shape}.")
    return (np.moveaxis(each, axis + 1, -1).reshape(len(X), -1, X.shape[axis + 1]) for each in (X, contributions))


def _glyph(letter):
    """Return the outline of a letter in the unit square."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    outline = TextPath((0, 0), letter, size=10, prop=FontProperties(weight="bold"), usetex=False)
    box = outline.get_extents()
    # The minimum width keeps a narrow letter, such as I, narrower than the others.
    width = max(box.width, 5.0)
    fit = Affine2D().translate(-(box.x0 + box.x1) / 2, -box.y0).scale(1 / width, 1 / box.height)
    return fit.transform_path(outline)


def _place(glyph, position, bottom, height):
    """Scale and move an outline of the unit square; a negative height turns it upside down."""
    from matplotlib.path import Path

    return Path(glyph.vertices * (WIDTH, height) + (position, bottom), glyph.codes)


def _letter_colors(alphabet, colors, own):
    """Return the colour of each letter."""
    letters, known = {letter.upper() for letter in alphabet} - {UNKNOWN}, {}
    if letters <= set(_NUCLEOTIDE_COLORS):
        known = _NUCLEOTIDE_COLORS
    elif letters <= {*_AMINO_ACID_COLORS, *"BJOUXZ*-"}:
        known = _AMINO_ACID_COLORS
    chosen = (
        dict.fromkeys(alphabet, colors.muted) if known else dict(zip(alphabet, cycle(colors.classes), strict=False))
    )
    chosen[UNKNOWN] = colors.muted
    chosen |= {letter: known[letter.upper()][colors.is_dark] for letter in alphabet if letter.upper() in known}
    return [(chosen | (own or {}))[letter] for letter in alphabet]
