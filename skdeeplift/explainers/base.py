"""What all explainers share: binding a network, checking rows, learning references and importances."""

from abc import abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context, clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from skdeeplift.execution.run import run
from skdeeplift.explainers.explanation import Explanation
from skdeeplift.network.bind import bind
from skdeeplift.network.target import check_row_targets, check_target, find_target_tensor
from skdeeplift.propagation.check import check_convergence, convergence_delta, rows_are_independent
from skdeeplift.references.base import NAMES, make_references

# Importances are means over rows: more numbers than these make them slower, hardly better.
IMPORTANCE_ELEMENTS = 10_000_000


class BaseExplainer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Base of all explainers; a subclass says which rules it follows and whether contributions must add up."""

    _parameter_constraints: dict = {
        "estimator": "no_validation",
        "reference": [StrOptions(set(NAMES)), "array-like", list, dict],
        "max_references": [Interval(Integral, 1, None, closed="left")],
        "target": [StrOptions({"auto", "predicted"}), Integral, tuple, dict],
        "pre_activation": ["boolean"],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "check": [StrOptions({"warn", "raise", "ignore"})],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    _sums_to_delta = True

    @abstractmethod
    def _rule_set(self, parameters):
        """What each op does to a difference, by the parameters that the explainer was fitted with."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Bind the network, and learn the reference and the mean absolute contributions from rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows as the network takes them, which stand for the distribution that contributions are relative to.
        y : None
            Ignored; the network is trained already.

        Returns
        -------
        self : object
            The fitted explainer.

        Raises
        ------
        ValueError
            If ``X`` does not fit the network, or a parameter has no such choice.
        UnsupportedOpError
            If the network has an op without a rule.
        ModelFileError
            If ``estimator`` is a path that holds no network.
        """
        before = dict(vars(self))
        try:
            self._fit(X)
        except BaseException:
            # A fit that fails leaves the estimator as it was.
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _fit(self, X):
        self.network_ = network = bind(self.estimator, X)
        if not network.takes_table:
            for name in ("n_features_in_", "feature_names_in_"):
                vars(self).pop(name, None)
        # What later calls go by, whatever is set in the meantime.
        self._fitted = {name: value for name, value in self.get_params(deep=False).items() if name != "estimator"}
        arrays = self._check_rows(X, network, reset=True)
        random_state = check_random_state(self.random_state)
        reference = self._flat_reference(self.reference)
        self.references_ = references = make_references(
            reference, arrays, self._input_labels(network), self.max_references, random_state
        )
        self._streams, target = self._prepare(network)
        if network.batch_size is None and not rows_are_independent(self._streams, [array[:1] for array in arrays]):
            raise ValueError(
                "The network's output for a row depends on the other rows of its batch, or it has another number of "
                "rows than the input. Contributions of a row exist only where the network treats each row by itself; "
                "look for a reduction, a reshape or a softmax over the batch axis."
            )
        rows = self._importance_rows(arrays, random_state)
        if references.per_row:
            references = references._replace(arrays=[array[rows] for array in references.arrays])
        results, _ = self._run([array[rows] for array in arrays], references, target)
        absolute = [np.abs(array).mean(0, dtype=np.float64) for array in results.contributions]
        self.feature_importances_ = self._like_given(absolute, X)

    def transform(self, X):
        """Compute the contributions of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows as the network takes them.

        Returns
        -------
        contributions : ndarray of shape (n_rows, *features), or list or dict of ndarray
            In the form of ``X`` and the network's dtype; each row's sum to the difference between the target at the row
            and at the reference.
        """
        check_is_fitted(self)
        arrays = self._check_rows(X, self.network_, reset=False)
        results, _ = self._run(arrays, self._references_for(arrays), self._fitted_target())
        return self._like_given(results.contributions, X)

    def explain(self, X, *, target=None, reference=None, multipliers=False):
        """Compute the contributions of rows, and what they are measured by.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows as the network takes them.
        target : {"auto", "predicted"}, int, tuple, dict or int array of shape (n_rows,), default=None
            What to explain, where it differs from the explainer's own ``target``; an array has one index per row.
        reference : str or array-like, default=None
            What to compare with, where it differs from what `fit` learned: as the explainer's ``reference``, with these
            rows as those that per-row references belong to. The names of distributions need `fit`.
        multipliers : bool, default=False
            Whether to return multipliers too.

        Returns
        -------
        explanation : Explanation
            Contributions, predictions, convergence deltas and what they were made from.
        """
        check_is_fitted(self)
        arrays = self._check_rows(X, self.network_, reset=False)
        references = self._references_for(arrays, reference)
        wanted = ["contributions"] + ["multipliers"] * bool(multipliers) + ["squares"] * (len(references.weights) > 1)
        target = self._checked_target(target, len(arrays[0]))
        results, delta = self._run(arrays, references, target, wanted=tuple(wanted))

        def like_given(values):
            """Leave out what was not computed."""
            return None if values is None else self._like_given(values, X)

        return Explanation(
            contributions=like_given(results.contributions),
            multipliers=like_given(results.multipliers),
            standard_error=like_given(results.standard_error),
            prediction=results.prediction,
            reference_value=results.reference_value,
            target=target if isinstance(target, dict) else None if results.target[0] < 0 else results.target,
            convergence_delta=delta,
            X=X,
            feature_names=_check_feature_names_in(self, generate_names=True) if self.network_.takes_table else None,
            index=getattr(X, "index", None) if hasattr(X, "columns") else None,
        )

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `transform` returns for a table.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input's columns; by default those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            One name per column of the table.

        Raises
        ------
        ValueError
            If the network does not take a table.
        """
        check_is_fitted(self)
        if not self.network_.takes_table:
            raise ValueError(
                f"Only tables have feature names; the network bound to {type(self).__name__} takes "
                f"{self._shapes(self.network_)}. Leave set_output at its default, and reshape contributions yourself."
            )
        return super().get_feature_names_out(input_features)

    def __sklearn_clone__(self):
        # The default would copy the network through a file, and lose the link to the user's own.
        parameters = self.get_params(deep=False)
        estimator = parameters.pop("estimator")
        copied = type(self)(estimator, **{name: clone(value, safe=False) for name, value in parameters.items()})
        for name in ("_metadata_request", "_sklearn_output_config"):
            if hasattr(self, name):
                setattr(copied, name, dict(getattr(self, name)) if name.endswith("config") else getattr(self, name))
        return copied

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self):
        # Compiled functions do not travel; they are made again when first needed.
        return {name: value for name, value in super().__getstate__().items() if name != "_streams"}

    def _prepare(self, network):
        from skdeeplift.propagation.streams import Streams

        graph = network.graph
        if len(graph.outputs) != 1:
            raise ValueError(
                f"The network has {len(graph.outputs)} outputs. Pass a model that has only the one to explain."
            )
        tensor = find_target_tensor(graph, graph.outputs[0], self._fitted["pre_activation"])
        target = check_target(self._fitted["target"], tensor)
        streams = Streams(graph, tensor.value, graph.inputs, self._rule_set(self._fitted), owner=type(self).__name__)
        streams.target_tensor = tensor
        return streams, target

    def _compiled(self):
        if not hasattr(self, "_streams"):
            self._streams, _ = self._prepare(self.network_)
        return self._streams

    def _run(self, arrays, references, target, wanted=("contributions",)):
        """Explain rows, and check that contributions add up."""
        streams = self._compiled()
        fixed = self.network_.batch_size
        results = run(
            streams,
            arrays,
            references,
            target,
            wanted=wanted,
            batch_size=self.batch_size,
            fixed=fixed,
            verbose=self.verbose,
        )
        if not self._sums_to_delta:
            return results, convergence_delta(results)

        def locate(row, tolerance):
            """Name the op where the difference that a row carries first departs from the true one."""
            of_row = [array[row] if references.per_row else array for array in references.arrays]
            rows = [np.repeat(array[[row]], len(of_row[0]), 0) for array in arrays]
            op = streams.first_departure(rows, of_row, tolerance) if fixed is None else None
            if op is None:
                return ""
            return f" The carried difference first departs from the true one at {streams.graph.describe(op)}."

        return results, check_convergence(results, self.check, locate)

    def _fitted_target(self):
        return check_target(self._fitted["target"], self._compiled().target_tensor)

    def _checked_target(self, target, n_rows):
        if target is None:
            return self._fitted_target()
        tensor = self._compiled().target_tensor
        if isinstance(target, (np.ndarray, list)) or hasattr(target, "to_numpy"):
            return check_row_targets(target, tensor, n_rows)
        return check_target(target, tensor)

    def _references_for(self, arrays, reference=None):
        if reference is None:
            references = self.references_
            if references.per_row and len(references.arrays[0]) != len(arrays[0]):
                raise ValueError(
                    f"The explainer was fitted with references of their own for {len(references.arrays[0])} rows, and "
                    f"X has {len(arrays[0])}. Pass references that go with these rows as explain(X, reference=...)."
                )
            return references
        if isinstance(reference, str):
            if reference != "zeros":
                raise ValueError(
                    f"explain takes reference='zeros' or an array; reference={reference!r} is learned in fit. Fit an "
                    f"explainer with it."
                )
        else:
            reference = self._flat_reference(reference)
        return make_references(reference, arrays, self._input_labels(self.network_), self.max_references, None)

    def _flat_reference(self, reference):
        """One array for each input, or the name of references."""
        if isinstance(reference, str):
            return reference
        if hasattr(reference, "columns") and self.network_.takes_table:
            validate_data(self, reference, reset=False, skip_check_array=True)
        return self.network_.flatten(reference)

    def _importance_rows(self, arrays, random_state):
        n_rows = len(arrays[0])
        elements = sum(array[0].size for array in arrays)
        most = min(self.max_samples, max(16, IMPORTANCE_ELEMENTS // elements))
        if n_rows <= most:
            return slice(None)
        return np.sort(random_state.choice(n_rows, most, replace=False))

    def _check_rows(self, X, network, reset):
        """Return one finite array in the network's dtype for each input."""
        if network.takes_table:
            dtype = network.input_specs.dtype.as_numpy_dtype
            array = validate_data(self, X, dtype=dtype, reset=reset)
            expected = network.input_specs.shape[1]
            if expected is not None and array.shape[1] != expected:
                raise ValueError(
                    f"X has {array.shape[1]} features, but the network bound to {type(self).__name__} takes "
                    f"{expected}. A bound network can not be refitted on fewer columns: select columns before the "
                    f"network is trained."
                )
            return [array]
        arrays = []
        for array, spec, name in zip(network.flatten(X), network.flat_specs, self._input_labels(network), strict=True):
            array = check_array(array, dtype=spec.dtype.as_numpy_dtype, allow_nd=True, ensure_2d=False, input_name=name)
            fits = array.ndim == len(spec.shape) and all(
                size in (None, given) for size, given in zip(spec.shape[1:], array.shape[1:], strict=True)
            )
            if not fits:
                raise ValueError(
                    f"{name} has shape {array.shape}, but the network bound to {type(self).__name__} takes "
                    f"{_shape_of_rows(spec)}."
                )
            arrays.append(array)
        if len({len(array) for array in arrays}) > 1:
            lengths = ", ".join(str(len(array)) for array in arrays)
            raise ValueError(f"All inputs need the same number of rows. Got {lengths}.")
        return arrays

    @staticmethod
    def _input_labels(network):
        return ["X"] if network.is_single else [f"X[{name!r}]" for name in network.input_names]

    @staticmethod
    def _shapes(network):
        return ", ".join(_shape_of_rows(spec) for spec in network.flat_specs)

    def _like_given(self, arrays, X):
        """Give one array per input the form in which the rows came."""
        if self.network_.is_single:
            return arrays[0]
        if isinstance(X, dict):
            return dict(zip(self.network_.input_names, arrays, strict=True))
        return list(arrays)


def _shape_of_rows(spec):
    return f"({', '.join(['n_rows', *('any' if size is None else str(size) for size in spec.shape[1:])])})"
