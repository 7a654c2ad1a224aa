"""Display of texts whose words are coloured by their contributions."""

import numpy as np

from skdeeplift.plotting.display import Display, contribution_label, lightness, robust_limit
from skdeeplift.plotting.explanation_slice import slice_explanation
from skdeeplift.plotting.rows_and_columns import choose_rows

# Distances in units of the font size: between words, lines and paragraphs, and from the margin.
GAP, LINE, PARAGRAPH, MARGIN = 0.34, 1.75, 0.8, 0.2


class TokenDisplay(Display):
    """Texts whose words have the colours of their contributions.

    .. versionadded:: 0.1

    Parameters
    ----------
    words : list of list of str
        Words of each text.
    contributions : list of array-like of shape (n_words,)
        Contributions of each text's words.
    names : list of str, default=None
        Headings of the texts. None draws no headings.
    label : str, default="contribution"
        Label of the colour bar.

    Attributes
    ----------
    limit_ : float
        Absolute contribution at which colours are full, after `plot`.
    ax_ : matplotlib Axes
        Axes with the words, after `plot`.
    figure_ : matplotlib Figure
        Figure of the axes, after `plot`.

    See Also
    --------
    SequenceLogoDisplay : Contributions of one-hot letters.
    :ref:`pictures` : All displays, and when to use which.

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
        position=None,
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
            Contributions of tokens, or of the dimensions of their embeddings, which are summed.
        rows : object or list of object, default=None
            Labels of the rows to draw, as `to_frame` shows them: labels of the index if ``X`` was a DataFrame,
            otherwise positions. None draws those at ``position``, by default the first five.
        position : int or list of int, default=None
            Positions of the rows to draw, counted from 0 among all rows, in place of their labels.
        vocabulary : sequence or dict of str, or callable, default=None
            The word of each id, or a function that turns a list of ids into words, such as a tokenizer's
            ``convert_ids_to_tokens``. None draws the ids.
        words : list of str, or list of list of str, default=None
            The words of the row, or of each of several rows. None reads the words from the ids and the vocabulary.
        padding : int, default=None
            The id of padding, which is not drawn at the ends of rows. None draws all ids.
        target : int or str, default=None
            The target to draw; required if there are several. If rows have targets of their own, only rows of this
            target are drawn; all rows by default.
        part : str or int, default=None
            The key or position of the input or layer to draw; required if there are several.
        percentile : float, default=100
            Percentile of absolute contributions at which colours are full.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : TokenDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the rows are not tokens, if a word is missing, or if there are several targets, inputs or layers and none
            is chosen.
        """
        owner = cls.__name__
        chosen = slice_explanation(explanation, owner, target=target, part=part)
        contributions, ids = chosen.contributions, None if chosen.values is None else np.asarray(chosen.values)
        if contributions.ndim == 3:
            contributions = contributions.sum(-1)
        if contributions.ndim != 2:
            raise ValueError(
                f"{owner} draws contributions of shape (n_rows, n_tokens[, n_dimensions]). Got {contributions.shape}."
            )
        positions = choose_rows(chosen.rows, rows, position, owner)
        if words is not None:
            is_one_text = all(isinstance(each, str) for each in words)
            texts = [list(each) for each in ([words] if is_one_text else words)]
            if len(texts) != len(positions):
                raise ValueError(f"words= holds the words of {len(texts)} rows, and {len(positions)} are drawn.")
        elif ids is None or ids.shape != contributions.shape:
            raise ValueError(f"The explanation holds no token for each contribution. Pass {owner}'s words=.")
        else:
            texts = [_read(ids[row], vocabulary) for row in positions]
        drawn_words, drawn_contributions = [], []
        for text, row in zip(texts, positions, strict=True):
            if len(text) != contributions.shape[1]:
                raise ValueError(f"Row {row} has {contributions.shape[1]} contributions, and {len(text)} words.")
            places = range(len(text)) if padding is None or ids is None else _inside(ids[row] != padding)
            drawn_words.append([text[place] for place in places])
            drawn_contributions.append(contributions[row][places])
        names = [f"row {chosen.rows.name(row)}" for row in positions] if len(positions) > 1 else None
        display = cls(drawn_words, drawn_contributions, names=names, label=contribution_label(chosen.to_target))
        return display.plot(percentile=percentile, ax=ax)

    def plot(self, *, percentile=100, fontsize=12, ax=None):
        """Draw the words in lines that are as wide as the axes.

        Parameters
        ----------
        percentile : float, default=100
            Percentile of absolute contributions at which colours are full.
        fontsize : float, default=12
            Size of the letters in points.
        ax : matplotlib Axes, default=None
            Axes to draw on; by default those of a new figure, which is as high as the texts.

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
        texts = [np.asarray(each, np.float64) for each in self.contributions]
        self.limit_ = robust_limit(np.concatenate([*texts, np.zeros(1)]), percentile)
        scale = colors.signed_scale(self.limit_)
        ax.set_axis_off()
        self._add_colorbar(scale, ax, label=self.label, location="bottom", shrink=0.5, aspect=30)
        # The layout gives the colour bar its space, which leaves the width of the lines.
        self.figure_.draw_without_rendering()
        width = ax.get_window_extent().width * 72 / self.figure_.dpi
        placed, bottom = _lay_out(self.words, self.names, width, _ruler(self.figure_, fontsize), fontsize)
        if self._is_own:
            self.figure_.set_figheight(bottom / 72 + 0.9)
        for word, text, place, x, y in placed:
            style = {"color": colors.muted, "fontsize": 0.8 * fontsize}
            if place is not None:
                color = scale.to_rgba(texts[text][place])
                ink = "black" if lightness(color) > 0.5 else "white"
                box = {"boxstyle": f"square,pad={GAP / 2}", "facecolor": color, "edgecolor": "none"}
                style = {"color": ink, "fontsize": fontsize, "bbox": box}
            corner = {"xy": (0, 1), "xycoords": "axes fraction", "textcoords": "offset points", "va": "baseline"}
            ax.annotate(word, xytext=(x, -y), parse_math=False, **corner, **style)
        return self


def _lay_out(texts, names, width, measure, size):
    """Place words in lines, and return their places and the lower end, in points from the upper left corner.

    A place is a tuple of the word, the position of its text, the position of the word in the text, and the distances to
    the right and downwards. The position of a heading in its text is None.
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
    """Return a function that measures a word's width in points as the figure draws it, with letters at whole pixels."""
    from matplotlib.text import Text

    def measure(word):
        """Return the width of a word."""
        text = Text(0, 0, word, fontsize=size, parse_math=False, figure=figure)
        return text.get_window_extent().width * 72 / figure.dpi

    return measure


def _read(ids, vocabulary):
    """Return the words of ids."""
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
    """Return the positions from the first word to the last."""
    found = np.flatnonzero(is_word)
    return np.arange(found[0], found[-1] + 1) if len(found) else found
