"""Letters as high as their contributions."""

from numbers import Integral

import numpy as np

from skdeeplift.plotting.appearance import check_matplotlib
from skdeeplift.plotting.display import Display, bare, contribution_label
from skdeeplift.plotting.drawable import drawable, one_row
from skdeeplift.references.letters import are_letters

NUCLEOTIDES = "ACGT"
# What stands where a sequence has no letter.
UNKNOWN = "?"
# How much of its position's width a letter fills.
WIDTH = 0.94
# Nucleotides, and amino acids by what they are: acidic, basic, polar, aromatic or hydrophobic; as (on light, on dark).
_GREEN, _BLUE, _YELLOW, _RED, _GRAY = (
    ("#00875f", "#1fc497"),
    ("#0072b2", "#56b4e9"),
    ("#d18a00", "#e9a820"),
    ("#c8442b", "#ff8a6b"),
    ("#5c5c5c", "#b4b4b4"),
)
_NUCLEOTIDE_COLORS = {"A": _GREEN, "C": _BLUE, "G": _YELLOW, "T": _RED, "U": _RED}
_AMINO_ACID_COLORS = {
    letter: color
    for letters, color in [("DE", _RED), ("KRH", _BLUE), ("STNQCG", _GREEN), ("FWY", _YELLOW), ("AVLIMP", _GRAY)]
    for letter in letters
}


