"""Explanations as functions of TensorFlow: in a program, in a Keras layer, and in a SavedModel without this package."""

import os
import re
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.binding.estimators import with_attributes
from skdeeplift.binding.row_checks import check_sources
from skdeeplift.config import config_context
from skdeeplift.execution.problem import Problem
from skdeeplift.network.effects import check_states
from skdeeplift.rows.validation import input_labels


class ExportMixin:
    """Explanations for TensorFlow programs: as a function, as a layer, and as files."""

    def as_function(self, *, target=None, multipliers=False, standard_errors=False):
        """Return a function of TensorFlow that explains rows.

        The function has derivatives by the network's weights, so that a training loop can penalise contributions, and
        reads the weights at each call. The page :ref:`deployment` lists the values that it holds constant.

        Parameters
        ----------
        target : str, int, tuple, dict, array-like, Profile or callable, default=None
            Target to explain, as in `explain`, but the same for all rows; by default the ``target`` of the explainer.
        multipliers : bool, default=False
            Whether to also return multipliers.
        standard_errors : bool, default=False
            Whether to also return the standard errors of means over references.

        Returns
        -------
        function : tf.function
            Takes rows in the form that the network takes, as a tensor or a list or dict of tensors. Returns a dict of
            tensors: ``"contributions"`` in the form of the rows, ``"prediction"``, ``"reference_value"`` and the
            additional terms that were requested.

        Raises
        ------
        ValueError
            If Python is needed for each row: for the steps before a network in a pipeline, for references that
            TensorFlow cannot make, or for numbers of references, draws or steps that depend on rows.
        """
        import tensorflow as tf

        return tf.function(
            self._as_explain(target, multipliers, standard_errors), autograph=False, reduce_retracing=True
        )

    def as_layer(self, *, target=None, multipliers=False, standard_errors=False):
        """Return a Keras layer that explains rows, for a model that returns reasons with its predictions.

        Parameters
        ----------
        target, multipliers, standard_errors : object, default=None, False and False
            As in `as_function`.

        Returns
        -------
        layer : keras.Layer
            Takes rows in the form that the network takes, and returns the dict that `as_function` returns. An explained
            Keras model is a part of the layer, with its weights.

        Raises
        ------
        ValueError
            As in `as_function`.
        """
        return _make_layer(self._as_explain(target, multipliers, standard_errors))

    def export(self, folder, *, target=None, multipliers=False, standard_errors=False):
        """Write a SavedModel that explains rows without this package, such as in TensorFlow Serving.

        The weights, the references and the rules are those at the time of the call. Rows have the shape of the rows in
        `fit`.

        Parameters
        ----------
        folder : str or path
            Folder to write, or to overwrite.
        target, multipliers, standard_errors : object, default=None, False and False
            As in `as_function`.

        Raises
        ------
        ValueError
            As in `as_function`.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> import keras
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from skdeeplift import DeepLiftExplainer
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.5])])
        >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.zeros((1, 2)))
        >>> with TemporaryDirectory() as folder:
        ...     explainer.export(folder)
        ...     explain = tf.saved_model.load(folder).signatures["serving_default"]
        >>> results = explain(rows=tf.constant([[3.0, 1.0]]))
        >>> results["contributions"].numpy(), results["prediction"].numpy(), results["reference_value"].numpy()
        (array([[ 3., -2.]], dtype=float32), array([1.5], dtype=float32), array([0.5], dtype=float32))
        """
        _save(self._as_explain(target, multipliers, standard_errors), folder)

    def _as_explain(self, *choices):
        """Return the function of a copy of the fitted explainer, so that a later `fit` does not change it."""
        check_is_fitted(self)
        self._check_call_parameters()
        return Explain(with_attributes(self), Asked(*choices))


class Asked(NamedTuple):
    """Choices of a call: the target, and further terms."""

    target: Any = None
    multipliers: bool = False
    standard_errors: bool = False


