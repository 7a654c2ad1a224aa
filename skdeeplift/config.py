"""Settings of the process or of a block of code: the memory limit, and compilation by XLA."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from types import MappingProxyType
from typing import Any

from skdeeplift.compat import Interval, validate_parameter_constraints

__all__ = ["config_context", "get_config", "set_config"]


class _Unchanged:
    """Default of settings that a call does not change; None cannot be this default, because it is a valid setting."""

    def __repr__(self):
        return "<unchanged>"


_UNCHANGED = _Unchanged()
_CONSTRAINTS = {
    "memory_limit": [Interval(Real, 1, None, closed="left"), None],
    "jit_compile": ["boolean", None],
}
_process_settings = {"memory_limit": None, "jit_compile": None}
# Settings of the enclosing `config_context` blocks. A new thread starts without such settings.
_context_settings = ContextVar("skdeeplift_config", default=MappingProxyType({}))


def get_config() -> dict[str, Any]:
    """Return the current settings.

    Returns
    -------
    config : dict
        Copy of the settings, with the keys ``"memory_limit"`` and ``"jit_compile"``.

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
    return {**_process_settings, **_context_settings.get()}


def set_config(*, memory_limit: float | None = _UNCHANGED, jit_compile: bool | None = _UNCHANGED) -> None:
    """Change settings of the process, for all threads.

    Omitted settings do not change.

    Parameters
    ----------
    memory_limit : float or None
        Maximum memory of a call in bytes, without rows and results. See `config_context`.
    jit_compile : bool or None
        True to compile networks with XLA. See `config_context`.

    See Also
    --------
    config_context : Change settings for a block of code.
    get_config : Return the current settings.

    Examples
    --------
    >>> import skdeeplift
    >>> skdeeplift.set_config(memory_limit=2**30)
    >>> skdeeplift.get_config()["memory_limit"]
    1073741824
    >>> skdeeplift.set_config(memory_limit=None)
    """
    _process_settings.update(_validate_settings("set_config", memory_limit, jit_compile))


@contextmanager
def config_context(*, memory_limit: float | None = _UNCHANGED, jit_compile: bool | None = _UNCHANGED) -> Iterator[None]:
    """Change settings for a block of code, in the current thread.

    Omitted settings do not change. Threads that the block starts use the settings of the process.

    Parameters
    ----------
    memory_limit : float or None
        Maximum memory of a call in bytes, without rows and results. Only used with ``batch_size="auto"``. The initial
        setting None means half of the free memory of the machine or its container, or of TensorFlow's allocator on a
        GPU.
    jit_compile : bool or None
        Compilation by XLA. The initial setting None compiles only some sums and products over pairs of rows and
        references, most of them in the second call. False compiles only functions that need XLA. True compiles whole
        passes through the network. Dense networks and networks with attention may become faster with True if they are
        explained many times. Other networks may become slower, and first calls take longer. Functions that XLA cannot
        compile, such as DeepLIFT through recurrent layers, run without XLA and emit a `JitCompileWarning`.

    Yields
    ------
    None

    See Also
    --------
    get_config : Return the current settings.
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
    token = _context_settings.set(
        {**_context_settings.get(), **_validate_settings("config_context", memory_limit, jit_compile)}
    )
    try:
        yield
    finally:
        _context_settings.reset(token)


def _validate_settings(caller, memory_limit, jit_compile):
    """Return the settings to change, or raise an error in the caller's name if a setting is invalid."""
    settings = {"memory_limit": memory_limit, "jit_compile": jit_compile}
    settings = {name: value for name, value in settings.items() if value is not _UNCHANGED}
    validate_parameter_constraints(_CONSTRAINTS, settings, caller)
    return settings
