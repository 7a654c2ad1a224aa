"""Fits that leave an estimator as it was if they fail."""

from contextlib import contextmanager


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator back the attributes that it had before, if anything is raised.

    Parameters
    ----------
    estimator : estimator
        Whose attributes are set meanwhile, but not changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
