"""Compiled TensorFlow functions without side effects, so that their ops need no order of execution."""

import functools
from contextvars import ContextVar

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList

from skdeeplift.config import config_context, get_config
from skdeeplift.exceptions import JitCompileWarning
from skdeeplift.network import devices
from skdeeplift.network.compat import WITHOUT_ORDER, call_traced
from skdeeplift.warn import warn

# Whether the current trace is for compilation by XLA.
_for_xla = ContextVar("skdeeplift_for_xla", default=False)


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


def fused(function, pays_off=None, is_shared=False):
    """Compile a function with XLA if XLA may be used, so that its ops do not each write all pairs to memory.

    Parameters
    ----------
    function : callable
        Function of structures of tensors that returns a structure of tensors.
    pays_off : callable, default=None
        Function of the same arguments that returns whether compilation for them pays off. By default always.
    is_shared : bool, default=False
        Whether one function serves the graphs of many networks and targets. Such a function must not capture tensors,
        and is not differentiated.

    Returns
    -------
    function : callable
    """
    by_xla = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def fused_or_not(*args, **kwargs):
        if not may_use_xla() or (pays_off is not None and not pays_off(*args)):
            return function(*args, **kwargs)
        if is_shared and not (tf.executing_eagerly() or is_for_xla()):
            return _launch(by_xla.get_concrete_function(*args, **kwargs), [*args, *kwargs.values()])
        return by_xla(*args, **kwargs)

    return fused_or_not


def _launch(function, arguments):
    """Add an op that runs a function compiled by XLA.

    An ordinary call of the function would leak memory. TensorFlow copies the body of a called function for each calling
    graph, and does not free the copy with the graph: half a megabyte for each new target function.
    """
    graph, inputs = (
        tf.compat.v1.get_default_graph(),
        [each for each in tf.nest.flatten(arguments) if tf.is_tensor(each)],
    )
    function.add_to_graph(graph)
    attributes = {
        "function": AttrValue(func=NameAttrList(name=tf.compat.as_str(function.name))),
        "Nresources": AttrValue(i=0),
        "Tconstants": _type_list([]),
        "Targs": _type_list(inputs),
        "Tresults": _type_list(function.outputs),
    }
    dtypes = [output.dtype for output in function.outputs]
    results = graph.create_op("XlaLaunch", inputs, dtypes, attrs=attributes).outputs
    for result, output in zip(results, function.outputs, strict=True):
        result.set_shape(output.shape)
    return tf.nest.pack_sequence_as(function.structured_outputs, results)


def _type_list(tensors):
    return AttrValue(list=AttrValue.ListValue(type=[tensor.dtype.as_datatype_enum for tensor in tensors]))


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
            return self._of_setting[setting](*args)
        key, tensors = [setting], []
        _flatten(args, key, tensors)
        key = tuple(key)
        if key not in self._traced:
            self._traced.setdefault(key, self._of_setting[setting].get_concrete_function(*args))
        if not all(map(tf.is_tensor, tensors)):
            return self._traced[key](*args)
        return call_traced(self._traced[key], tensors)

    def get_concrete_function(self, *args):
        """Return the traced function. XLA compiles it only as part of another function."""
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
