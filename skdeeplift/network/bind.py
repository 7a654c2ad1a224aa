"""What the user hands in as ``estimator=``, made into one traced network."""

import os
import threading

import numpy as np


class Network:
    """A model, what it takes, and its graph.

    Parameters
    ----------
    model : keras.Model
        The model, shared with the user: training it further shows at once.
    input_specs : structure of TensorSpec
        What the model takes, in the model's own structure.

    Attributes
    ----------
    graph : Graph
        Traced when first asked for; not part of a pickle.
    """

    def __init__(self, model, input_specs):
        self.model, self.input_specs = model, input_specs
        self._lock, self._traced = threading.Lock(), None

    @property
    def graph(self):
        """The model's graph, traced in inference mode."""
        from skdeeplift.network.trace import trace

        with self._lock:
            if self._traced is None:
                self._traced = trace(self._call, self.input_specs, _layer_names(self.model))
            return self._traced[0]

    @property
    def flat_specs(self):
        """One TensorSpec for each input."""
        import tensorflow as tf

        return tf.nest.flatten(self.input_specs)

    @property
    def is_single(self):
        """Whether the model takes one tensor, not a structure of them."""
        return hasattr(self.input_specs, "shape")

    @property
    def takes_table(self):
        """Whether the model takes a two-dimensional table."""
        return self.is_single and len(self.input_specs.shape) == 2

    @property
    def batch_size(self):
        """The one batch size the model was built for, or None."""
        return next((spec.shape[0] for spec in self.flat_specs if spec.shape[0] is not None), None)

    def flatten(self, X):
        """Bring an array, or a list or dict of arrays, into the order of ``flat_specs``.

        Raises
        ------
        ValueError
            If ``X`` has not the structure that the model takes.
        """
        if self.is_single:
            if isinstance(X, dict):
                raise ValueError(f"The network takes one array. Got a dict of {len(X)}.")
            return [X]
        names = self.input_names
        if isinstance(X, dict):
            if set(X) != set(names):
                raise ValueError(f"The network takes the inputs {sorted(names)}. Got {sorted(map(str, X))}.")
            return [X[name] for name in names]
        if isinstance(self.input_specs, dict) or not isinstance(X, (list, tuple)) or len(X) != len(names):
            got = f"{len(X)} arrays" if isinstance(X, (list, tuple)) else f"one {type(X).__name__}"
            form = "dict" if isinstance(self.input_specs, dict) else "list or dict"
            raise ValueError(f"The network takes a {form} of {len(names)} inputs ({', '.join(names)}). Got {got}.")
        return list(X)

    @property
    def input_names(self):
        """One name for each input, in the order of ``flat_specs``."""
        if isinstance(self.input_specs, dict):
            return sorted(self.input_specs)
        return [spec.name or f"input_{position}" for position, spec in enumerate(self.flat_specs)]

    def __getstate__(self):
        return {"model": self.model, "input_specs": self.input_specs}

    def __setstate__(self, state):
        self.__init__(**state)

    def _call(self, structure):
        return self.model(structure, training=False)


def bind(estimator, X):
    """Bind what the user passed as ``estimator=``.

    Parameters
    ----------
    estimator : keras.Model, str, path or tuple of two paths
        A model, or the file or files it is stored in.
    X : array-like, or list or dict of array-like
        Rows as the model takes them; they complete what the model leaves open of its input's shape.

    Returns
    -------
    network : Network

    Raises
    ------
    TypeError
        If ``estimator`` is nothing that can be explained.
    ValueError
        If Keras runs on another backend than TensorFlow.
    """
    if isinstance(estimator, (str, os.PathLike, tuple, list)):
        from skdeeplift.network.files import load_network_file

        model = load_network_file(estimator)
    else:
        model = estimator
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(
            'estimator= takes a keras.Model, the path of a .keras or .h5 file, or the two paths ("model.json", '
            f'"weights.h5"). Got {estimator!r}.'
        )
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on the backend {keras.config.backend()!r}, and contributions are computed by TensorFlow. "
            'Set the environment variable KERAS_BACKEND="tensorflow" before Keras is imported.'
        )
    return Network(model, _input_specs(model, X))


def _input_specs(model, X):
    import keras
    import tensorflow as tf

    def from_array(array):
        return tf.TensorSpec((None, *np.shape(array)[1:]), keras.config.floatx())

    def from_tensor(tensor, array=None):
        shape = list(tensor.shape)
        given = np.shape(array) if array is not None else ()
        if len(given) == len(shape):
            shape[1:] = [size if size is not None else given[axis] for axis, size in enumerate(shape[1:], 1)]
        return tf.TensorSpec(shape, tensor.dtype, name=tensor.name)

    inputs = _declared_inputs(model)
    if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
        [inputs] = inputs
    if inputs is None:
        return tf.nest.map_structure(from_array, X if isinstance(X, (list, tuple, dict)) else np.asarray(X))
    open_specs = tf.nest.map_structure(from_tensor, inputs)
    arrays = Network(model, open_specs).flatten(X)
    specs = [from_tensor(tensor, array) for tensor, array in zip(tf.nest.flatten(inputs), arrays, strict=True)]
    return tf.nest.pack_sequence_as(open_specs, specs)


def _declared_inputs(model):
    """The model's symbolic inputs in its own structure; None where it was never told them."""
    import keras

    try:
        return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    except (AttributeError, ValueError):
        return None


def _layer_names(model):
    names, pending = set(), list(getattr(model, "layers", []))
    while pending:
        layer = pending.pop()
        names.add(layer.name)
        pending.extend(getattr(layer, "layers", []))
    return names
