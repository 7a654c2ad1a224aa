"""Networks that explainers are fitted to, with the encoder in front, and names of columns and classes."""

import threading
from copy import deepcopy
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from skdeeplift.binding.column_names import check_rows_names
from skdeeplift.binding.comparison import learn_references
from skdeeplift.binding.estimators import with_attributes
from skdeeplift.binding.row_checks import check_sources
from skdeeplift.compat import check_feature_names_in
from skdeeplift.network.bind import check_dense
from skdeeplift.network.callees import KerasModel
from skdeeplift.network.network import Network
from skdeeplift.network.packing import packed, unpacked
from skdeeplift.network.trained import network_of, steps_of
from skdeeplift.propagation.lookups import Vocabulary
from skdeeplift.rows.validation import check_rows, shapes_of_rows
from skdeeplift.targets.profile import is_profile
from skdeeplift.targets.row_targets import align_with_rows, has_entry_per_row
from skdeeplift.targets.target_tensor import compile_target, kind_of_target

# Largest number of targets that a network stays compiled for; those used last are kept.
MOST_COMPILED = 32


class Hooks(NamedTuple):
    """Functions by which one explainer differs from another."""

    # Function from the graph, the explained value, the sources and the `Bound` to the compiled `Method`.
    make_method: Any
    # Function from the `Bound` to the `Schedule`.
    make_schedule: Any
    # Function from the graph and the explained value to the sources, if no layer is named.
    find_sources: Any


