"""Parameters that several metrics have, described once.

The docstring of a metric takes an entry from here by a placeholder, a line with the name of the entry:

    %(target)s

Sentences that hold for this metric alone follow below the placeholder.

Parameters
----------
explainer : BaseExplainer
    A fitted explainer.
X : array-like of shape (n_rows, *features), or list or dict of array-like
    Rows as the network takes them.
fill : str, Reference, callable, array-like or References, default="reference"
    Values that replace erased features. ``"reference"`` takes the explainer's own references. Any other value that an
    explainer takes as ``reference`` works too, such as ``"zeros"``, ``"blur"``, or ``"mean"``, which is learned from
    ``X``. With several references, the target is averaged over the references. To compare explainers, pass the same
    values to all of them.
n_steps : int, default=20
    Number of steps in which features are erased or inserted; at most the number of features.
absolute : bool, default=False
    Whether features are ordered by absolute contributions.
axes : int, tuple of int, list or dict, default=None
    Axes along which each position is one feature, whose contribution is the sum over its elements. Axis 0 is the axis
    of rows, so ``(1, 2)`` makes each pixel of an image a feature, with all its channels, and ``1`` each position of a
    one-hot sequence. By default each element is a feature. With several inputs, pass a list or dict with one entry for
    each input.
explanation : Explanation, array-like of shape (n_rows, *features), or list or dict of array-like, default=None
    Explanation of ``X`` to measure, or contributions from another source to the target of ``explainer``. By default
    ``explainer`` computes the explanation.
target : str, int, tuple, dict, array-like or callable, default=None
    Target to measure, in any form that an explainer takes as ``target``. By default it is the explainer's own. A
    predicted class stays the class that the network predicts for the unchanged row.
random_state : int, RandomState instance or None, default=0
    Source of random numbers. By default they are the same in each call, so that explainers are comparable.
per_row : bool, default=False
    Whether to return one number for each row instead of their mean.
"""
