"""A network that an explainer is bound to: what it takes, and its graph."""

import threading

import tensorflow as tf

from skdeeplift.network.trace import trace


class Network:
    """What is explained, what it takes, and its graph.

    Parameters
    ----------
    callee : KerasModel or Function
        How to call what the user handed in, which is shared with the user: training it further shows at once.
    input_specs : structure of TensorSpec
        What it takes, in its own structure.

    Attributes
    ----------
    graph : Graph
        Traced when first asked for; not part of a pickle.
    output_structure : structure
        What is returned, in the structure that it is returned in.
    """

    def __init__(self, callee, input_specs):
        self.callee, self.input_specs = callee, input_specs
        self._lock, self._traced = threading.Lock(), None

    @property
    def model(self):
        """What the user handed in, or what was loaded from a file."""
        return self.callee.model

    @property
    def graph(self):
        """The network's graph, traced in inference mode."""
        return self._trace()[0]

    @property
    def output_structure(self):
        """The structure of what the network returns."""
        return self._trace()[1]

    def _trace(self):
        with self._lock:
            if self._traced is None:
                self.callee.build(self.input_specs)
                self._traced = trace(self.callee.call, self.input_specs, self.callee.layers)
            return self._traced

    @property
    def flat_specs(self):
        """One TensorSpec for each input."""
        return tf.nest.flatten(self.input_specs)

    @property
    def is_single(self):
        """Whether the network takes one tensor, not a structure of them."""
        return hasattr(self.input_specs, "shape")

    @property
    def takes_table(self):
        """Whether the network takes a two-dimensional table."""
        return self.is_single and len(self.input_specs.shape) == 2

    @property
    def batch_size(self):
        """The one batch size the network was built for, or None."""
        return next((spec.shape[0] for spec in self.flat_specs if spec.shape[0] is not None), None)

    def flatten(self, X):
        """Bring an array, or a list or dict of arrays, into the order of ``flat_specs``.

        Raises
        ------
        ValueError
            If ``X`` has not the structure that the network takes.
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
        return {"callee": self.callee, "input_specs": self.input_specs}

    def __setstate__(self, state):
        self.__init__(**state)
