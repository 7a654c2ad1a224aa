"""Display of texts whose words are coloured by their contributions."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.annotations import ArrayLike, Axes, Explanation, Vocabulary
from skdeeplift.dtypes import kind_of
from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import Display, colors_on, lightness, robust_limit
from skdeeplift.plotting.explanation_slice import slice_explanation
from skdeeplift.plotting.rows_and_columns import choose_rows
from skdeeplift.plotting.text_layout import make_ruler

# Distances in units of the font size: between words, lines and paragraphs, and from the margin.
GAP, LINE, PARAGRAPH, MARGIN = 0.34, 1.75, 0.8, 0.2


class TokenDisplay(Display):
    """Texts whose words have the colours of their contributions.

    A notebook shows the texts as HTML, which wraps at the width of the page, if the display is the last line of a cell.

    .. versionadded:: 1.0

    Parameters
    ----------
    words : list of list of str
        Words of each text.
    contributions : list of array-like of shape (n_words,)
        Contributions of each text's words.
    names : list of str, default=None
        Headings of the texts. None draws no headings.
    notes : list of str, default=None
        Remarks at the ends of the texts, such as the number of words left out. None draws no remarks.
    label : str, default="contribution"
        Label of the colour bar.

    Attributes
    ----------
    %(limit_)s
    %(ax_)s
    %(figure_)s

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

    def __init__(
        self,
        words: Sequence[Sequence[str]],
        contributions: Sequence[ArrayLike],
        *,
        names: Sequence[str] | None = None,
        notes: Sequence[str] | None = None,
        label: str = "contribution",
    ) -> None:
        self.words = words
        self.contributions = contributions
        self.names = names
        self.notes = notes
        self.label = label

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        *,
        rows: Any = None,
        position: int | Sequence[int] | None = None,
        vocabulary: Vocabulary | None = None,
        words: Sequence[Any] | None = None,
        padding: int | None = None,
        max_words: int = 200,
        target: int | str | None = None,
        part: str | int | None = None,
        percentile: float = 100,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the contributions of some rows of an explanation of tokens.

        Parameters
        ----------
        explanation : Explanation
            Contributions of tokens, or of the dimensions of their embeddings, which are summed.
        %(rows)s
        position : int or list of int, default=None
            Positions of the rows to draw, counted from 0 among all rows, in place of their labels.
        vocabulary : sequence or dict of str, keras.Layer or callable, default=None
            The word of each id, a layer with a vocabulary such as ``TextVectorization``, or a function that turns a
            list of ids into words, such as a tokenizer's ``convert_ids_to_tokens``. None draws the ids.
        words : list of str, or list of list of str, default=None
            The words of the row, or of each of several rows. Words beyond the network's last token are counted, as
            words that it did not see. None reads the words from the ids and the vocabulary.
        padding : int, default=None
            Token id of padding. Padding at the ends of rows is counted and not drawn. None draws all ids.
        max_words : int, default=200
            Maximum number of words to draw of each text. The words left out are counted, with the sum of their
            contributions.
        target : int or str, default=None
            The target to draw; by default the predicted class of each row. Required if there are several outputs that
            are not classes. If rows have targets of their own, only rows of this target are drawn; all rows by default.
        %(part)s
        percentile : float, default=100
            %(percentile)s
        %(ax)s

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
        chosen = slice_explanation(explanation, owner, target=target, part=part, is_mixed=True)
        contributions, ids = chosen.contributions, None if chosen.values is None else np.asarray(chosen.values)
        if contributions.ndim == 3:
            contributions = contributions.sum(-1)
        if contributions.ndim != 2:
            raise ValueError(
                f"{owner} draws contributions of shape (n_rows, n_tokens[, n_dimensions]). Got {contributions.shape}."
            )
        positions = choose_rows(chosen.rows, rows, position, owner)
        if padding is not None:
            check_scalar(padding, "padding", Integral)
        if hasattr(vocabulary, "get_vocabulary"):
            vocabulary = vocabulary.get_vocabulary()
        if words is not None:
            is_one_text = all(isinstance(each, str) for each in words)
            texts = [list(each) for each in ([words] if is_one_text else words)]
            if len(texts) != len(positions):
                raise ValueError(f"words= holds the words of {len(texts)} rows, and {len(positions)} are drawn.")
        elif ids is None or ids.shape != contributions.shape:
            raise ValueError(f"The explanation holds no token for each contribution. Pass {owner}'s words=.")
        elif kind_of(ids.dtype) == "f" and (vocabulary is None or (ids != np.round(ids)).any()):
            raise ValueError(
                f"{owner} draws texts of tokens, whole numbers that a vocabulary= turns into words, and the rows are a "
                "table of floating-point numbers. Use BeeswarmDisplay or WaterfallDisplay for a table, or pass words=."
            )
        else:
            texts = [_read(ids[row], vocabulary) for row in positions]
        check_scalar(max_words, "max_words", Integral, min_val=1)
        drawn_words, drawn_contributions, notes = [], [], []
        for text, row in zip(texts, positions, strict=True):
            n_tokens = contributions.shape[1]
            if len(text) < n_tokens:
                raise ValueError(
                    f"Row {row} has {n_tokens} contributions, and {len(text)} words. Pass a word for each contribution."
                )
            places = np.arange(n_tokens) if padding is None or ids is None else _inside(ids[row] != padding)
            shown, cut = places[:max_words], places[max_words:]
            drawn_words.append([text[place] for place in shown])
            drawn_contributions.append(contributions[row][shown])
            padded = np.setdiff1d(np.arange(n_tokens), places)
            left_out = [("padding", padded), ("more words", cut)]
            remarks = [
                f"{len(each)} {name}{_sum_text(contributions[row][each])}" for name, each in left_out if len(each)
            ]
            if len(text) > n_tokens:
                remarks.append(f"{len(text) - n_tokens} words that the network did not see")
            notes.append(f"[{'; '.join(remarks)}]" if remarks else "")
        headings = [f"row {chosen.rows.name(row)}" for row in positions]
        if len(set(chosen.target_of_rows or ())) > 1:
            headings = [f"row {chosen.rows.name(row)}, {chosen.text_of_row(row).quantity}" for row in positions]
        names = headings if len(positions) > 1 else None
        text = chosen.text_of_row(positions[0]) if len(positions) == 1 else chosen.target
        display = cls(
            drawn_words, drawn_contributions, names=names, notes=notes, label=text.with_sides(text.contribution)
        )
        return display.plot(percentile=percentile, ax=ax)

    def plot(self, *, percentile: float = 100, fontsize: float = 12, ax: Axes | None = None) -> Self:
        """Draw the words in lines that are as wide as the axes.

        Parameters
        ----------
        percentile : float, default=100
            %(percentile)s
        fontsize : float, default=12
            Size of the letters in points.
        %(ax)s
            A new figure is as high as the texts.

        Returns
        -------
        display : TokenDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self._is_own = ax is None
        ax, colors = self._start(ax, 7, 2)
        texts = [np.asarray(each, np.float64) for each in self.contributions]
        self.limit_ = robust_limit(np.concatenate([*texts, np.zeros(1)]), percentile)
        scale = colors.signed_scale(self.limit_)
        ax.set_axis_off()
        bar = self._add_colorbar(scale, ax, label=self.label, location="bottom", shrink=0.5, aspect=30)
        bar.set_ticks(ticks := [-self.limit_, 0, self.limit_], labels=[format_number(each) for each in ticks])
        # The width left for lines of text is known only after the layout has placed the colour bar.
        self.figure_.draw_without_rendering()
        width = ax.get_window_extent().width * 72 / self.figure_.dpi
        placed, bottom = self._lay_out(width, make_ruler(self.figure_, fontsize), fontsize)
        if self._is_own:
            self.figure_.set_figheight(bottom / 72 + 0.9 + 0.2 * self.label.count("\n"))
        for word, contribution, x, y in placed:
            style = {"color": colors.muted, "fontsize": 0.8 * fontsize}
            if contribution is not None:
                color = scale.to_rgba(contribution)
                box = {"boxstyle": f"square,pad={GAP / 2}", "facecolor": color, "edgecolor": "none"}
                style = {"color": _ink_on(color), "fontsize": fontsize, "bbox": box}
            corner = {"xy": (0, 1), "xycoords": "axes fraction", "textcoords": "offset points", "va": "baseline"}
            ax.annotate(word, xytext=(x, -y), parse_math=False, **corner, **style)
        return self

    def to_html(self) -> str:
        """Return the texts as HTML, which wraps at the width of the page, after `plot`.

        Returns
        -------
        html : str
            One element, with all texts and the scale of colours. Words are escaped, and name their contributions when
            the pointer rests on them.
        """
        from matplotlib.colors import to_hex

        colors, parts = colors_on(self.ax_), []
        scale = colors.signed_scale(self.limit_)

        def element(text, contribution):
            """Return a word in the colour of its contribution."""
            color = scale.to_rgba(contribution)
            style = f"background:{to_hex(color)};color:{_ink_on(color)};padding:0.1em 0.25em;border-radius:0.2em"
            number = format_number(contribution, sign=True)
            return f'<span title="{number}" style="{style}">{escape(text)}</span>'

        for text, (words, contributions) in enumerate(zip(self.words, self.contributions, strict=True)):
            muted = f'<span style="color:{to_hex(colors.muted)};font-size:85%">{{}}</span>'
            heading = [] if self.names is None else [muted.format(escape(self.names[text])) + "<br/>"]
            note = [muted.format(escape(self.notes[text]))] if self.notes is not None and self.notes[text] else []
            spans = [element(*each) for each in zip(words, contributions, strict=True) if each[0]]
            parts.append(f"<p>{' '.join([*heading, *spans, *note])}</p>")
        ends = " ".join(element(format_number(end), end) for end in (-self.limit_, 0, self.limit_))
        style = f"background:{to_hex(colors.background)};color:{to_hex(colors.ink)};padding:0.5em 1em;line-height:1.8"
        legend = f"<p>{escape(self.label).replace(chr(10), '<br/>')}: {ends}</p>"
        return f'<div style="{style}">{"".join(parts)}{legend}</div>'

    def _repr_html_(self):
        """Return the texts for a notebook, which then does not show them again as a figure."""
        if not hasattr(self, "limit_"):
            return None
        import matplotlib as mpl

        # The inline backend shows and closes every open figure at the end of a cell.
        if self._is_own and "inline" in mpl.get_backend():
            mpl.pyplot.close(self.figure_)
        return self.to_html()

    def _lay_out(self, width, measure, size):
        """Place words in lines, and return their places and the lower end, in points from the upper left corner.

        A place is a tuple of the word, its contribution, and the distances to the right and downwards. Headings and
        remarks have no contribution.
        """
        gap, left = GAP * size, MARGIN * size
        placed, y = [], 0.0
        for text, (words, contributions) in enumerate(zip(self.words, self.contributions, strict=True)):
            y += PARAGRAPH * size if text else 0
            if self.names is not None:
                y += LINE * size
                placed.append((self.names[text], None, 0.0, y))
            x, y = left, y + LINE * size
            note = [] if self.notes is None else [(self.notes[text], None)]
            for word, contribution in [*zip(words, contributions, strict=True), *note]:
                length = measure(word) if word else 0.0
                if x > left and x + length + left > width:
                    x, y = left, y + LINE * size
                if word:
                    placed.append((word, contribution, x, y))
                    x += length + gap
        return placed, y + size


def _ink_on(color):
    """Return the colour of text that can be read on a colour."""
    return "black" if lightness(color) > 0.5 else "white"


def _sum_text(contributions):
    """Return the words for the sum of contributions that are left out, which are empty for a sum of zero."""
    total = contributions.sum(dtype=np.float64)
    return f", sum {format_number(total, sign=True)}" if total else ""


def _read(ids, vocabulary):
    """Return the words of ids."""
    if vocabulary is None:
        return [str(each) for each in ids]
    ids = [int(each) for each in ids]
    if callable(vocabulary):
        return [str(each) for each in vocabulary(ids)]
    words = []
    for each in ids:
        try:
            words.append(str(vocabulary[each]))
        except (IndexError, KeyError) as error:
            raise ValueError(
                f"vocabulary= has no word for the id {each}. Pass a list with the word of each id, or a dict from ids "
                "to words; a dict from words to ids is turned around by {id: word for word, id in vocabulary.items()}."
            ) from error
    return words


def _inside(is_word):
    """Return the positions from the first word to the last."""
    found = np.flatnonzero(is_word)
    return np.arange(found[0], found[-1] + 1) if len(found) else found
