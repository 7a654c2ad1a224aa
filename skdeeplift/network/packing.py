"""Pickles of Keras models: architecture and weights without the optimizer, with the same bytes every time."""

import json
import sys

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from skdeeplift.network.callees import KerasModel
from skdeeplift.network.compat import KERAS_TRAINING_ATTRIBUTES, flatten_layers
from skdeeplift.network.network import Network

# Classes of objects that may hold a model as an attribute. Other classes declare it by an attribute ``holds_models``.
_HOLDERS = (BaseEstimator, Network, KerasModel)
# Attributes of every layer that the user may have set.
_KEPT = ("supports_masking", "built")


class PackedLayer:
    """Layer or model that Keras can rebuild, as its configuration and its weights.

    Parameters
    ----------
    layer : keras.Layer or keras.Model
        Layer or model, built or not.

    Raises
    ------
    TypeError
        If Keras cannot rebuild the layer.
    """

    def __init__(self, layer):
        import keras

        try:
            config = keras.saving.serialize_keras_object(layer)
            # Explanations need no optimizer and no loss.
            config.pop("compile_config", None)
            self.config = json.dumps(config, sort_keys=True)
            self.custom_objects = _custom_objects(layer)
            self.variables = [_own_variables(each) for each in flatten_layers(layer)]
            if self.custom_objects:
                # Test layers with custom classes now, because an error when the pickle is read would come too late.
                self.unpack()
        except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
            reason = str(error).rsplit("Exception encountered:")[-1].strip()
            raise TypeError(
                f"The {type(layer).__name__} {layer.name!r} cannot be pickled or copied, since Keras cannot make it "
                f"again from its configuration: {reason[:400]} Give its classes a get_config method with all that "
                "__init__ takes."
            ) from error

    def unpack(self):
        """Rebuild the layer."""
        import keras

        with keras.saving.custom_object_scope(self.custom_objects):
            # Safe mode would add no safety, because a pickle can run any code. It would reject Lambda layers.
            layer = keras.saving.deserialize_keras_object(json.loads(self.config), safe_mode=False)
        for each, variables in zip(flatten_layers(layer), self.variables, strict=True):
            if variables:
                each.load_own_variables(variables)
        return layer


class PackedSubclass:
    """Layer or model of a class without a configuration, as its attributes.

    Keras would call ``__init__`` of such a class without the original arguments.

    Parameters
    ----------
    layer : keras.Layer or keras.Model
        An instance of a user's class.
    """

    def __init__(self, layer):
        import keras

        self.layer_class, self.name, self.trainable = type(layer), layer.name, layer.trainable
        self.dtype = json.dumps(keras.dtype_policies.serialize(layer.dtype_policy), sort_keys=True)
        base = keras.Model() if isinstance(layer, keras.Model) else keras.Layer()
        memo = {}
        self.attributes = {
            name: _replaced(_plain(value), _pack, memo)
            for name, value in sorted(vars(layer).items())
            if name not in vars(base) and name not in KERAS_TRAINING_ATTRIBUTES and not name.startswith("_self_")
        }
        self.kept = {name: getattr(layer, name) for name in _KEPT}

    def unpack(self):
        """Rebuild the layer."""
        import keras

        layer = self.layer_class.__new__(self.layer_class)
        base = keras.Model if isinstance(layer, keras.Model) else keras.Layer
        policy = keras.dtype_policies.deserialize(json.loads(self.dtype))
        base.__init__(layer, name=self.name, dtype=policy, trainable=self.trainable)
        for name, value in {**_replaced(self.attributes, _unpack, {}), **self.kept}.items():
            setattr(layer, name, value)
        return layer


class PackedVariable:
    """Weight that a user's class holds as an attribute."""

    def __init__(self, variable):
        self.value, self.trainable, self.name = np.asarray(variable), variable.trainable, variable.name

    def unpack(self):
        """Rebuild the variable."""
        import keras

        return keras.Variable(self.value, trainable=self.trainable, dtype=self.value.dtype.name, name=self.name)


def packed(value):
    """Return an object with its Keras models packed for a pickle; the object itself if it holds no model."""
    return _replaced(value, _pack, {}) if "keras" in sys.modules else value


def unpacked(value):
    """Return an object with its Keras models rebuilt."""
    return _replaced(value, _unpack, {})


def _pack(value):
    """Return the packed form of an object, or None if it needs no packing."""
    keras = sys.modules["keras"]
    if isinstance(value, keras.Variable):
        return PackedVariable(value)
    if not isinstance(value, keras.Layer):
        return None
    has_config = type(value).__module__.startswith("keras.") or not type(value).get_config.__module__.startswith(
        "keras."
    )
    return PackedLayer(value) if has_config or _is_functional(value) else PackedSubclass(value)


def _unpack(value):
    if not isinstance(value, (PackedLayer, PackedSubclass, PackedVariable)):
        return None
    # Unpack once, because several objects of one pickle may hold the same model.
    if not hasattr(value, "unpacked"):
        value.unpacked = value.unpack()
    return value.unpacked


def _is_functional(layer):
    """Test whether a layer is a network of symbolic tensors, described by its configuration."""
    return any(base.__name__ in ("Functional", "Sequential") for base in type(layer).__mro__)


def _plain(value):
    """Convert containers with which Keras tracks their elements to plain Python containers."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return (tuple if isinstance(value, tuple) else list)(map(_plain, value))
    return value


def _replaced(value, replace, memo):
    """Replace objects anywhere inside a value, each object once, and leave all other objects unchanged."""
    key = id(value)
    if key in memo:
        return memo[key][0]
    result = replace(value)
    if result is None:
        result = value
        if type(value) in (list, tuple):
            parts = [_replaced(each, replace, memo) for each in value]
            if any(new is not old for new, old in zip(parts, value, strict=True)):
                result = type(value)(parts)
        elif type(value) in (dict, Bunch):
            result = _replaced_values(value, replace, memo)
            result = Bunch(**result) if type(value) is Bunch and result is not value else result
        elif isinstance(value, _HOLDERS) or getattr(value, "holds_models", False) or _is_callback(value):
            attributes = _replaced_values(vars(value), replace, memo)
            if attributes is not vars(value):
                result = object.__new__(type(value))
                vars(result).update(attributes)
    # Keep the value alive in the memo, because another object could reuse the id of a deleted one.
    memo[key] = result, value
    return result


def _replaced_values(mapping, replace, memo):
    parts = {key: _replaced(each, replace, memo) for key, each in mapping.items()}
    return parts if any(parts[key] is not each for key, each in mapping.items()) else mapping


def _is_callback(value):
    """Test whether an object is a callback, such as the history of a training, which refers to the model."""
    return "keras" in sys.modules and isinstance(value, sys.modules["keras"].callbacks.Callback)


def _own_variables(layer):
    variables = {}
    layer.save_own_variables(variables)
    return {name: np.asarray(variable) for name, variable in variables.items()}


def _custom_objects(layer):
    """List classes of layers, and functions held by layers, that are not Keras's own."""
    layers = flatten_layers(layer)
    attributes = ((layer, name, each) for layer in layers for name, each in vars(layer).items())
    # Skip ``build``, because Keras wraps this method in each instance.
    functions = (
        each for layer, name, each in attributes if hasattr(each, "__code__") and not hasattr(type(layer), name)
    )
    # Skip lambdas, because their code is part of the configuration.
    functions = (each for each in functions if each.__name__ != "<lambda>")
    found = {each.__name__: each for each in (*map(type, layers), *functions)}
    return {name: each for name, each in sorted(found.items()) if not each.__module__.startswith("keras.")}
