"""Tables in HTML that summarise an explanation: its largest contributions, with bars."""

import html
from typing import NamedTuple

import numpy as np

from skdeeplift.explanation.explanation_parts import (
    count_rows,
    find_kind,
    find_letters_axis,
    find_parts,
    has_row_targets,
    has_targets,
    target_labels,
)
from skdeeplift.number_text import format_number, format_value
from skdeeplift.plotting.rows_and_columns import name_others, rank_features
from skdeeplift.plotting.target_text import describe_target

# Largest number of rows with a table each; more rows share a table of mean absolute contributions.
MOST_ROWS = 3
MOST_TABLES = 4
MOST_FEATURES = 10
# Contributions that a mean is taken over, so that a notebook shows a large explanation at once.
MOST_ELEMENTS = 5_000_000
WIDTH = 120
# Both colours stand out from white and from black.
POSITIVE, NEGATIVE = "#d6604d", "#4393c3"
NUCLEOTIDES = "ACGT"
FACTS = ("prediction", "prediction"), ("at the reference", "reference_value")


def summary_table(explanation):
    """Summarise an explanation in HTML, for light and dark pages.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.

    Returns
    -------
    text : str
        For up to three rows, a table of the largest contributions of each row. For more rows, a table of the largest
        mean absolute contributions. Up to four targets have tables. All names are escaped.
    """
    head = f"<p><b>Explanation of {_count(count_rows(explanation), 'row')}</b></p>"
    return head + contribution_tables(explanation)