class Explain:
    """Function from rows to a dict of tensors, in the structures of `explain`.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    asked : Asked
        Choices of the call.

    Attributes
    ----------
    specs : structure of TensorSpec
        Rows in the form that the network takes, of any number unless the network takes only batches of one size.
    resources : list of tf.Variable and other trackable objects
        Variables and tables that the function reads.
    """

    def __init__(self, explainer, asked):
        import tensorflow as tf

        from skdeeplift.execution.function import RowsFunction

        bound = explainer.bound_
        problem, references = _make_problem(explainer, asked)
        self.bound, self.network = bound, bound.network
        self._function = RowsFunction(problem, references)
        self.specs = tf.nest.map_structure(
            lambda spec: tf.TensorSpec([None, *spec.shape[1:]], spec.dtype, spec.name), bound.network.input_specs
        )
        self.resources = [*_find_resources(problem.method.graph, bound.network), *self._function.variables]

    def __call__(self, rows):
        """Explain rows, with the network's weights at the time of the call.

        Parameters
        ----------
        rows : tensor, or list or dict of tensor
            Rows as the network takes them.

        Returns
        -------
        explanation : dict
            Tensors ``"prediction"`` and ``"reference_value"`` and, in the form of the rows, ``"contributions"`` and the
            additional terms that were requested.
        """
        import tensorflow as tf

        flat = [
            tf.cast(array, spec.dtype)
            for array, spec in zip(self.network.flatten(rows), self.network.flat_specs, strict=True)
        ]
        for resource in self.resources:
            if isinstance(resource, tf.Variable):
                # Read here, since a tape watches only variables that are read by their own methods, and the graph reads
                # handles.
                resource.read_value()
        # Compiled parts cannot run where XLA is not linked in, and have no second derivative.
        with config_context(jit_compile=False):
            results = self._function(flat)
        return {
            name: self._in_form(value, rows) if isinstance(value, list) else value for name, value in results.items()
        }

    def _in_form(self, arrays, rows):
        if self.bound.layer is not None:
            return self.bound.like_rows(arrays, rows)
        return self.structure(arrays)

    def structure(self, arrays):
        """Arrange one tensor for each input in the structure of rows."""
        import tensorflow as tf

        return arrays[0] if self.network.is_single else tf.nest.pack_sequence_as(self.network.input_specs, arrays)

    def flatten(self, results):
        """Return a dict of tensors, whose keys are valid names of a signature's outputs."""
        import tensorflow as tf

        flat, sources = {}, list(map(_identifier, self.bound.source_names))
        for name, value in results.items():
            values = tf.nest.flatten(value)
            names = [name] if len(values) == 1 else [f"{name}_{source}" for source in sources]
            flat.update(zip(names, values, strict=True))
        return flat

    @property
    def flat_specs(self):
        """Specs of the inputs, whose keys are valid names of a signature's inputs."""
        import tensorflow as tf

        names = ["rows"] if self.network.is_single else map(_identifier, self.network.input_names)
        return [
            tf.TensorSpec(spec.shape, spec.dtype, name)
            for spec, name in zip(tf.nest.flatten(self.specs), names, strict=True)
        ]


def _identifier(name):
    return re.sub(r"\W", "_", name)


def _make_layer(explain):
    """Return a Keras layer that calls a function of rows."""
    import keras

    class ExplanationLayer(keras.layers.Layer):
        """Layer that maps rows to their explanation, with the weights of the explained network."""

        def __init__(self):
            super().__init__()
            # XLA needs known sizes, but the number of blocks of rows is only known in a call.
            self.supports_jit = False
            if isinstance(explain.network.model, keras.Model):
                self.network = explain.network.model
            # Tracked, so that variables and tables are saved with a model that contains the layer.
            self.resources = explain.resources
            self.built = True

        def call(self, rows):
            return explain(rows)

    return ExplanationLayer()


