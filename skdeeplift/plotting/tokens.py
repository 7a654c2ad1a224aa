"""Words on the colours of their contributions."""

import numpy as np

from skdeeplift.plotting.appearance import lightness, robust_limit
from skdeeplift.plotting.display import Display, contribution_label
from skdeeplift.plotting.drawable import drawable, some_rows

# In units of the size of the letters.
GAP, LINE, PARAGRAPH, MARGIN = 0.34, 1.75, 0.8, 0.2


class TokenDisplay(Display):
    """Text whose words have the colours of their contributions.

    .. versionadded:: 0.1

    Parameters
    ----------
    words : list of list of str
        The words of each text.
    contributions : list of array-like of shape (n_words,)
        The contributions of each text's words.
    names : list of str, default=None
        A heading for each text.
    label : str, default="contribution"
        What the colours say.

    Attributes
    ----------
    limit_ : float
        The absolute contribution from which on colours are full, after `plot`.
    ax_ : matplotlib Axes
        Where the text is, after `plot`.
    figure_ : matplotlib Figure
        The figure it is in, after `plot`.

    See Also
    --------
    SequenceLogoDisplay : Contributions of one-hot letters.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> from skdeeplift.plotting import TokenDisplay
    >>> display = TokenDisplay([["not", "bad"]], [[1.5, -0.5]]).plot()
    >>> [text.get_text() for text in display.ax_.texts]
    ['not', 'bad']
    """

    def __init__(self, words, contributions, *, names=None, label="contribution"):
        self.words = words
        self.contributions = contributions
        self.names = names
        self.label = label

    @classmethod
    def from_explanation(
        cls,
        explanation,
        *,
        rows=None,
        vocabulary=None,
        words=None,
        padding=None,
        target=None,
        part=None,
        percentile=100,
        ax=None,
    ):
        """Draw the contributions of some rows of an explanation of tokens.

        Parameters
        ----------
        explanation : Explanation
            Contributions of tokens, or of the dimensions of their embedding, which are summed.
        rows : int or list of int, default=None
            Positions of the rows to draw; at most the first five by default.
        vocabulary : sequence or dict of str, or callable, default=None
            What the ids stand for: a word for each, or a function that turns a list of ids into words, such as a
            tokenizer's ``convert_ids_to_tokens``. By default ids are drawn.
        words : list of str, or list of list of str, default=None
            The words of the one row that is drawn, or of each of several, where there is no vocabulary.
        padding : int, default=None
            The id that fills rows up, and is not drawn at their ends.
        target : int or str, default=None
            Which of several targets to draw; where rows have targets of their own, positions count those of this
            target.
        part : str or int, default=None
            The key or position of one of several inputs or layers.
        percentile : float, default=100
            Colours are full from this percentile of absolute contributions on.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : TokenDisplay
            With the text drawn.

        Raises
        ------
        ValueError
            If rows are no tokens, a word is missing, or there are several targets, inputs or layers, of which none is
            chosen.
        """
        owner = cls.__name__
        chosen = drawable(explanation, owner, target=target, part=part)
        contributions, ids = chosen.contributions, chosen.values
        if contributions.ndim == 3:
            contributions = contributions.sum(-1)
        if contributions.ndim != 2:
            raise ValueError(
                f"{owner} draws contributions of shape (n_rows, n_tokens), or of their embeddings with one axis more. "
                f"Got shape {contributions.shape}."
            )
        n_rows = len(contributions)
        positions = some_rows(n_rows, rows, owner)
        if words is None:
            ids = None if ids is None else np.asarray(ids)
            if ids is None or ids.shape != contributions.shape:
                raise ValueError(f"The explanation holds no token for each contribution. Pass {owner}'s words=.")
            texts = [_read(ids[row], vocabulary) for row in positions]
        else:
            texts = [list(each) for each in ([words] if _are_words(words) else words)]
            if len(texts) != len(positions):
                raise ValueError(f"words= holds the words of {len(texts)} rows, and {len(positions)} are drawn.")
        kept = [np.arange(contributions.shape[1])] * len(positions)
        if padding is not None and ids is not None:
            kept = [_inside(np.asarray(ids)[row] != padding) for row in positions]
        for text, row in zip(texts, positions, strict=True):
            if len(text) != contributions.shape[1]:
                raise ValueError(f"Row {row} has {contributions.shape[1]} contributions, and {len(text)} words.")
        display = cls(
            [[text[each] for each in inside] for text, inside in zip(texts, kept, strict=True)],
            [contributions[row][inside] for row, inside in zip(positions, kept, strict=True)],
            names=[f"row {row}" for row in positions] if len(positions) > 1 else None,
            label=contribution_label(chosen.to_target),
        )
        return display.plot(percentile=percentile, ax=ax)

    def plot(self, *, percentile=100, fontsize=12, ax=None):
        """Draw the text, in lines as wide as the axes are now.

        Parameters
        ----------
        percentile : float, default=100
            Colours are full from this percentile of absolute contributions on.
        fontsize : float, default=12
            The size of the letters, in points.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure, as high as the text, by default.

        Returns
        -------
        display : TokenDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax, colors = self._start(ax, 7, 2)
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        texts = [np.asarray(each, np.float64) for each in self.contributions]
        self.limit_ = robust_limit(np.concatenate([*texts, np.zeros(1)]), percentile)
        of_colors = ScalarMappable(Normalize(-self.limit_, self.limit_), colors.signed)
        ax.set_axis_off()
        bar = self.figure_.colorbar(of_colors, ax=ax, location="bottom", shrink=0.5, aspect=30, pad=0.02)
        bar.set_label(self.label)
        bar.outline.set_visible(False)
        # What is around the text takes its place first.
        self.figure_.draw_without_rendering()
        width = ax.get_window_extent().width * 72 / self.figure_.dpi
        placed, bottom = _lay_out(self.words, self.names, width, _ruler(self.figure_, fontsize), fontsize)
        if self._is_own:
            self.figure_.set_figheight(bottom / 72 + 0.9)
        for word, text, place, x, y in placed:
            style = {"color": colors.muted, "fontsize": 0.8 * fontsize}
            if place is not None:
                color = of_colors.to_rgba(texts[text][place])
                ink = "black" if lightness(color) > 0.5 else "white"
                box = {"boxstyle": f"square,pad={GAP / 2}", "facecolor": color, "edgecolor": "none"}
                style = {"color": ink, "fontsize": fontsize, "bbox": box}
            ax.annotate(
                word,
                (0, 1),
                xycoords="axes fraction",
                xytext=(x, -y),
                textcoords="offset points",
                va="baseline",
                parse_math=False,
                **style,
            )
        return self


def _lay_out(texts, names, width, measure, size):
    """Where each word is, in points right of and below the upper left corner: a list, and the lower end.

    A word has the text's position and its own; a heading has None in its place.
    """
    gap, left = GAP * size, MARGIN * size
    placed, y = [], 0.0
    for text, words in enumerate(texts):
        y += PARAGRAPH * size if text else 0
        if names is not None:
            y += LINE * size
            placed.append((names[text], text, None, 0.0, y))
        x, y = left, y + LINE * size
        for place, word in enumerate(words):
            length = measure(word) if word else 0.0
            if x > left and x + length + left > width:
                x, y = left, y + LINE * size
            if word:
                placed.append((word, text, place, x, y))
                x += length + gap
    return placed, y + size


def _ruler(figure, size):
    """A function that measures words, in points, as they are drawn: letters snap to pixels."""
    from matplotlib.text import Text

    def measure(word):
        """The width of a word."""
        text = Text(0, 0, word, fontsize=size, parse_math=False, figure=figure)
        return text.get_window_extent().width * 72 / figure.dpi

    return measure


def _are_words(words):
    """Whether these are the words of one text, rather than several texts."""
    return all(isinstance(each, str) for each in words)


def _read(ids, vocabulary):
    if vocabulary is None:
        return [str(each) for each in ids]
    ids = [int(each) for each in ids]
    if callable(vocabulary):
        return [str(each) for each in vocabulary(ids)]
    try:
        return [str(vocabulary[each]) for each in ids]
    except (IndexError, KeyError) as error:
        raise ValueError(f"vocabulary= has no word for one of the ids {ids}: {error}.") from error


def _inside(is_word):
    """Positions from the first word to the last."""
    found = np.flatnonzero(is_word)
    return np.arange(found[0], found[-1] + 1) if len(found) else found
