"""Series with an event in them."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdeeplift.compat import Interval, validate_params
from skdeeplift.datasets.placing import place


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
    """Simulate series whose class depends on the order of what happens in a known short part.

    The event is one period of a sine: first up and then down in class 1, first down and then up in class 0. Its mean is
    zero in both. Elsewhere is a distractor of the same length, half a period, up or down, which says nothing about the
    class. All else is noise.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_series : int, default=1000
        How many.
    length : int, default=60
        Of how many steps each.
    event_length : int, default=12
        How many steps the event takes, and the distractor; their amplitude is 1.
    noise : float, default=0.3
        Standard deviation of the normal noise that is added to each step.
    random_state : int, RandomState instance or None, default=None
        Where everything comes from.

    Returns
    -------
    dataset : Bunch
        With the attributes

        - ``data``, ndarray of float32 of shape (n_series, length, 1);
        - ``target``, ndarray of int of shape (n_series,);
        - ``planted``, ndarray of bool of shape (n_series, length), where the event is;
        - ``distractor``, ndarray of bool of shape (n_series, length), where the distractor is.

    Raises
    ------
    ValueError
        If event and distractor do not fit into a series.

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
            f"length={length} is too short for an event and a distractor of event_length={event_length} steps each."
        )
    generator = check_random_state(random_state)
    phase = (np.arange(event_length) + 0.5) / event_length
    data = noise * generator.normal(size=(n_series, length))
    target, up = generator.randint(2, size=(2, n_series))
    planted, distractor = np.zeros((2, n_series, length), bool)
    for row in range(n_series):
        starts = generator.permutation(place(length, [event_length, event_length], generator))
        for mask, start in zip((planted, distractor), starts, strict=True):
            mask[row, start : start + event_length] = True
        data[row, planted[row]] += (2 * target[row] - 1) * np.sin(2 * np.pi * phase)
        data[row, distractor[row]] += (2 * up[row] - 1) * np.sin(np.pi * phase)
    return Bunch(data=data[..., None].astype(np.float32), target=target, planted=planted, distractor=distractor)
