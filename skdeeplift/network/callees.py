"""Callees: objects that call the user's network, a Keras model, a TensorFlow function or a SavedModel."""

import inspect
import os
from contextlib import contextmanager

import tensorflow as tf

from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.compat import flatten_layers
from skdeeplift.network.ops import SESSION_VARIABLE, facts_of


class NeverBuiltError(ValueError):
    """Error for a network that has no weights yet."""

    def __init__(self, message=None, build="a call such as model(X[:1])"):
        super().__init__(
            message
            or "The network passed as estimator= was never built: its weights do not exist yet, and would be random. "
            f"Train it, or build it by {build} and load its weights. A network without weights only has to be built."
        )


@contextmanager
def without_new_weights():
    """Raise an error if a network creates weights, as on its first call."""

    def refuse(next_creator, **options):
        value, dtype = options.get("initial_value"), options.get("dtype")
        dtype = getattr(value, "dtype", None) if dtype is None else dtype
        # Integers are allowed, because random generators store their state in variables of integers.
        if dtype is None or tf.as_dtype(dtype).is_floating:
            raise NeverBuiltError
        return next_creator(**options)

    with tf.variable_creator_scope(refuse):
        yield


class KerasModel:
    """Callee of a Keras model.

    Parameters
    ----------
    model : keras.Model
        The model, shared with the user.

    Raises
    ------
    ValueError
        If Keras runs on another backend than TensorFlow.
    """

    def __init__(self, model):
        import keras

        if keras.config.backend() != "tensorflow":
            raise ValueError(
                f"Keras runs on the backend {keras.config.backend()!r}, and contributions are computed by TensorFlow. "
                'Set the environment variable KERAS_BACKEND="tensorflow" before Keras is imported.'
            )
        self.model = model

    def check_built(self):
        """Raise an error if the model was never built, because a call would build it with random weights."""
        import keras

        # A new model of layers from a trained model may be unbuilt although its layers have weights.
        if not self.model.built and not all(layer.built for layer in self.layers):
            if isinstance(self.model, keras.Sequential):
                raise NeverBuiltError(build="model.build((None, *X.shape[1:]))")
            raise NeverBuiltError

    @property
    def declared(self):
        """Symbolic inputs in the model's own structure; None if the model does not know them yet."""
        import keras

        try:
            inputs = self.model.inputs[0] if isinstance(self.model, keras.Sequential) else self.model.input
        except (AttributeError, ValueError):
            return None
        return inputs[0] if isinstance(inputs, (list, tuple)) and len(inputs) == 1 else inputs

    @property
    def dtype(self):
        """Dtype of floating-point inputs without a declared dtype."""
        import keras

        return keras.config.floatx()

    @property
    def layers(self):
        """All layers, including layers inside other layers."""
        return flatten_layers(self.model, include_self=False)

    @property
    def parts(self):
        """Objects whose attributes decide the results: the model and its layers."""
        return flatten_layers(self.model)

    @property
    def output_names(self):
        """Flat list of Keras's names of the outputs; None without names."""
        return getattr(self.model, "output_names", None)

    def call(self, structure):
        """Call the model in inference mode."""
        args, kwargs = spread(structure, needed_arguments(self.model.call))
        unbuilt = [layer for layer in self.layers if not layer.built]
        try:
            return self.model(*args, training=False, **kwargs)
        except NeverBuiltError:
            # Keras marks a layer as built even if the creation of its weights failed, and would never create them.
            for layer in unbuilt:
                layer.built = False
            raise


DEFAULT_SIGNATURE = "serving_default"
# Attributes that training and prediction leave in a Keras model. A copy of the model does not need them.
_OF_KERAS = ("predict_function", "test_function", "train_function")


