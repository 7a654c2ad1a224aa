"""Compiled TensorFlow functions without side effects, so that their ops need no order of execution."""

import functools
from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

from skdeeplift.config import config_context, get_config
from skdeeplift.exceptions import JitCompileWarning
from skdeeplift.network import devices
from skdeeplift.network.compat import WITHOUT_ORDER, call_traced, optimization
from skdeeplift.network.function_ops import launch_by_xla
from skdeeplift.network.late_compilation import (
    FirstRun,
    call_early_or_late,
    choose_early_or_late,
    is_compiled_late,
    traced_with,
)
from skdeeplift.warn import warn

# Whether the current trace is for compilation by XLA.
_for_xla = ContextVar("skdeeplift_for_xla", default=False)
# Whether functions are hardly called again.
_runs_once = ContextVar("skdeeplift_runs_once", default=False)


def compiled(function, *, attributes=None, jit_compile=None, **options):
    """Compile a function that never writes state.

    Parameters
    ----------
    function : callable
        Function of structures of tensors that returns a structure of tensors.
    attributes : dict, default=None
        Further attributes of the TensorFlow function.
    jit_compile : bool, default=None
        Whether XLA compiles the function. By default the setting of `skdeeplift.config_context` at each call.
    **options
        Further options of `tf.function`.

    Returns
    -------
    function : tf.function, or Compiled
    """
    attributes = {**WITHOUT_ORDER, **(attributes or {})}
    # Make one function for each setting, because TensorFlow does not retrace if only the setting changes.
    make = functools.partial(tf.function, function, autograph=False, experimental_attributes=attributes, **options)
    return Compiled(make) if jit_compile is None else make(jit_compile=jit_compile)


@contextmanager
def run_once():
    """Run functions without optimising their graphs, which takes longer than it saves in a run of few rows."""
    token = _runs_once.set(True)
    try:
        yield
    finally:
        _runs_once.reset(token)


def may_use_xla():
    """Test whether XLA may compile functions that it makes faster."""
    return get_config()["jit_compile"] is not False and devices.choices().has_xla


def is_for_xla():
    """Test whether a whole pass through the network is being traced for XLA."""
    return _for_xla.get()


def refuse_xla(reason):
    """Raise an error while tracing for XLA, if XLA cannot compile the function.

    Raises
    ------
    ValueError
        If the function is being traced for XLA. `Compiled` then runs the function without XLA.
    """
    if _for_xla.get():
        raise ValueError(reason)


def fused(function, count_elements=None, is_shared=False):
    """Compile a function with XLA if XLA may be used, so that its ops do not each write all pairs to memory.

    Parameters
    ----------
    function : callable
        Function of structures of tensors that returns a structure of tensors.
    count_elements : callable, default=None
        Function of the same arguments that returns the number of elements of the result, or 0 if compilation never pays
        off. By default compilation pays off at once.
    is_shared : bool, default=False
        Whether one function serves the graphs of many networks and targets. Such a function must not capture tensors,
        and is not differentiated.

    Returns
    -------
    function : callable
    """

    @functools.wraps(function)
    def apart(*args, **kwargs):
        # The first run of one calling function tells nothing about those of others.
        with traced_with(None):
            return function(*args, **kwargs)

    by_xla = tf.function(apart, jit_compile=True, autograph=False)

    def launch(*args, **kwargs):
        return launch_by_xla(by_xla.get_concrete_function(*args, **kwargs), _tensors_of(args, kwargs))

    early, late = (tf.function(each, autograph=False) for each in (apart, launch))

    @functools.wraps(function)
    def fused_or_not(*args, **kwargs):
        elements = None if count_elements is None else count_elements(*args)
        if not may_use_xla() or elements == 0:
            return function(*args, **kwargs)
        if tf.executing_eagerly() or is_for_xla():
            return by_xla(*args, **kwargs)
        if elements is None or not is_compiled_late(elements):
            return (launch if is_shared else by_xla)(*args, **kwargs)
        if not is_shared:
            return choose_early_or_late(lambda: function(*args, **kwargs), lambda: by_xla(*args, **kwargs))
        both = [each.get_concrete_function(*args, **kwargs) for each in (early, late)]
        return call_early_or_late(*both, _tensors_of(args, kwargs))

    return fused_or_not


def _tensors_of(args, kwargs):
    return [each for each in tf.nest.flatten([*args, *kwargs.values()]) if tf.is_tensor(each)]


class Compiled:
    """TensorFlow functions for each setting of ``jit_compile``. A call uses the current setting.

    Traced functions are cached by the shapes of their arguments, because a look-up in TensorFlow's own cache takes
    longer than the run of a small chunk.

    Parameters
    ----------
    make : callable
        Function of the setting, as ``jit_compile``, that returns a `tf.function`.
    """

    def __init__(self, make):
        self._make, self._of_setting, self._is_for_xla = make, {None: make(jit_compile=None)}, True
        self._traced = {}

    def __call__(self, *args):
        """Call the function of the current setting."""
        setting = get_config()["jit_compile"]
        if setting is None:
            return self._call(None, args)
        if setting and not self._is_for_xla:
            return self._call_without_xla(args)
        if setting not in self._of_setting:
            self._of_setting.setdefault(setting, self._make(jit_compile=setting))
        if not setting:
            return self._call(setting, args)
        token = _for_xla.set(True)
        try:
            return self._call(setting, args)
        except tf.errors.ResourceExhaustedError:
            raise
        except (tf.errors.OpError, ValueError) as error:
            _for_xla.set(False)
            # Run again without XLA; an error with another cause is raised again here.
            result = self._call_without_xla(args)
            self._is_for_xla = False
            warn(
                f"XLA cannot compile a part of the explanation, which runs without it: {_shortened(error)}",
                JitCompileWarning,
            )
            return result
        finally:
            _for_xla.reset(token)

    def _call_without_xla(self, args):
        """Call the function, and the compiled functions that it calls, as if XLA had not been asked for."""
        with config_context(jit_compile=None):
            return self._call(None, args)

    def _call(self, setting, args):
        """Call the function of a setting, traced for the arguments."""
        if not tf.executing_eagerly():
            with traced_with(None):
                return self._of_setting[setting](*args)
        key, tensors = [setting], []
        _flatten(args, key, tensors)
        key = tuple(key)
        if key not in self._traced:
            first_run = FirstRun()
            with optimization(1), traced_with(None if setting else first_run):
                self._traced.setdefault(key, (self._of_setting[setting].get_concrete_function(*args), first_run))
        function, first_run = self._traced[key]
        rounds = 0 if _runs_once.get() else 1
        if all(map(tf.is_tensor, tensors)):
            result = call_traced(function, tensors, rounds)
        else:
            with optimization(rounds):
                result = function(*args)
        first_run.end()
        return result

    def get_concrete_function(self, *args):
        """Return the traced function. XLA compiles it only as part of another function."""
        with optimization(1), traced_with(None):
            return self._of_setting[None].get_concrete_function(*args)


def _flatten(arguments, key, tensors):
    """Append the tensors of nested lists and tuples, and a key of their dtypes, shapes, devices and nesting."""
    for each in arguments:
        if each is None:
            key.append(None)
        elif isinstance(each, (list, tuple)):
            key.append(len(each))
            _flatten(each, key, tensors)
        else:
            key += each.dtype, each.shape, each.device
            tensors.append(each)


def _shortened(error):
    first = str(error).strip().split("\n", 1)[0]
    return first if len(first) <= 300 else f"{first[:300]}..."
