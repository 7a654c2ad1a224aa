"""Settings of the whole process, or of a block of code: how much memory, and whether XLA compiles."""

from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from types import MappingProxyType

from skdeeplift.compat import Interval, validate_parameter_constraints

__all__ = ["config_context", "get_config", "set_config"]


class _Unchanged:
    """Stands for a setting that is left as it is, where None is a value."""

    def __repr__(self):
        return "<unchanged>"


_UNCHANGED = _Unchanged()
_CONSTRAINTS = {
    "memory_limit": [Interval(Real, 1, None, closed="left"), None],
    "jit_compile": ["boolean", None],
}
_of_process = {"memory_limit": None, "jit_compile": None}
# What the blocks around a line set in its thread; a new thread begins with none.
_of_context = ContextVar("skdeeplift_config", default=MappingProxyType({}))


def get_config():
    """Return the settings that hold here.

    Returns
    -------
    config : dict
        A copy, with the keys ``"memory_limit"`` and ``"jit_compile"``.

    See Also
    --------
    config_context : Change settings for a block of code.
    set_config : Change settings of the process.

    Examples
    --------
    >>> import skdeeplift
    >>> skdeeplift.get_config()
    {'memory_limit': None, 'jit_compile': None}
    """
    return {**_of_process, **_of_context.get()}


def set_config(*, memory_limit=_UNCHANGED, jit_compile=_UNCHANGED):
    """Change settings of the process, for all threads.

    Parameters
    ----------
    memory_limit : float or None
        Bytes that explaining may take at the most, beside rows and results; see `config_context`.
    jit_compile : bool or None
        Whether XLA compiles networks; see `config_context`.

    See Also
    --------
    config_context : Change settings for a block of code.
    get_config : The settings that hold here.

    Examples
    --------
    >>> import skdeeplift
    >>> skdeeplift.set_config(memory_limit=2**30)
    >>> skdeeplift.get_config()["memory_limit"]
    1073741824
    >>> skdeeplift.set_config(memory_limit=None)
    """
    _of_process.update(_changed("set_config", memory_limit, jit_compile))


@contextmanager
def config_context(*, memory_limit=_UNCHANGED, jit_compile=_UNCHANGED):
    """Change settings for a block of code, in its thread.

    Threads that the block starts have the settings of the process. Settings that are not passed are left as they are.

    Parameters
    ----------
    memory_limit : float or None
        Bytes that explaining may take at the most, beside rows and results, where ``batch_size="auto"``. By default,
        and with None, half of what is free: of the machine's memory, of a container's, or of what TensorFlow's
        allocator has on a GPU.
    jit_compile : bool or None
        Whether XLA compiles networks. With True it compiles whole passes through the network: dense networks and those
        with attention, that are explained many times, may become faster, others slower, and each first call takes
        longer. What XLA can not compile, such as DeepLIFT through recurrent layers, is run as without, with a
        `JitCompileWarning`. With None, the default, XLA only compiles some sums and products over pairs, and with False
        nothing that does not need it.

    Yields
    ------
    None

    See Also
    --------
    get_config : The settings that hold here.
    set_config : Change settings of the process.

    Examples
    --------
    >>> import skdeeplift
    >>> with skdeeplift.config_context(memory_limit=2**30):
    ...     skdeeplift.get_config()["memory_limit"]
    1073741824
    >>> print(skdeeplift.get_config()["memory_limit"])
    None
    """
    token = _of_context.set({**_of_context.get(), **_changed("config_context", memory_limit, jit_compile)})
    try:
        yield
    finally:
        _of_context.reset(token)


def _changed(caller, memory_limit, jit_compile):
    given = {"memory_limit": memory_limit, "jit_compile": jit_compile}
    given = {name: value for name, value in given.items() if value is not _UNCHANGED}
    validate_parameter_constraints(_CONSTRAINTS, given, caller)
    return given