class Function:
    """Callee of a TensorFlow function, a ``tf.Module``, or a result of `tf.saved_model.load`.

    Parameters
    ----------
    model : tf.function, ConcreteFunction or object with a call
        The function, shared with the user and kept alive with its variables.

    Raises
    ------
    ValueError
        If the function was loaded with several signatures and no default signature.
    """

    output_names = None

    def __init__(self, model):
        self.model = model
        self.concrete = concrete_function(model)

    @property
    def layers(self):
        """All layers of a ``tf_keras`` model; other functions have no layers."""
        return flatten_layers(self.model, include_self=False) if _is_keras_2(self.model) else ()

    @property
    def parts(self):
        """Objects whose attributes decide the results: the model and its modules.

        A function that was traced before with a single signature ignores later changes of attributes.
        """
        if self.concrete is not None or not hasattr(self.model, "__dict__") or is_function(self.model):
            return []
        attributes = [value for value in vars(self.model).values() if isinstance(value, tf.Module)]
        modules = [self.model] if isinstance(self.model, tf.Module) else attributes
        return [self.model, *attributes, *(each for module in modules for each in module.submodules)]

    @property
    def declared(self):
        """Tensor arguments: a single one, a dict if all are keyword arguments, or a list; None without a signature."""
        if self.concrete is None:
            return None
        signature, places = self._signature, self._places
        specs = [signature[kind][key] for kind, key in places]
        if len(specs) == 1:
            return specs[0]
        by_keyword = all(kind == 1 for kind, _ in places)
        return {key: spec for (_, key), spec in zip(places, specs, strict=True)} if by_keyword else specs

    @property
    def dtype(self):
        """Dtype of floating-point inputs without a signature: the dtype of the variables, if they have one dtype."""
        dtypes = {variable.dtype for variable in getattr(self.model, "variables", ()) if variable.dtype.is_floating}
        return dtypes.pop() if len(dtypes) == 1 else tf.float32

    def __reduce__(self):
        check_pickled(self.model)
        return type(self), (self.model,)

    def call(self, structure):
        """Call the function."""
        try:
            return self._call_plain(structure) if self.concrete is None else self._call_signature(structure)
        except NeverBuiltError:
            raise
        except Exception as error:
            shapes = ", ".join(f"{each.dtype.name} {each.shape}" for each in tf.nest.flatten(structure))
            raise ValueError(
                f"The function passed as estimator= failed on {shapes}: {error}\nPass rows of the shape and dtype that "
                "the function takes, or declare them with tf.function(input_signature=...). Keep a reference to the "
                "object that owns the function's variables."
            ) from error

    def _call_signature(self, structure):
        given = [structure] if len(self._places) == 1 else structure
        args, kwargs = self._signature
        args, kwargs = list(args), dict(kwargs)
        for position, (kind, key) in enumerate(self._places):
            (args, kwargs)[kind][key] = given[key if isinstance(given, dict) else position]
        return self.concrete(*args, **kwargs)

    @property
    def _signature(self):
        """Arguments by position and by name; for a function pruned from a graph, its inputs without captures."""
        if self.concrete.structured_input_signature is not None:
            return self.concrete.structured_input_signature
        captured = {id(tensor) for tensor in self.concrete.graph.internal_captures}
        given = [tensor for tensor in self.concrete.inputs if id(tensor) not in captured]
        return [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.op.name) for tensor in given], {}

    @property
    def _places(self):
        """Positions and names of the arguments that hold tensors, as (0, position) and (1, name)."""
        args, kwargs = self._signature
        places = [((0, position), arg) for position, arg in enumerate(args)]
        places += [((1, name), kwargs[name]) for name in sorted(kwargs)]
        return [place for place, arg in places if any(isinstance(each, tf.TypeSpec) for each in tf.nest.flatten(arg))]

    def _call_plain(self, structure):
        function = self.model if is_function(self.model) else self.model.__call__
        plain = function.python_function if is_function(function) else function
        args, kwargs = spread(structure, needed_arguments(self.model.call if _is_keras_2(self.model) else plain))
        return self.model(*args, **kwargs, **self._inference_mode)

    @property
    def _inference_mode(self):
        """Keyword argument for inference mode, if the ``call`` of a ``tf_keras`` model takes ``training``."""
        is_named = _is_keras_2(self.model) and "training" in inspect.signature(self.model.call).parameters
        return {"training": False} if is_named else {}


def _is_keras_2(model):
    """Test whether a network is a ``tf_keras`` model; its layers are found like the layers of Keras 3."""
    return isinstance(model, tf.Module) and hasattr(model, "_flatten_layers")


def is_function(model):
    """Test whether a network is a TensorFlow function."""
    return isinstance(model, (tf.types.experimental.PolymorphicFunction, tf.types.experimental.ConcreteFunction))


def is_loaded(model):
    """Test whether a network is a result of ``tf.saved_model.load``."""
    return hasattr(model, "signatures") and hasattr(model, "tensorflow_version")


def can_be_called(model):
    """Test whether a network is a TensorFlow function, an object that calls one, or a module with a call."""
    call = getattr(model, "__call__", None)  # noqa: B004, because the kind of the attribute matters
    if isinstance(model, tf.Module) or is_loaded(model):
        return callable(model) or bool(getattr(model, "signatures", ()))
    return is_function(model) or is_function(call)


