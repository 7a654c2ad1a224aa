"""Functions of TensorFlow, and objects that are called like functions, as something that is called."""

import tensorflow as tf

from skdeeplift.network.inputs import needed_arguments, spread

DEFAULT_SIGNATURE = "serving_default"
# What Keras keeps in a model that was trained or has predicted; none of it is needed to make the model again.
_OF_KERAS = ("predict_function", "test_function", "train_function")


class Function:
    """How to call a function of TensorFlow, a ``tf.Module``, or what `tf.saved_model.load` returns.

    Parameters
    ----------
    model : tf.function, ConcreteFunction or object with a call
        Shared with the user, and kept alive with the variables that it owns.

    Raises
    ------
    ValueError
        If it was loaded with several signatures, of which none is the default.
    """

    layers = ()
    output_names = None

    def __init__(self, model):
        self.model = model
        self.concrete = concrete_function(model)

    @property
    def declared(self):
        """The arguments that are tensors: one, a dict where all go by keyword, or a list; None without a signature."""
        if self.concrete is None:
            return None
        signature, places = self.concrete.structured_input_signature, self._places
        specs = [signature[kind][key] for kind, key in places]
        if len(specs) == 1:
            return specs[0]
        by_keyword = all(kind == 1 for kind, _ in places)
        return {key: spec for (_, key), spec in zip(places, specs, strict=True)} if by_keyword else specs

    @property
    def dtype(self):
        """What floating-point numbers are given as where there is no signature: the dtype of the variables."""
        dtypes = {variable.dtype for variable in getattr(self.model, "variables", ()) if variable.dtype.is_floating}
        return dtypes.pop() if len(dtypes) == 1 else tf.float32

    def build(self, specs):
        """Do nothing: a function has its variables."""

    def __reduce__(self):
        return type(self), (self.model,)

    def call(self, structure):
        """Call the function."""
        try:
            return self._call_plain(structure) if self.concrete is None else self._call_signature(structure)
        except Exception as error:
            shapes = ", ".join(f"{each.dtype.name} {each.shape}" for each in tf.nest.flatten(structure))
            raise ValueError(
                f"What was passed as estimator= failed when it was called on {shapes}: {error}\n"
                "Pass rows as it takes them, give it an input_signature by tf.function, and keep a reference to the "
                "object that owns its variables."
            ) from error

    def _call_signature(self, structure):
        given = [structure] if len(self._places) == 1 else structure
        args, kwargs = self.concrete.structured_input_signature
        args, kwargs = list(args), dict(kwargs)
        for position, (kind, key) in enumerate(self._places):
            (args, kwargs)[kind][key] = given[key if isinstance(given, dict) else position]
        return self.concrete(*args, **kwargs)

    @property
    def _places(self):
        """Positions and names of the arguments that hold tensors, as (0, position) and (1, name)."""
        args, kwargs = self.concrete.structured_input_signature
        places = [((0, position), arg) for position, arg in enumerate(args)]
        places += [((1, name), kwargs[name]) for name in sorted(kwargs)]
        return [place for place, arg in places if any(map(_is_spec, tf.nest.flatten(arg)))]

    def _call_plain(self, structure):
        function = self.model if is_function(self.model) else self.model.__call__
        plain = function.python_function if is_function(function) else function
        args, kwargs = spread(structure, needed_arguments(plain))
        return self.model(*args, **kwargs)


def is_function(model):
    """Whether something is a function of TensorFlow's."""
    return isinstance(model, (tf.types.experimental.PolymorphicFunction, tf.types.experimental.ConcreteFunction))


def is_loaded(model):
    """Whether something is what ``tf.saved_model.load`` returns."""
    return hasattr(model, "signatures") and hasattr(model, "tensorflow_version")


def can_be_called(model):
    """Whether something is a function of TensorFlow's, or calls one, or is a module that can be called."""
    call = getattr(model, "__call__", None)  # noqa: B004, since it matters what it is
    if isinstance(model, tf.Module) or is_loaded(model):
        return callable(model) or bool(getattr(model, "signatures", ()))
    return is_function(model) or is_function(call)


def can_be_pickled(model):
    """Whether neither something nor what it holds is a compiled function."""
    attributes = {name: value for name, value in getattr(model, "__dict__", {}).items() if name not in _OF_KERAS}
    return not (is_function(model) or is_loaded(model) or any(map(is_function, attributes.values())))


def concrete_function(model):
    """The function with the one signature that a model has, or None if it has none."""
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
    """The default one of a loaded model's signatures, or the only one."""
    if DEFAULT_SIGNATURE in signatures:
        return signatures[DEFAULT_SIGNATURE]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    raise ValueError(
        f"The SavedModel has the signatures {sorted(signatures)}, and none is {DEFAULT_SIGNATURE!r}. Pass the one to "
        "explain, loaded.signatures[name] of loaded = tf.saved_model.load(folder)."
    )


def _is_spec(value):
    return isinstance(value, tf.TypeSpec)