def contribution_tables(explanation):
    """Write the tables of `summary_table` without a heading; nothing if there are no rows."""
    n_rows, of_all = count_rows(explanation), has_targets(explanation)
    if not n_rows or explanation.get("contributions") is None:
        return ""
    targets = range(np.shape(explanation.prediction)[1] if of_all else 1)
    if n_rows <= MOST_ROWS:
        features = _features(explanation, n_rows)
        places = [(row, target) for row in range(n_rows) for target in targets]
        tables = [_row_table(explanation, features, *place) for place in places[:MOST_TABLES]]
    else:
        elements = sum(part.contributions[:1].size for part in find_parts(explanation)[1])
        n_read = min(n_rows, max(1, MOST_ELEMENTS // max(1, elements)))
        features, asked = _features(explanation, n_read), explanation.get("target")
        places = [(slice(None), target) for target in targets]
        if has_row_targets(explanation) and asked.ndim == 1:
            # Contributions to different targets have no common mean.
            places = [(np.flatnonzero(asked[:n_read] == each), 0) for each in np.unique(asked[:n_read])]
        tables = [_mean_table(explanation, features, *place, n_read) for place in places[:MOST_TABLES]]
    left_out = len(places) - len(tables)
    more = f"<p>{_count(left_out, 'more table')} not shown</p>" if left_out else ""
    return f'<div style="display:flex;flex-wrap:wrap;gap:0 2em;align-items:flex-start">{"".join(tables)}</div>{more}'


def row_name(explanation, row):
    """Return the words that name a row by its label, or by its position."""
    index = explanation.get("index")
    return f"row {row if index is None else index[row]}"


def describe_row_target(explanation, target=0, row=None):
    """Return the words for one of several targets, or for the target of a row."""
    if has_targets(explanation):
        choice = target_labels(explanation)[target]
    else:
        asked = explanation.get("target")
        choice = asked[row] if row is not None and has_row_targets(explanation) and asked.ndim == 1 else None
    return describe_target(explanation, choice).quantity or "output"


class _Features(NamedTuple):
    """Columns, positions or pixels of one input or layer, with one contribution for each."""

    # Names of a table's columns; None if places have no names.
    names: list | None
    # Noun for a place, such as "pixel", after the name of the input or layer.
    noun: str
    # Axes of places, without those of rows and targets.
    shape: tuple
    # Of shape (n_rows, n_places), or with an axis of targets.
    contributions: np.ndarray
    # Of shape (n_rows, n_places). None if values are unknown, or a place has several.
    values: np.ndarray | None

    def name(self, place):
        """Return the name of a place."""
        if self.names is not None:
            return f"{self.noun}{self.names[place]}"
        return f"{self.noun} {', '.join(map(str, np.unravel_index(place, self.shape)))}"

    def value(self, place, row):
        """Return the text of a place's value in a row, or no text."""
        if self.values is None or row is None:
            return ""
        return format_value(self.values[row, place])


def _features(explanation, n_rows):
    """Return the features of each input or layer, with the contributions of the first rows."""
    kind, parts = find_parts(explanation)
    return [_fold(part, explanation, n_rows, "" if kind is None else f"{part.name}: ") for part in parts]


def _fold(part, explanation, n_rows, prefix):
    """Sum contributions over letters, channels and units of an embedding, so that each place has one."""
    kind, of_all = find_kind(part, explanation), has_targets(explanation)
    contributions, values = np.asarray(part.contributions[:n_rows], np.float64), part.values
    values, n_axes = None if values is None else values[:n_rows], contributions.ndim - of_all
    if kind == "sequence":
        axis = find_letters_axis(part, explanation) + 1
        contributions, letters = contributions.sum(axis), np.moveaxis(values, axis, -1)
        n_letters = letters.shape[-1]
        names = np.array(
            list(NUCLEOTIDES) if n_letters == len(NUCLEOTIDES) else [str(each) for each in range(n_letters)]
        )
        values = np.where(letters.max(-1) > 0, names[letters.argmax(-1)], "")
    elif (kind == "tokens" and n_axes == 3) or (kind == "image" and n_axes == 4):
        contributions, values = contributions.sum(n_axes - 1), None
    shape = contributions.shape[1 : -1 if of_all else None]
    flat = contributions.reshape(n_rows, -1, *contributions.shape[-1:] * of_all)
    values = None if values is None else values.reshape(n_rows, -1)
    names, known = None, explanation.get("feature_names")
    if kind == "table":
        names = (
            known if known is not None and len(known) == shape[0] else [f"feature {each}" for each in range(shape[0])]
        )
    noun = {"table": "", "image": "pixel", "array": "element"}.get(kind, "position")
    if kind == "image" and n_axes == 3:
        # Gray images or series.
        noun = "position"
    return _Features(names, prefix + noun, shape, flat, values)


def _row_table(explanation, features, row, target):
    """Write the table of one row and target."""
    title = f"{row_name(explanation, row)}, {describe_row_target(explanation, target, row)}"
    facts, place = [], (row, target) if has_targets(explanation) else row
    for label, field in FACTS:
        if explanation.get(field) is not None:
            facts.append(f"{label} {format_number(explanation[field][place])}")
    others = explanation.get("other_contributions")
    left_out = [] if others is None else [("columns left out", "", others[place])]
    return _table(title, facts, features, [_of_target(each, target)[row] for each in features], row, left_out)


def _mean_table(explanation, features, rows, target, n_read):
    """Write the table of mean absolute contributions of some of the first rows to one target."""
    places = np.arange(n_read)[rows]
    if len(places) == 1:
        return _row_table(explanation, features, places[0], target)
    which = "the first " if n_read < count_rows(explanation) else ""
    facts = [f"mean absolute contribution over {which}{len(places)} rows"]
    for label, field in FACTS:
        if explanation.get(field) is not None:
            numbers = np.asarray(explanation[field])[places]
            facts.append(f"mean {label} {format_number((numbers[:, target] if numbers.ndim == 2 else numbers).mean())}")
    sizes = [np.abs(_of_target(each, target)[places]).mean(0) for each in features]
    return _table(describe_row_target(explanation, target, places[0]), facts, features, sizes)


def _of_target(features, target):
    """Return the contributions to one target."""
    return features.contributions[..., target] if features.contributions.ndim == 3 else features.contributions


def _table(title, facts, features, numbers, row=None, left_out=()):
    """Write a table of the largest numbers of all inputs or layers, signed if they are those of a row."""
    offsets, numbers = np.cumsum([0, *map(len, numbers)]), np.concatenate(numbers)
    shown, others = rank_features(np.abs(np.nan_to_num(numbers)), MOST_FEATURES)
    lines = []
    for place in shown:
        position = int(np.searchsorted(offsets, place, "right")) - 1
        one, inside = features[position], place - offsets[position]
        lines.append((one.name(inside), one.value(inside, row), numbers[place]))
    limit = max((abs(number) for _, _, number in lines if np.isfinite(number)), default=0) or 1.0
    # Sums of many features are numbers alone, because their bars would make all others short.
    sums = [(name, "", numbers[others].sum()) for name in name_others(others)] + list(left_out)
    body = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td><td>{html.escape(value)}</td>"
        f"<td>{format_number(number, sign=row is not None)}</td><td>{bar}</td></tr>"
        for (name, value, number), bar in [
            *((line, _bar(line[2], limit, row is not None)) for line in lines),
            *((line, "") for line in sums),
        ]
    )
    facts = html.escape(", ".join(facts))
    return f"<table><caption><b>{html.escape(title)}</b><br>{facts}</caption><tbody>{body}</tbody></table>"


def _bar(number, limit, is_signed):
    """Draw a bar of HTML, which goes left from the middle for a negative number if there may be any."""
    if not np.isfinite(number):
        return ""
    scale = WIDTH / 2 if is_signed else WIDTH
    length = scale * abs(number) / limit
    start = (scale if number >= 0 else scale - length) if is_signed else 0
    color = POSITIVE if number >= 0 or not is_signed else NEGATIVE
    style = f"margin-left:{start:.0f}px;width:{length:.0f}px;height:0.8em;background:{color}"
    return f"<div style='width:{WIDTH}px'><div style='{style}'></div></div>"


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"
