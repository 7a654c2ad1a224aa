"""Attributes of estimators: restored after an error, and replaced in shallow copies."""

from contextlib import contextmanager


@contextmanager
def restore_on_error(estimator):
    """Give an estimator back the attributes that it had before, if anything is raised.

    Parameters
    ----------
    estimator : estimator
        Its attributes may be set meanwhile, but not changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def with_attributes(value, **attributes):
    """Return a shallow copy with other attributes, whatever the class does when it is copied."""
    copied = object.__new__(type(value))
    vars(copied).update(vars(value), **attributes)
    return copied
