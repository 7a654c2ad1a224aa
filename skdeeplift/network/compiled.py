"""Functions of TensorFlow as the package makes them: free of effects, so that no order of their ops has to be found."""

import functools
import warnings
from contextvars import ContextVar

import tensorflow as tf

from skdeeplift.config import get_config
from skdeeplift.exceptions import JitCompileWarning

# Automatic control dependencies keep reads and writes of state in order, and take as long as creating the ops. The
# attribute's name is TensorFlow's own affair; where it goes, TensorFlow refuses it by an error.
_WITHOUT_ORDER = {"_disable_acd": True}
# Whether what is traced here is for XLA to compile.
_for_xla = ContextVar("skdeeplift_for_xla", default=False)


def compiled(function, *, attributes=None, jit_compile=None, **options):
    """Return a function of TensorFlow that is only read, or that reads state and never writes it.

    Parameters
    ----------
    function : callable
        Takes and returns structures of tensors.
    attributes : dict, default=None
        Attributes of the function, beside that one.
    jit_compile : bool, default=None
        Whether XLA compiles it; by default as `skdeeplift.config_context` says where it is called.
    **options
        As `tf.function` takes them.

    Returns
    -------
    function : tf.function, or Compiled
    """
    attributes = {**_WITHOUT_ORDER, **(attributes or {})}

    def make(jit_compile):
        """Each a function of its own, since TensorFlow does not trace anew for what it does not see."""
        options_of_all = dict(autograph=False, experimental_attributes=attributes, jit_compile=jit_compile, **options)
        return tf.function(function, **options_of_all)

    return Compiled(make) if jit_compile is None else make(jit_compile)


def may_use_xla():
    """Tell whether XLA may compile what is faster by it."""
    return get_config()["jit_compile"] is not False


def is_for_xla():
    """Tell whether what is traced here is for XLA to compile, as a whole pass through the network."""
    return _for_xla.get()


def refuse_xla(reason):
    """Trace nothing further for XLA, where it would not compile what TensorFlow runs.

    Raises
    ------
    ValueError
        If this is traced for XLA; it is run without then.
    """
    if _for_xla.get():
        raise ValueError(reason)


def fused(function):
    """Compile a function by XLA, unless it may not be used: for what would write all pairs to memory again and again.

    Parameters
    ----------
    function : callable
        Takes and returns structures of tensors.

    Returns
    -------
    function : callable
    """
    by_xla = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def fused_or_not(*args, **kwargs):
        return (by_xla if may_use_xla() else function)(*args, **kwargs)

    return fused_or_not


class Compiled:
    """A function of TensorFlow for each setting of ``jit_compile``, of which the one that holds is called.

    What is traced is kept by the shapes of arguments: TensorFlow takes longer to find it than to run a small chunk.

    Parameters
    ----------
    make : callable
        Takes the setting, and returns a `tf.function`.
    """

    def __init__(self, make):
        self._make, self._of_setting, self._is_for_xla = make, {None: make(None)}, True
        self._traced = {}

    def __call__(self, *args):
        """Call the function that is right where this is called."""
        setting = get_config()["jit_compile"]
        if setting is None or (setting and not self._is_for_xla):
            return self._call(None, args)
        if setting not in self._of_setting:
            self._of_setting.setdefault(setting, self._make(setting))
        if not setting:
            return self._call(setting, args)
        token = _for_xla.set(True)
        try:
            return self._call(setting, args)
        except tf.errors.ResourceExhaustedError:
            raise
        except (tf.errors.OpError, ValueError) as error:
            _for_xla.set(False)
            # An error that is not XLA's comes again here.
            result = self._call(None, args)
            self._is_for_xla = False
            warnings.warn(
                f"XLA can not compile a part of the explanation, which runs without it: {_shortened(error)}",
                JitCompileWarning,
                stacklevel=2,
            )
            return result
        finally:
            _for_xla.reset(token)

    def _call(self, setting, args):
        if not tf.executing_eagerly():
            return self._of_setting[setting](*args)
        # Dtypes, shapes and devices of all tensors, in lists and tuples whose lengths tell how they are nested. The
        # elements of each go to the end of the list, so that one loop finds them all.
        key, pending = [setting], list(args)
        for each in pending:
            if each is None:
                key.append(None)
            elif isinstance(each, (list, tuple)):
                key.append(len(each))
                pending += each
            else:
                key += each.dtype, each.shape, each.device
        key = tuple(key)
        if key not in self._traced:
            self._traced.setdefault(key, self._of_setting[setting].get_concrete_function(*args))
        return self._traced[key](*args)

    def get_concrete_function(self, *args):
        """Trace the function, or return what was traced; XLA compiles it only where it is part of another."""
        return self._of_setting[None].get_concrete_function(*args)


def _shortened(error):
    first = str(error).strip().split("\n", 1)[0]
    return first if len(first) <= 300 else f"{first[:300]}..."
