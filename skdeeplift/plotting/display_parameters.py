"""Parameters and attributes that several displays or methods have, described once.

The docstring of a display, or of its method, takes an entry from here by a placeholder, a line with the name of the
entry:

    %(target)s

Sentences that hold for this display alone follow below the placeholder.

Parameters
----------
feature_names : array-like of str of shape (n_features,)
    Names of the features.
explanation : Explanation
    Contributions of the rows of a table.
row : object, default=None
    The label of the row to draw, as `to_frame` shows it: a label of the index if ``X`` was a DataFrame, otherwise a
    position. Required if there are several rows and no ``position``.
position : int, default=None
    The position of the row to draw, counted from 0 among all rows, in place of its label.
rows : object or list of object, default=None
    Labels of the rows to draw, as `to_frame` shows them: labels of the index if ``X`` was a DataFrame, otherwise
    positions. None draws those at ``position``, by default the first five.
target : int or str, default=None
    The target to draw, by its index or label. Required if there are several targets.
part : str or int, default=None
    The name, key or position of the input or layer to draw. Required if there are several inputs or layers.
max_features : int, default=10
    Maximum number of features to draw. The sum of the other features is drawn in place of them. None draws all
    features.
percentile : float, default=99.5
    Percentile of absolute contributions at which colours are full. Below 100, a few large contributions do not make all
    others pale.
sign : {"all", "positive", "negative", "absolute"}, default="all"
    Contributions to draw: all, those of one sign, or the sizes of all.
alpha : float, default=None
    Opacity of the largest contributions over the full image, between 0 and 1. None draws opaque contributions over a
    pale copy of the image.
smoothing : float, default=0
    Standard deviation, in pixels, of a Gaussian that smooths the picture. The contributions are unchanged.
scale : {"figure", "row", "panel"}, default="row"
    Pictures that share a scale of colours: all pictures, those of one image, or none.
order : {"clustering", "prediction", "sum", "given"} or array-like of int, default="clustering"
    Order of the rows from left to right: similar contributions next to each other, by prediction or by sum of
    contributions from the lowest to the highest, or as they are. An array holds the positions of the rows.
highlights : list of tuple or dict, default=()
    Ranges of positions to shade, as tuples ``(start, stop)`` that exclude ``stop``, or as a dict of names to such
    tuples or lists of them.
letter_colors : dict of str to color, default=None
    Colours that replace the usual colours of letters.
tolerance : float, default=1e-3
    Error at which a line is drawn; explainers warn of larger errors.
ax : matplotlib Axes, default=None
    Axes to draw on; those of a new figure by default.

Attributes
----------
limit_ : float
    Absolute contribution at which colours are full, after `plot`.
ax_ : matplotlib Axes
    Axes with the picture, after `plot`.
figure_ : matplotlib Figure
    Figure of the axes, after `plot`.
"""
