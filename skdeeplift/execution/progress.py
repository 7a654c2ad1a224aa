"""A progress bar for those who ask for one."""

from tqdm.auto import tqdm


def progress(total, verbose, description):
    """Return a progress bar over ``total`` rows, which shows nothing where ``verbose`` is zero."""
    return tqdm(total=total, desc=description, unit="row", disable=not verbose, leave=False)