class SequenceLogoDisplay(Display):
    """Letters of a sequence, each as high as its contribution, those of negative ones upside down below the line.

    .. versionadded:: 0.1

    Parameters
    ----------
    heights : array-like of shape (length, n_letters)
        Of each letter at each position; of several at a position, those above zero and those below are stacked, the
        smallest next to the line. A last column beyond those of the alphabet is of positions without a letter.
    alphabet : str or list of str, default="ACGT"
        The letters, in the order of their columns.
    highlights : list of tuple or dict, default=()
        Ranges of positions to shade: ``(start, stop)``, where `stop` is the first one behind, or a dict of names to
        such ranges or lists of them.
    start : int, default=0
        The position of the first letter.
    letter_colors : dict of str to color, default=None
        Colours of letters that should have others than theirs.
    ylabel : str, default="contribution"
        What the heights say.

    Attributes
    ----------
    letters_ : ndarray of str of shape (n_drawn,)
        The letters that are drawn, after `plot`, in the order of the paths of ``ax_.collections[-1]``.
    ax_ : matplotlib Axes
        Where the letters are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    TokenDisplay : Contributions of words.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> from skdeeplift.plotting import SequenceLogoDisplay
    >>> heights = [[0.0, 0.0, 2.0, 0.0], [-0.5, 0.0, 0.0, 0.0]]
    >>> display = SequenceLogoDisplay(heights, highlights={"motif": (0, 1)}).plot()
    >>> display.letters_
    array(['G', 'A'], dtype='<U1')
    """

    def __init__(
        self, heights, alphabet=NUCLEOTIDES, *, highlights=(), start=0, letter_colors=None, ylabel="contribution"
    ):
        self.heights = heights
        self.alphabet = alphabet
        self.highlights = highlights
        self.start = start
        self.letter_colors = letter_colors
        self.ylabel = ylabel

    @classmethod
    def from_explainer(cls, explainer, X, *, target=None, hypothetical=False, ax=None, **options):
        """Explain one-hot sequences, and draw the explanation of one.

        Parameters
        ----------
        explainer : BaseExplainer
            A fitted explainer.
        X : array-like of shape (n_rows, *features)
            One-hot sequences.
        target : str, int, tuple, dict, array-like or callable, default=None
            What to explain, where it differs from the explainer's own ``target``.
        hypothetical : bool, default=False
            Whether to draw what each possible letter would contribute.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options : object
            As `from_explanation` takes them.

        Returns
        -------
        display : SequenceLogoDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the rows can not be explained, or are no one-hot sequences.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        explanation = explainer.explain(X, target=target, hypothetical=hypothetical)
        return cls.from_explanation(explanation, hypothetical=hypothetical, ax=ax, **options)

    @classmethod
    def from_explanation(
        cls,
        explanation,
        *,
        row=None,
        alphabet=None,
        hypothetical=False,
        positions=None,
        highlights=(),
        letters_axis=None,
        letter_colors=None,
        target=None,
        part=None,
        ax=None,
    ):
        """Draw the contributions of one sequence of an explanation.

        A position's contribution is the sum over its letters, those included that are not there, where the reference is
        not one-hot.

        Parameters
        ----------
        explanation : Explanation
            Contributions of one-hot sequences.
        row : int, default=None
            The sequence's position; may be left out where there is but one.
        alphabet : str or list of str, default=None
            The letters, in their order on the one-hot axis; ``"ACGT"`` by default, where there are four.
        hypothetical : bool, default=False
            Whether to draw what each possible letter would contribute, which the explanation must hold.
        positions : tuple of int, default=None
            The first position to draw and the first not to draw any more; all by default.
        highlights : list of tuple or dict, default=()
            Ranges of positions to shade: ``(start, stop)``, where `stop` is the first one behind, or a dict of names to
            such ranges or lists of them.
        letters_axis : int, default=None
            The axis of letters, without that of the rows; by default the last one along which rows are one-hot.
        letter_colors : dict of str to color, default=None
            Colours of letters that should have others than theirs.
        target : int or str, default=None
            Which of several targets to draw; where rows have targets of their own, the position counts those of this
            target.
        part : str or int, default=None
            The key or position of one of several inputs.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : SequenceLogoDisplay
            With the letters drawn.

        Raises
        ------
        ValueError
            If rows are no one-hot sequences, the alphabet does not go with them, there are no hypothetical
            contributions, or several rows, targets or inputs of which none is chosen.
        """
        owner, field = cls.__name__, "contributions"
        if hypothetical:
            field = "hypothetical"
            if explanation.get(field) is None:
                raise ValueError(
                    f"The explanation has no hypothetical contributions. Use explain(X, hypothetical=True), or "
                    f"{owner}.from_explainer(explainer, X, hypothetical=True)."
                )
        chosen = drawable(explanation, owner, target=target, part=part, field=field)
        known = chosen.letters_axis if letters_axis is None else letters_axis
        row = one_row(len(chosen.contributions), row, owner)
        letters, scores = _as_columns(chosen.values, chosen.contributions, known, owner)
        letters, scores = letters[row], np.asarray(scores[row], np.float64)
        length, n_letters = scores.shape
        if alphabet is None:
            if n_letters != len(NUCLEOTIDES):
                raise ValueError(
                    f"The sequences have {n_letters} letters. Pass alphabet=, the letters in their order on that axis."
                )
            alphabet = NUCLEOTIDES
        if not hypothetical:
            # A column more, of positions without a letter.
            there = np.column_stack([letters == 1, ~(letters == 1).any(1)])
            scores = there * scores.sum(1, keepdims=True)
        first, stop = (0, length) if positions is None else positions
        if not 0 <= first < stop <= length:
            raise ValueError(
                f"positions={positions!r} is no range of the sequence. Expected (start, stop) with 0 <= start < stop "
                f"<= {length}."
            )
        label = contribution_label(chosen.to_target)
        display = cls(
            scores[first:stop],
            alphabet,
            highlights=highlights,
            start=first,
            letter_colors=letter_colors,
            ylabel=f"hypothetical {label}" if hypothetical else label,
        )
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the letters.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : SequenceLogoDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the alphabet does not go with the heights.
        ImportError
            If matplotlib is not installed.
        """
        heights = np.asarray(self.heights, np.float64)
        alphabet = [*self.alphabet, UNKNOWN]
        if heights.ndim != 2 or heights.shape[1] not in (len(alphabet) - 1, len(alphabet)):
            raise ValueError(
                f"alphabet={self.alphabet!r} has {len(alphabet) - 1} letters, and heights have shape {heights.shape}. "
                "Expected one column for each letter."
            )
        length = len(heights)
        ax, colors = self._start(ax, np.clip(1.2 + 0.16 * length, 5, 12), 2.6)
        from matplotlib.collections import PathCollection

        positions, letters, bottoms = stack(heights)
        sizes = heights[positions, letters]
        glyphs = [_glyph(letter) for letter in alphabet]
        by_letter = _letter_colors(alphabet, colors, self.letter_colors or {})
        boxes = zip(letters, self.start + positions, bottoms, sizes, strict=True)
        paths = [_place(glyphs[letter], left, bottom, size) for letter, left, bottom, size in boxes]
        ends = bottoms + sizes
        limits = 1.05 * ends.min(initial=0), 1.05 * ends.max(initial=0)
        if limits[0] == limits[1]:
            limits = -1, 1
        self._shade(ax, colors)
        ax.axhline(0, color=colors.muted, linewidth=0.8)
        ax.add_collection(
            PathCollection(paths, facecolors=[by_letter[letter] for letter in letters], linewidths=0), autolim=False
        )
        self.letters_ = np.array([alphabet[letter] for letter in letters])
        # Letters are drawn within half a position of what their ticks say.
        ax.set_xlim(self.start - 0.5, self.start + length - 0.5)
        ax.set_ylim(limits)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="position", ylabel=self.ylabel)
        bare(ax)
        return self

    def _shade(self, ax, colors):
        ranges = self.highlights
        named = ranges.items() if isinstance(ranges, dict) else [(None, each) for each in ranges]
        for name, spans in named:
            spans = [spans] if len(spans) == 2 and all(isinstance(each, (Integral, float)) for each in spans) else spans
            for first, stop in spans:
                ax.axvspan(first - 0.5, stop - 0.5, color=colors.faint, alpha=0.6, linewidth=0, zorder=0)
                if name is not None:
                    ax.annotate(
                        str(name),
                        ((first + stop - 1) / 2, 1),
                        xycoords=ax.get_xaxis_transform(),
                        xytext=(0, 3),
                        textcoords="offset points",
                        ha="center",
                        color=colors.ink,
                        fontsize="small",
                        annotation_clip=True,
                    )