class Bound:
    """Network that an explainer was fitted to.

    Parameters
    ----------
    network : Network
        The traced network.
    owner : str
        Name of the explainer's class, for errors.
    hooks : Hooks
        Functions that make the method and its schedule.
    parameters : dict
        Parameters that the explainer was fitted with. Later changes of the explainer's parameters take effect at the
        next `fit`.
    seed : int
        Seed of all random draws, so that equal calls give equal numbers.
    estimator : estimator or None, default=None
        The trained estimator that holds the network; None for a network without an estimator.
    encoder : Pipeline or None, default=None
        Fitted earlier steps of a pipeline whose last step is explained.

    Attributes
    ----------
    layer : str, list of str or None
        Names of the layers whose units are explained.
    classes : ndarray or None
        Labels of the classes: the names that the user gave, or the labels of the trained estimator.
    n_columns : int or None
        Number of columns of a table.
    column_names : ndarray of str or None
        Names of a table's columns; None if the user's table has no names.
    raw_dtypes : dict of str to dtype, or None
        Dtypes of a table's columns in front of an encoder.
    names_of_inputs : dict of int to (ndarray of str or None)
        Names of the columns of each input by its position, if the network takes several tables.
    raw_columns : ndarray of int or None
        Raw column that each encoded column was made from; None if contributions are not summed to raw columns.
    references : References or None
        References that `fit` learned; None for a method without references.
    unit_shapes : list of tuple or None
        Shape of a row's units for each named layer, None for sizes that depend on the row; None if no layer is named.
    letters : tuple of (int or None), or None
        Axis of the one-hot letters of each input or layer, None if its letters are not replaced; None for a method that
        replaces no letters.
    small_values : tuple of str
        Names of values of the network that are small in the rows of `fit`.
    strands : tuple of OtherStrand or None
        Form of each input on the other strand of a sequence; None unless the mean over both strands is explained.
    schedule : Schedule
        Schedule that repeats the method for each row.
    """

    # Keras models anywhere in this object are packed.
    holds_models = True

    def __init__(self, network, *, owner, hooks, parameters, seed, estimator=None, encoder=None):
        self.network, self.owner, self.hooks, self.parameters = network, owner, hooks, parameters
        self.seed, self.estimator, self.encoder = seed, estimator, encoder
        # Copied, so that later changes of a dict or an array take effect at the next fit.
        if not callable(parameters["target"]):
            parameters["target"] = deepcopy(parameters["target"])
        given, of_estimator = parameters["class_names"], getattr(estimator, "classes_", None)
        self.classes = of_estimator if isinstance(of_estimator, np.ndarray) else None
        if self.classes is None and isinstance(parameters["output"], str):
            # Names of outputs are used only if the target is a single number.
            self.classes = np.array([parameters["output"]])
        if given is not None:
            self.classes = np.array(given)
            if len(set(names := self.classes.ravel().tolist())) < len(names):
                raise ValueError(f"class_names= takes one name for each class, and each name once. Got {names!r}.")
        self.layer = parameters["layer"]
        self.n_columns = self.column_names = self.raw_dtypes = self.raw_columns = self.references = self.unit_shapes = (
            None
        )
        self.names_of_inputs, self.small_values, self.letters, self.strands = {}, (), None, None
        self.schedule = hooks.make_schedule(self)
        self._forget_compiled()

    def _forget_compiled(self):
        self._compiled, self._own_target, self._vocabulary, self._lock = {}, None, None, threading.Lock()
        # The same network for rows of other lengths, keyed by shapes, and on both strands, keyed by forms of inputs.
        self.of_lengths, self.of_strands = {}, {}

    # Rows

    def encoded(self, X, explainer, reset=False):
        """Return the encoded rows, dense; without an encoder, return the rows unchanged."""
        if self.encoder is None:
            return X
        if isinstance(X, (pd.Series, dict)):
            raise TypeError(
                "X must be a table with one line for each row, because an encoder precedes the network. Got a "
                f"{type(X).__name__}. Pass one row of a table as X.iloc[[0]], or a Series or dict of one row as "
                "pd.DataFrame([row])."
            )
        validate_data(explainer, X, reset=reset, skip_check_array=True)
        if reset:
            self.raw_dtypes = dict(X.dtypes) if isinstance(X, pd.DataFrame) else None
        X = self.encoder.transform(X)
        return X.toarray() if hasattr(X, "toarray") else X

    def arrays(self, X, explainer, reset=False):
        """Return one checked array for each of the network's inputs.

        Parameters
        ----------
        X : array-like, or list or dict of array-like
            Rows in the form that the network takes, after the encoder.
        explainer : BaseExplainer
            Keeps the number and the names of a table's columns.
        reset : bool, default=False
            Whether these rows define the columns.

        Returns
        -------
        arrays : list of ndarray
        """
        if not isinstance(X, np.ndarray):
            check_dense(X)
        check_rows_names(explainer, self, X, reset)
        return check_rows(explainer, X, self.network, self.vocabulary, reset, has_columns=self.encoder is None)

    @property
    def vocabulary(self):
        """Tables in which the network looks up integers."""
        if self._vocabulary is None:
            self._vocabulary = Vocabulary(self.network.graph)
        return self._vocabulary

    # Targets

    def labels(self, shape):
        """Return the class labels of outputs of a shape, or None."""
        given, labels = self.parameters["class_names"], self.classes
        if labels is None:
            return None
        n_outputs = int(np.prod(shape))
        if labels.ndim == 1 and len(labels) in (n_outputs, 2 if n_outputs == 1 else n_outputs) and len(shape) <= 1:
            return labels
        if given is None:
            return None
        raise ValueError(
            f"class_names= has {labels.size} names, but the network's outputs have shape {shape}. Pass one name for "
            "each output, or two names for a single logit."
        )

    def has_entry_per_row(self, target):
        """Return whether a target has one entry for each row; see `skdeeplift.targets.row_targets`."""
        if target is None or isinstance(target, (str, tuple, dict, Number)) or callable(target):
            return False
        shape = self.compiled(target).tensor.shape
        return has_entry_per_row(target, self.labels(shape), shape)

    def align_targets(self, target, X):
        """Return targets with an index as an array in the order of the rows, and other targets unchanged."""
        return align_with_rows(target, X) if hasattr(target, "iloc") and self.has_entry_per_row(target) else target

    def compiled(self, target=None):
        """Return the network compiled for a target; for the explainer's own target by default.

        One network is compiled for all targets of a kind that are not functions, and one for each function.
        """
        if target is None:
            target = self.parameters["target"]
        kind = kind_of_target(target, self.parameters["pre_activation"], self.classes)
        if self.strands is not None and is_profile(target):
            # A softmax belongs to the logits of one strand.
            kind = *kind, True
        return self.compiled_of_kind(kind, target)

    def compiled_of_kind(self, kind, function=None):
        """Return the network compiled for all targets of a kind; each target function is a kind of its own."""
        with self._lock:
            # Functions may be unhashable. The compiled target keeps its function alive, so that no other gets its id.
            key = kind, id(function) if kind[0] else None
            # Reinserted, so that the dict is ordered by last use.
            compiled = self._compiled.pop(key, None)
            if compiled is None:
                compiled = compile_target(self, function, kind)
                self.mark_small_values(compiled.method)
                if not compiled.method.takes_integers:
                    check_sources(self, compiled.method)
            self._compiled[key] = compiled
            while len(self._compiled) > MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]
            return compiled

    def mark_small_values(self, method):
        """Pass the network's small values to a method, before it is run."""
        method.small = frozenset(value for value in method.shown if value.name in self.small_values)

    def compiled_with_target(self, target=None, n_rows=None):
        """Return the compiled network, and the `Target` of the user's choice.

        Parameters
        ----------
        target : object, default=None
            The user's choice; by default the explainer's own target.
        n_rows : int, default=None
            Number of rows, if each row may have a target of its own.

        Returns
        -------
        compiled : CompiledTarget
        target : Target
        """
        if target is None:
            # Checked only once, since the target does not depend on the rows.
            if self._own_target is None:
                self._own_target = self._check_target(self.parameters["target"], None)
            return self._own_target
        return self._check_target(target, n_rows)

    def _check_target(self, target, n_rows):
        compiled = self.compiled(target)
        # Class names belong to the network's outputs, not to the values of a target function.
        labels = self.labels(compiled.tensor.shape) if compiled.function is None else None
        return compiled, compiled.check(target, n_rows, labels)

    # References

    def learn_references(self, explainer, reference, arrays, **options):
        """Make references from the user's choice; see `skdeeplift.binding.comparison.learn_references`."""
        return learn_references(explainer, self, reference, arrays, **options)

    # Names and form of contributions

    @property
    def source_names(self):
        """Name of each input, or layer, whose contributions are computed."""
        layer = self.layer
        return self.network.input_names if layer is None else [layer] if isinstance(layer, str) else list(layer)

    def shapes_of_sources(self, method):
        """Return the shape of a row's contributions for each source of a method, None for unknown sizes."""
        if self.unit_shapes is not None:
            return self.unit_shapes
        return [tuple(source.value.shape[1:]) for source in method.sources]

    @property
    def gives_table(self):
        """True if contributions are a table, before an axis of targets is added."""
        if self.layer is None:
            return self.network.takes_table
        return isinstance(self.layer, str) and len(self.unit_shapes[0]) == 1

    @property
    def input_columns(self):
        """Names of the columns that the network takes, or None."""
        return self.column_names if self.encoder is None else self.encoded_names(self.column_names)

    def encoded_names(self, input_features):
        """Return the names of the encoded columns, or "x0" and so on if the encoder does not name them."""
        try:
            return self.encoder.get_feature_names_out(input_features)
        except AttributeError:
            n_columns = self.network.input_specs.shape[1] or 0
            return np.array([f"x{column}" for column in range(n_columns)], dtype=object)

    def contribution_names(self, explainer, input_features=None):
        """Return the names of a table of contributions to one target.

        Parameters
        ----------
        explainer : BaseExplainer
            Has the number and the names of the user's columns.
        input_features : array-like of str, default=None
            Other names of the user's columns.

        Returns
        -------
        names : ndarray of str
        """
        if input_features is None:
            input_features = self.column_names
        if self.layer is None:
            if self.encoder is not None and self.raw_columns is None:
                return self.encoded_names(input_features)
            return check_feature_names_in(explainer, input_features, generate_names=True)
        units = self.compiled().method.sources[0].value.shape[1]
        return np.array([f"{self.layer}_{unit}" for unit in range(units)], dtype=object)

    def feature_names_out(self, explainer, input_features=None):
        """Return the names of the columns that `transform` returns for a table.

        Parameters
        ----------
        explainer : BaseExplainer
            Has the number and the names of the user's columns.
        input_features : array-like of str, default=None
            Other names of the user's columns.

        Returns
        -------
        names : ndarray of str

        Raises
        ------
        ValueError
            If contributions are not a table.
        """
        if not self.gives_table:
            raise ValueError(
                f"Only tables have feature names; the network bound to {self.owner} takes "
                f"{shapes_of_rows(self.network)}, and layer={self.layer!r}. Leave set_output at its default, and "
                "reshape contributions yourself."
            )
        compiled, target = self.compiled_with_target()
        names = self.contribution_names(explainer, input_features)
        if target.is_all:
            names = np.array(
                [f"{name}__{each}" for name in names for each in self.target_names(compiled)], dtype=object
            )
        return names

    def target_names(self, compiled):
        """Return one name for each element of the target tensor: the label of its class, or its index."""
        shape = compiled.tensor.shape
        labels = self.labels(shape)
        if labels is None:
            return np.array(["_".join(map(str, index)) for index in np.ndindex(*shape)], dtype=object)
        return np.array([str(label) for label in labels[-int(np.prod(shape)) :]], dtype=object)

    def like_rows(self, arrays, X):
        """Return one array for each input or layer, in the form of the rows or of the layers' names."""
        layer = self.layer
        if isinstance(layer, str) or (layer is None and self.network.is_single):
            return arrays[0]
        if layer is None and isinstance(X, dict):
            return dict(zip(self.network.input_names, arrays, strict=True))
        return list(arrays)

    def sum_to_raw_columns(self, results):
        """Sum the contributions of encoded columns to raw columns.

        The standard error of a sum is at most the sum of its terms' standard errors.
        """
        of_sources = {}
        for name in results.of_sources.keys() & {"contributions", "standard_error"}:
            [array] = results.of_sources[name]
            summed = np.zeros((self.n_columns, len(array), *array.shape[2:]), array.dtype)
            np.add.at(summed, self.raw_columns, np.moveaxis(array, 1, 0))
            of_sources[name] = [np.moveaxis(summed, 0, 1)]
        return results._replace(of_sources=of_sources)

    # Copies

    def with_target(self, target):
        """Return a copy with another default target; both share compiled networks."""
        return with_attributes(self, parameters={**self.parameters, "target": target}, _own_target=None)

    def copy(self, *, network=None, **parameters):
        """Return a copy with another network or other parameters, for which networks are compiled anew."""
        network = self.network if network is None else network
        copied = with_attributes(self, network=network, parameters={**self.parameters, **parameters})
        copied._forget_compiled()
        copied.schedule = self.hooks.make_schedule(copied)
        return copied

    def __getstate__(self):
        left_out = ("_compiled", "_own_target", "_vocabulary", "_lock", "of_lengths", "of_strands")
        state = {name: value for name, value in vars(self).items() if name not in left_out}
        if self.estimator is not None:
            # The network is left out, since the estimator holds it.
            state["network"] = self.network.input_specs
        return packed(state)

    def __setstate__(self, state):
        vars(self).update(unpacked(state))
        self._forget_compiled()
        if self.estimator is not None:
            specs = self.network
            dtype = specs.dtype.as_numpy_dtype
            self.network = Network(KerasModel(network_of(steps_of(self.estimator)[1], dtype)), specs)