def check_pickled(model):
    """Raise an error if a network cannot be pickled or copied. Paths of files can always be pickled.

    Raises
    ------
    TypeError
        If the network is or holds a compiled function.
    """
    # Models of tf_keras define how they are pickled, so their attributes need no check.
    if isinstance(model, (str, os.PathLike, tuple, list)) or _is_keras_2(model):
        return
    attributes = {name: value for name, value in getattr(model, "__dict__", {}).items() if name not in _OF_KERAS}
    if is_function(model) or is_loaded(model) or any(map(is_function, attributes.values())):
        raise TypeError(
            f"An explainer of a {type(model).__name__} cannot be pickled or copied, since compiled functions cannot. "
            "Save the network with tf.saved_model.save, and pass the folder as estimator=."
        )


def concrete_function(model):
    """Return the concrete function of a model with a single signature, or None."""
    if is_loaded(model) and model.signatures:
        return choose_signature(model.signatures)
    if isinstance(model, tf.types.experimental.ConcreteFunction):
        return model
    function = model if is_function(model) else model.__call__
    if getattr(function, "input_signature", None) is not None:
        return function.get_concrete_function()
    restored = getattr(function, "concrete_functions", ())
    return restored[0] if len(restored) == 1 else None


def choose_signature(signatures):
    """Return the default signature of a loaded model, or its only signature."""
    if DEFAULT_SIGNATURE in signatures:
        return signatures[DEFAULT_SIGNATURE]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    raise ValueError(
        f"The SavedModel has the signatures {sorted(signatures)}, and none is {DEFAULT_SIGNATURE!r}. Pass the one to "
        "explain, loaded.signatures[name] of loaded = tf.saved_model.load(folder)."
    )


class SavedModel(Function):
    """Callee of the network in a SavedModel folder. A pickle holds only the folder's path.

    Parameters
    ----------
    path : str or os.PathLike
        The folder.

    Raises
    ------
    ModelFileError
        If the folder holds no SavedModel, the SavedModel cannot be loaded, or it has no callable function.
    ValueError
        If the SavedModel has several signatures and no default signature.
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.fsdecode(path))
        super().__init__(_load(self.path))
        if self.concrete is not None:
            types = {op.type for op in self.concrete.graph.get_operations()}
            if any(facts_of(op_type).family is SESSION_VARIABLE for op_type in types):
                raise ModelFileError(
                    f"The SavedModel in {self.path!r} is of TensorFlow 1 and holds reference variables, whose values "
                    "belong to a session. Save it again after tf.compat.v1.enable_resource_variables()."
                )

    def __reduce__(self):
        return SavedModel, (self.path,)


class _StaleOptimizer(tf.Module):
    """Placeholder for an optimizer of Keras 2 or TensorFlow 1, whose state is not needed."""

    def add_slot(self, var, slot_name):
        """Return a placeholder for the optimizer's state of a variable."""
        return tf.Module()


def _load(path):
    if not any(os.path.isfile(os.path.join(path, name)) for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise ModelFileError(
            f"The folder {path!r} holds no SavedModel: it has no saved_model.pb. Expected a folder that "
            "keras.Model.export or tf.saved_model.save wrote."
        )
    try:
        loaded = _load_whatever_trained_it(path)
    except Exception as error:
        raise ModelFileError(
            f"TensorFlow cannot load the SavedModel in {path!r}: {error}. If it is damaged, copy or save it again; if "
            "it uses ops of another package, import that first."
        ) from error
    if not can_be_called(loaded):
        raise ModelFileError(
            f"The SavedModel in {path!r} has no signature. Save it again with tf.saved_model.save(model, folder, "
            "signatures=...)."
        )
    return loaded


def _load_whatever_trained_it(path):
    """Load a SavedModel, even if TensorFlow fails to load the state of an optimizer whose class is gone."""
    try:
        return tf.saved_model.load(path)
    except AttributeError as error:
        if "add_slot" not in str(error):
            raise
    # A partial checkpoint lacks the optimizer's state. Reading a variable without a value still raises an error.
    options = tf.saved_model.LoadOptions(allow_partial_checkpoint=True)
    nodes = {"root": None, "root.optimizer": _StaleOptimizer()}
    return tf.__internal__.saved_model.load_partial(path, nodes, options=options)["root"]


def needed_arguments(function):
    """List the names of the positional arguments that a function requires, in order."""
    parameters = inspect.signature(function).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in parameters if each.kind in positional and each.default is each.empty]


def spread(structure, names):
    """Spread a list or dict of inputs over the arguments of a function that needs several arguments."""
    if len(names) > 1 and isinstance(structure, dict) and set(structure) == set(names):
        return (), structure
    if len(names) > 1 and isinstance(structure, (list, tuple)):
        return structure, {}
    return (structure,), {}