def _save(explain, folder):
    """Write a function of rows into a SavedModel."""
    import tensorflow as tf

    module = tf.Module()
    module.resources = explain.resources
    module.explain = tf.function(explain, autograph=False, input_signature=[explain.specs])

    def in_flat_form(*arrays):
        return explain.flatten(module.explain(explain.structure(arrays)))

    signature = tf.function(in_flat_form, autograph=False, input_signature=explain.flat_specs)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, os.fspath(folder), signatures={"serving_default": signature}, options=options)
    _forget_rules(tf.io.gfile.join(os.fspath(folder), "saved_model.pb"))


# Attribute that names the gradient of an op.
_GRADIENT = "_gradient_op_type"


def _forget_rules(path):
    """Remove the gradient names of rules, which are already used and which no other program knows."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    with tf.io.gfile.GFile(path, "rb") as file:
        stored = SavedModel.FromString(file.read())
    for meta_graph in stored.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            for node in function.node_def:
                # Checked first, since reading a missing attribute would add it.
                if _GRADIENT in node.attr and node.attr[_GRADIENT].s.startswith(b"Skdeeplift"):
                    del node.attr[_GRADIENT]
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(stored.SerializeToString())


def _make_problem(explainer, asked):
    """Return the problem that an exported function solves for any rows, with references as tensors."""
    bound = explainer.bound_
    bound.network.check_unchanged()
    if bound.encoder is not None:
        raise ValueError(
            "The earlier steps of the pipeline run in scikit-learn, and cannot be exported to TensorFlow. Fit an "
            "explainer of the last step alone, such as "
            f"{bound.owner}(FrozenEstimator(pipeline[-1])).fit(pipeline[:-1].transform(X)), and give it rows as the "
            "earlier steps return them."
        )
    compiled, target = bound.compiled_with_target(asked.target)
    method = compiled.method
    if compiled.states:
        check_states(compiled.states)
    if method.takes_letters:
        raise ValueError(
            f"{bound.owner} finds the letters of each row in Python, and cannot be exported to TensorFlow. Use a "
            "DeepLiftExplainer."
        )
    empty = [np.empty((0, *spec.shape[1:]), spec.dtype.as_numpy_dtype) for spec in bound.network.flat_specs]
    references = bound.schedule.prepare(bound.references, empty)
    wanted = ["contributions"]
    if asked.multipliers:
        check_sources(bound, method)
        wanted.append("multipliers")
    if asked.standard_errors:
        n_references = 1 if references is None else len(references.weights)
        if n_references == 1 and method.draws == 1:
            raise ValueError(
                "standard_errors=True needs means over several references, draws or noisy copies, and this "
                f"{bound.owner} has a single one. Pass standard_errors=False, or fit an explainer with several."
            )
        wanted.append("squares" if n_references > 1 else "squares_of_draws")
    problem = Problem(
        method,
        empty,
        target,
        references,
        tuple(wanted),
        schedule=bound.schedule,
        batch_size=explainer.batch_size,
        fixed=bound.network.batch_size,
    )
    problem = bound.schedule.as_one_round(problem)
    if references is None:
        return problem, None
    from skdeeplift.references.tensor_references import as_tensors

    in_tensors = as_tensors(problem.references, input_labels(bound.network))
    return problem, in_tensors if bound.layer is None else in_tensors._replace(held=())


def _find_resources(graph, network):
    """List the variables and tables that a graph reads, since a SavedModel must hold them."""
    import tensorflow as tf

    held = {id(each.handle): each for function in graph.concrete_functions for each in function.variables}
    wanted = {id(tensor): tensor for tensor in graph.captures.values() if tensor.dtype == tf.resource}
    missing = wanted.keys() - held.keys()
    if missing:
        for each in tf.train.TrackableView(network.model).descendants():
            handle = getattr(each, "resource_handle", None)
            if id(handle) in missing:
                held[id(handle)] = each
    return [held[key] for key in wanted if key in held]
