"""How an explainer holds a network: bound or trained in `fit`, cloned, pickled, and named by classes."""

import threading

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeeplift.network.bind import bind, check_pickled
from skdeeplift.network.encoder_columns import source_columns
from skdeeplift.network.inputs import check_dense
from skdeeplift.network.keras_model import KerasModel
from skdeeplift.network.network import Network
from skdeeplift.network.packing import packed, unpacked
from skdeeplift.network.trained import clone_estimator, is_estimator, network_of, rebuilt, steps_of, train, unfrozen
from skdeeplift.rows.validation import check_rows

# Made again when they are first needed: compiled functions do not travel.
_MADE_AGAIN = ("_prepared", "_preparing")


class BindingMixin:
    """Hold a network, or an estimator in which one is trained."""

    _doc_link_module = "skdeeplift"
    _doc_link_template = "https://skdeeplift.readthedocs.io/en/stable/api/{estimator_module}.{estimator_name}.html"

    def _doc_link_url_param_generator(self):
        return {"estimator_module": "skdeeplift", "estimator_name": type(self).__name__}

    def _bind(self, X, y, sample_weight):
        """Bind the network, which is trained before if it is not yet; return what it takes for the rows."""
        for name in ("estimator_", "classes_", "n_features_in_", "feature_names_in_", "_raw_columns"):
            vars(self).pop(name, None)
        estimator = unfrozen(self.estimator)
        if not is_estimator(estimator):
            self.network_ = bind(estimator, X)
            return X
        if steps_of(estimator)[0] is None:
            check_dense(X)
        if estimator is self.estimator:
            self.estimator_ = train(estimator, X, y, sample_weight, type(self).__name__)
        else:
            check_is_fitted(estimator)
            # Whoever was trained on named columns compares their names.
            validate_data(estimator, X, reset=False, skip_check_array=True)
            self.estimator_ = estimator
        if hasattr(self.estimator_, "classes_"):
            self.classes_ = self.estimator_.classes_
        X = self._transformed(X, reset=True)
        self.network_ = bind(self._network_inside(getattr(X, "dtype", None)), X)
        self._find_raw_columns()
        return X

    def _network_inside(self, dtype):
        return network_of(steps_of(self.estimator_)[1], dtype)

    @property
    def _transformer(self):
        """The earlier steps of a pipeline whose last step is explained, or None."""
        return steps_of(self.estimator_)[0] if hasattr(self, "estimator_") else None

    def _input_columns(self):
        """Names of the columns that the network takes, where they have some."""
        if self._transformer is not None:
            return self._transformer.get_feature_names_out()
        return getattr(self, "feature_names_in_", None)

    def _transformed(self, X, reset=False):
        """What the earlier steps of a pipeline make of the rows."""
        transformer = self._transformer
        if transformer is None:
            return X
        validate_data(self, X, reset=reset, skip_check_array=True)
        X = transformer.transform(X)
        return X.toarray() if hasattr(X, "toarray") else X

    def _find_raw_columns(self):
        """Find the raw column that each column of the network's input is made of, where contributions go back to it."""
        vars(self).pop("_raw_columns", None)
        if self.to_source and self._transformer is not None:
            if self.layer is not None:
                raise ValueError("to_source=True is for contributions of the input. Pass layer=None.")
            n_encoded = self.network_.input_specs.shape[1]
            try:
                self._raw_columns = source_columns(self._transformer, self.n_features_in_, n_encoded)
            except ValueError as error:
                reason = str(error).partition(" Pass groups=")[0]
                raise ValueError(f"{reason} Pass to_source=False for contributions of what they return.") from error

    @property
    def _raw_sources(self):
        return vars(self).get("_raw_columns")

    def _over_raw_columns(self, results):
        """Sum contributions of encoded columns over those that are made of the same raw column."""
        [array] = results.contributions
        summed = np.zeros((self.n_features_in_, len(array), *array.shape[2:]), array.dtype)
        np.add.at(summed, self._raw_sources, np.moveaxis(array, 1, 0))
        return results._replace(of_sources={"contributions": [np.moveaxis(summed, 0, 1)]})

    def _rows(self, X, reset=False):
        """One array for each of the network's inputs."""
        check_dense(X)
        return check_rows(self, X, self.network_, reset=reset, has_columns=self._transformer is None)

    def _labels(self, shape):
        """Labels of the classes that the outputs of a shape stand for, or None."""
        given = self._fitted["class_names"]
        labels = getattr(self, "classes_", None) if given is None else np.asarray(given)
        if labels is None or isinstance(labels, list):
            return None
        n_outputs = int(np.prod(shape))
        if labels.ndim == 1 and len(labels) == (2 if n_outputs == 1 else n_outputs) and len(shape) <= 1:
            return labels
        if given is None:
            return None
        raise ValueError(
            f"class_names= has {labels.size} names, but the network's outputs have shape {shape}. Pass one name for "
            "each, or two for a single logit."
        )

    def __sklearn_clone__(self):
        # The default would copy the network through a file, and lose the link to the user's own.
        parameters = {name: clone_estimator(value) for name, value in self.get_params(deep=False).items()}
        if not is_estimator(self.estimator):
            parameters["estimator"] = self.estimator
        return rebuilt(self, parameters)

    def __getstate__(self):
        check_pickled(unfrozen(self.estimator))
        state = {name: value for name, value in super().__getstate__().items() if name not in _MADE_AGAIN}
        if "estimator_" in state:
            # The network is in there already.
            state["network_"] = self.network_.input_specs
        return packed(state)

    def __setstate__(self, state):
        super().__setstate__(unpacked(state))
        # There from the start, so that shallow copies share what is compiled.
        self._prepared, self._preparing = {}, threading.Lock()
        if hasattr(self, "estimator_"):
            specs = self.network_
            self.network_ = Network(KerasModel(self._network_inside(specs.dtype.as_numpy_dtype)), specs)

    def _on_network(self, network):
        """The same fitted explainer, of another network that takes the same."""
        other = object.__new__(type(self))
        vars(other).update({name: value for name, value in vars(self).items() if name not in _MADE_AGAIN})
        # What another network makes of the rows need not be well-behaved.
        other.network_, other.check = network, "ignore"
        return other

    def _prepare(self, kind, is_right, make):
        """What is compiled once for a kind of target, by one thread."""
        prepared = vars(self).setdefault("_prepared", {})
        with vars(self).setdefault("_preparing", threading.Lock()):
            if kind not in prepared or not is_right(prepared[kind]):
                prepared[kind] = make()
            return prepared[kind]
