"""Page in HTML with tables and pictures of an explanation, in one file."""

import base64
import html
import io
from functools import partial
from pathlib import Path

import numpy as np

from skdeeplift.explanation.explanation_parts import (
    count_rows,
    find_kind,
    find_parts,
    has_row_targets,
    has_targets,
    target_labels,
)
from skdeeplift.plotting.display import check_matplotlib
from skdeeplift.plotting.plot_accessor import PlotAccessor
from skdeeplift.plotting.summary_table import MOST_ROWS, contribution_tables, row_name
from skdeeplift.plotting.target_text import describe_target
from skdeeplift.replacement import replace_together

# Largest number of targets, and of inputs or layers, with pictures of their own.
MOST_PICTURED = 4
STYLE = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60em; margin: 2em auto;
       padding: 0 1em }
table { border-collapse: collapse; font-size: 14px } caption { text-align: left; padding: 0.5em 0 }
td { padding: 0.1em 0.6em; text-align: right } tr { border-top: 1px solid #ddd }
figure { margin: 1.5em 0 } img { max-width: 100%; height: auto } figcaption { color: #555 }
"""


def write_page(path, explanation, title=None, of_tokens=None):
    """Write a page with tables and pictures of an explanation; see `Explanation.to_html`.

    Parameters
    ----------
    path : str or path
        The file. An existing file is replaced when the new one is complete.
    explanation : Explanation
        The explanation.
    title : str, default=None
        Title of the page; by default the number of rows.
    of_tokens : dict, default=None
        Parameters of the pictures of tokens.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    check_matplotlib("to_html")
    n_rows = count_rows(explanation)
    title = html.escape(f"Explanation of {n_rows} row{'' if n_rows == 1 else 's'}" if title is None else title)
    # The folder is checked before pictures are drawn.
    with replace_together(Path(path)) as [unfinished]:
        pictures = "\n".join(_figure(caption, display) for caption, display in draw_pictures(explanation, of_tokens))
        page = (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{contribution_tables(explanation)}\n{pictures}\n"
            "</body>\n</html>\n"
        )
        unfinished.write_text(page, encoding="utf-8")


def draw_pictures(explanation, of_tokens=None):
    """Yield the captions and displays of the pictures that suit the rows."""
    n_rows, plot = count_rows(explanation), PlotAccessor(explanation)
    kind_of_parts, parts = find_parts(explanation)
    if not n_rows:
        return
    for part in parts[:MOST_PICTURED]:
        kind, options = find_kind(part, explanation), {} if kind_of_parts is None else {"part": part.name}
        if kind == "array":
            continue
        about_part = "" if kind_of_parts is None else f"{kind_of_parts} {part.name}"
        for target, words in _targets(explanation):
            about, options = ", ".join(filter(None, [words, about_part])), {**options, "target": target}
            to = f" to {about or 'the output'}"
            has_own = has_row_targets(explanation) and target is not None
            places = np.flatnonzero(explanation.target == target) if has_own else np.arange(n_rows)
            if kind == "table" and len(places) > 1:
                yield f"mean absolute contributions{to}", plot.bar(**options)
                yield f"contributions of all rows{to}", plot.beeswarm(**options)
            if kind == "table" and explanation.get("reference_value") is None:
                continue
            if kind in ("table", "sequence"):
                if kind == "table":
                    # The tables show numbers that are not finite.
                    numbers = np.column_stack([part.contributions.reshape(n_rows, -1), explanation.prediction])
                    places = places[np.isfinite(numbers[places]).all(1)]
                for place in places[:MOST_ROWS]:
                    caption = ", ".join(filter(None, [row_name(explanation, place), about]))
                    method = plot.waterfall if kind == "table" else plot.logo
                    yield caption, method(position=int(place), **options)
            else:
                method = plot.image if kind == "image" else partial(plot.text, **(of_tokens or {}))
                yield f"contributions of the first rows{to}", method(position=places[:MOST_ROWS].tolist(), **options)


def _targets(explanation):
    """Return the targets to draw, with words that name them."""
    targets = [None]
    if has_targets(explanation):
        targets = target_labels(explanation)
    elif has_row_targets(explanation) and explanation.target.ndim == 1:
        targets = np.unique(explanation.target)
    return [(target, describe_target(explanation, target).quantity) for target in targets[:MOST_PICTURED]]


def _figure(caption, display):
    """Write a picture with its caption, and close it."""
    from matplotlib.pyplot import close

    caption = html.escape(caption[0].upper() + caption[1:])
    if hasattr(display, "to_html"):
        image = display.to_html()
    else:
        picture = io.BytesIO()
        display.figure_.savefig(picture, format="png", dpi=2 * display.figure_.dpi)
        data, width = (
            base64.b64encode(picture.getvalue()).decode(),
            display.figure_.get_figwidth() * display.figure_.dpi,
        )
        image = f'<img alt="{caption}" width="{width:.0f}" src="data:image/png;base64,{data}">'
    close(display.figure_)
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
