"""Simulated series with an event."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdeeplift.compat import Interval, validate_params
from skdeeplift.datasets.motifs import draw_starts


@validate_params(
    {
        "n_series": [Interval(Integral, 1, None, closed="left")],
        "length": [Interval(Integral, 1, None, closed="left")],
        "event_length": [Interval(Integral, 4, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_event_series(n_series=1000, *, length=60, event_length=12, noise=0.3, random_state=None):
    """Simulate series whose class depends on the direction of an event at known steps.

    The event is one period of a sine: first up and then down in class 1, first down and then up in class 0. Its mean is
    zero in both classes. A distractor elsewhere has the same length. It is half a period of a sine, up or down, and
    does not depend on the class. All other steps are noise.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_series : int, default=1000
        Number of series.
    length : int, default=60
        Number of steps of each series.
    event_length : int, default=12
        Number of steps of the event, and of the distractor. Both have an amplitude of 1.
    noise : float, default=0.3
        Standard deviation of the normal noise that is added to each step.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers. Pass an int to get the same data set in every call.

    Returns
    -------
    dataset : Bunch
        Object with the attributes

        - ``data``, ndarray of float32 of shape (n_series, length, 1): series;
        - ``target``, ndarray of int of shape (n_series,): class of each series, 0 or 1;
        - ``planted``, ndarray of bool of shape (n_series, length): True at the steps of the event;
        - ``distractor``, ndarray of bool of shape (n_series, length): True at the steps of the distractor.

    Raises
    ------
    ValueError
        If the event and the distractor do not fit into a series.

    Examples
    --------
    >>> from skdeeplift.datasets import make_event_series
    >>> dataset = make_event_series(1, length=10, event_length=4, noise=0, random_state=3)
    >>> dataset.data[0, :, 0].round(2).tolist()
    [-0.38, -0.92, -0.92, -0.38, -0.0, -0.0, -0.71, -0.71, 0.71, 0.71]
    >>> dataset.target, dataset.planted[0].nonzero()[0]
    (array([0]), array([6, 7, 8, 9]))
    """
    if 2 * event_length > length:
        raise ValueError(
            f"length={length} is too short for an event and a distractor of event_length={event_length} steps each. "
            "Pass a larger length=, or a smaller event_length=."
        )
    generator = check_random_state(random_state)
    phase = (np.arange(event_length) + 0.5) / event_length
    data = noise * generator.normal(size=(n_series, length))
    target, up = generator.randint(2, size=(2, n_series))
    planted, distractor = np.zeros((2, n_series, length), bool)
    for row in range(n_series):
        starts = generator.permutation(draw_starts(length, [event_length, event_length], generator))
        for mask, start in zip((planted, distractor), starts, strict=True):
            mask[row, start : start + event_length] = True
        data[row, planted[row]] += (2 * target[row] - 1) * np.sin(2 * np.pi * phase)
        data[row, distractor[row]] += (2 * up[row] - 1) * np.sin(np.pi * phase)
    return Bunch(data=data[..., None].astype(np.float32), target=target, planted=planted, distractor=distractor)