def stack(heights):
    """Stack the letters of each position, those above zero upwards and those below downwards, the smallest first.

    Parameters
    ----------
    heights : ndarray of shape (length, n_letters)
        Of each letter at each position.

    Returns
    -------
    positions, letters : ndarray of int of shape (n_drawn,)
        Of those letters that have a height.
    bottoms : ndarray of shape (n_drawn,)
        Where each begins: at the end that is nearer to zero.
    """
    order = np.argsort(np.abs(heights), axis=1, kind="stable")
    ordered = np.nan_to_num(np.take_along_axis(heights, order, 1))
    up, down = np.maximum(ordered, 0), np.minimum(ordered, 0)
    bottoms = np.where(ordered > 0, up.cumsum(1) - up, down.cumsum(1) - down)
    positions, ranks = np.nonzero(ordered)
    return positions, order[positions, ranks], bottoms[positions, ranks]


def _as_columns(X, contributions, axis, owner):
    """Bring sequences and contributions into the shape (n_rows, length, n_letters)."""
    X = None if X is None else np.asarray(X)
    if X is None or X.shape != contributions.shape or X.ndim < 3 or X.dtype.kind not in "biuf":
        raise ValueError(
            f"{owner} draws one-hot sequences of shape (n_rows, length, n_letters). Got contributions of shape "
            f"{contributions.shape}" + ("." if X is None else f" to values of shape {X.shape}.")
        )
    if axis is None:
        found = [each for each in range(1, X.ndim) if X.shape[each] > 1 and are_letters(X, each).all()]
        if not found:
            raise ValueError(
                f"{owner} looks for an axis along which one entry is 1 and the others are 0, and there is none. Is X "
                "one-hot?"
            )
        axis = found[-1] - 1
    if not 0 <= axis < X.ndim - 1 or not are_letters(X, axis + 1).all():
        raise ValueError(f"letters_axis={axis} is no axis of one-hot letters of values of shape {X.shape}.")
    others = [size for position, size in enumerate(X.shape) if position not in (0, axis + 1)]
    if sum(size > 1 for size in others) > 1:
        raise ValueError(f"{owner} draws one sequence for each row. Got values of shape {X.shape}.")
    return (np.moveaxis(each, axis + 1, -1).reshape(len(X), -1, X.shape[axis + 1]) for each in (X, contributions))


def _glyph(letter):
    """A letter's outline in the unit square."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    outline = TextPath((0, 0), letter, size=10, prop=FontProperties(weight="bold"), usetex=False)
    box = outline.get_extents()
    # A narrow letter, such as I, is not made as wide as others.
    width = max(box.width, 5.0)
    fit = Affine2D().translate(-(box.x0 + box.x1) / 2, -box.y0).scale(1 / width, 1 / box.height)
    return fit.transform_path(outline)


def _place(glyph, position, bottom, height):
    """Make a letter of the unit square as high as it should be, upside down if that is below zero."""
    from matplotlib.path import Path

    return Path(glyph.vertices * (WIDTH, height) + (position, bottom), glyph.codes)


def _letter_colors(alphabet, colors, own):
    letters = {letter.upper() for letter in alphabet} - {UNKNOWN}
    if letters <= set(_NUCLEOTIDE_COLORS):
        known = _NUCLEOTIDE_COLORS
    elif letters <= {*_AMINO_ACID_COLORS, *"BJOUXZ*-"}:
        known = _AMINO_ACID_COLORS
    else:
        known = {}
    chosen = []
    for place, letter in enumerate(alphabet):
        if letter in own:
            chosen.append(own[letter])
        elif letter.upper() in known:
            chosen.append(known[letter.upper()][colors.is_dark])
        elif letter == UNKNOWN or known:
            chosen.append(colors.muted)
        else:
            chosen.append(colors.classes[place % len(colors.classes)])
    return chosen
