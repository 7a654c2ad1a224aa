"""Base class of the explainers: `fit` binds a network and learns references, `transform` and `explain` explain rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, Contributions, Explanation, PerInput, ReferenceLike, Rows, TargetLike
from skdeeplift.binding.both_strands import on_both_strands_of
from skdeeplift.binding.bound import Hooks
from skdeeplift.binding.calls import Fields, check_out, check_single_target, explain_rows
from skdeeplift.binding.dask_calls import fit_lazily, transform_lazily
from skdeeplift.binding.estimators import PredictionMixin, check_metadata, take_attributes, with_attributes
from skdeeplift.binding.export import ExportMixin
from skdeeplift.binding.fitting import fit_rows
from skdeeplift.binding.importances import warn_of_encoded_columns
from skdeeplift.binding.partial_fitting import check_learns_in_chunks, fit_chunk
from skdeeplift.compat import Interval, StrOptions, fit_context, validate_parameter_constraints
from skdeeplift.execution.schedules import schedule_of_references
from skdeeplift.explainers import explainer_parameters
from skdeeplift.network.callees import check_pickled
from skdeeplift.network.packing import packed, unpacked
from skdeeplift.network.trained import clone_estimator, is_estimator, is_trained_in_fit, rebuilt, steps_of, unfrozen
from skdeeplift.propagation.lookups import input_sources
from skdeeplift.references.assembly import REFERENCE_NAMES
from skdeeplift.references.reference import Reference
from skdeeplift.rows.batches import rows_for_fit
from skdeeplift.rows.dask_map import dispatch_dask, fit_and_transform
from skdeeplift.rows.dask_rows import compute_all, is_lazy
from skdeeplift.shared_docstrings import fill_placeholders
from skdeeplift.targets.profile import Profile

CHECK_CONSTRAINTS = {"check": [StrOptions({"warn", "raise", "ignore"})]}
# Parameters of all explainers, validated in `fit`.
COMMON_CONSTRAINTS = {
    "estimator": "no_validation",
    "output": [str, Integral, None],
    "target": [str, Profile, Integral, tuple, dict, "array-like", callable],
    "class_names": ["array-like", None],
    "feature_names": ["array-like", None],
    "pre_activation": ["boolean", StrOptions({"auto"})],
    "center_logits": ["boolean"],
    "layer": [str, list, tuple, None],
    "to_source": ["boolean", StrOptions({"auto"})],
    "max_samples": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
}
# Parameters of explainers that compare rows with references.
REFERENCE_CONSTRAINTS = {
    "reference": [StrOptions(set(REFERENCE_NAMES)), Reference, callable, "array-like", list, dict, Real],
    "max_references": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "reference_tol": [Interval(Real, 0, None, closed="neither"), None],
}


class BaseExplainer(ExportMixin, PredictionMixin, TransformerMixin, BaseEstimator):
    """Base class of all explainers; a subclass chooses the method that explains."""

    _doc_link_module = "skdeeplift"
    _doc_link_template = "https://skdeeplift.readthedocs.io/en/stable/api/{estimator_module}.{estimator_name}.html"

    # Make the sources, the values to explain, from the network's inputs.
    _find_sources = staticmethod(input_sources)
    # Return the schedule, which repeats the method for each row.
    _make_schedule = staticmethod(schedule_of_references)

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        fill_placeholders(cls, explainer_parameters.__doc__)

    @staticmethod
    @abstractmethod
    def _make_method(graph, target, sources, bound):
        """Return the compiled method for a target and sources of a network, with the parameters of the last fit."""

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Rows,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        target: ArrayLike | Mapping[Any, Any] | None = None,
        **metadata: Any,
    ) -> Self:
        """Bind or train the network, and learn the reference from rows.

        No row is explained yet: ``feature_importances_`` are computed on first access.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or iterable of batches
            Rows in the form that the network takes, from which references are learned. Batches have the forms that
            `transform` takes: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``. All of their rows are read into memory.
            From arrays and tables of Dask, at most ``max_samples`` rows are read, unless a network is trained on them.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Labels that an untrained estimator learns to predict. Ignored, in any form, if the network is already
            trained.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the training, the reference and ``feature_importances_``. With scikit-learn's
            metadata routing, the training uses them only if the estimator requests them. The reference and
            ``feature_importances_`` use them unless ``set_fit_request(sample_weight=False)`` was called.
        target : array-like of shape (n_rows,), (n_rows, n_axes) or (n_rows, *output), default=None
            Target of each row for ``feature_importances_``, as in `explain`.
        **metadata : dict
            Further metadata that an untrained estimator requests with its ``set_fit_request``, with metadata routing.

        Returns
        -------
        self : object
            The fitted explainer.

        Raises
        ------
        TypeError
            If ``estimator`` cannot be explained, nothing requests some metadata, or ``X`` is sparse or ragged.
        NotFittedError
            If a pipeline ends in a trained network and an earlier step is not fitted.
        ValueError
            If ``X`` does not fit the network, ``y`` is missing, or a parameter has an invalid value.
        UnsupportedOpError
            If the network has an op without a rule.
        ModelFileError
            If ``estimator`` is a path that holds no network.

        Warns
        -----
        RuntimeWarning
            If the network rounds numbers and the method takes derivatives, which ignore such steps.
        """
        hooks = Hooks(self._make_method, self._make_schedule, self._find_sources)
        is_trained = is_trained_in_fit(self.estimator)
        if not is_trained:
            check_metadata(self, metadata)
        fitted = with_attributes(self)
        before = dict(vars(fitted))
        if is_lazy(X):
            y = y if is_trained else None
            fitted._importances = fit_lazily(fitted, hooks, X, y, sample_weight, target, metadata)
        else:
            rows = rows_for_fit(X, y, sample_weight, is_trained)
            fitted._importances = fit_rows(fitted, hooks, *rows, target, metadata)
        take_attributes(self, fitted, before)
        return self

    @available_if(check_learns_in_chunks)
    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X: Rows, y: Any = None, *, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the reference from one more chunk of rows, if all rows together do not fit into memory.

        The first call binds the network, as `fit` does. The mean and the minimum are taken over the rows of all calls.
        A sample is drawn from at most 1024 rows of all calls. ``feature_importances_`` use at most ``max_samples``
        rows, drawn from all calls. `fit` forgets earlier chunks, and so does the first call after `fit`.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or iterable of batches
            Rows of the chunk, as in `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the reference and in ``feature_importances_``.

        Returns
        -------
        self : object
            The fitted explainer.

        Raises
        ------
        ValueError
            If ``X`` does not fit the network, or its rows have another shape than earlier rows.
        """
        hooks = Hooks(self._make_method, self._make_schedule, self._find_sources)
        fitted = with_attributes(self)
        before = dict(vars(fitted))
        if is_lazy(X):
            X, sample_weight = compute_all(X, sample_weight)
        X, _, sample_weight = rows_for_fit(X, None, sample_weight, is_trained=False)
        fitted._importances = fit_chunk(fitted, hooks, X, sample_weight)
        take_attributes(self, fitted, before)
        return self

    @property
    def feature_importances_(self) -> Contributions:
        """Mean absolute contributions over the rows that `fit` kept, computed on first access."""
        importances = self.read_importances()
        warn_of_encoded_columns(with_attributes(self))
        return importances

    def read_importances(self) -> Contributions:
        """Return ``feature_importances_`` without the warning about importances of encoded columns.

        Returns
        -------
        importances : ndarray of shape (*features), or list or dict of ndarray
            Importances of raw columns if ``to_source`` sums contributions to raw columns, or else of the columns that
            the network takes.
        """
        check_is_fitted(self)
        self._check_call_parameters()
        # Another thread may fit the explainer meanwhile.
        explainer = with_attributes(self)
        return explainer._importances.read(explainer)

    @property
    def network_(self) -> Any:
        """Network that the explainer is bound to."""
        check_is_fitted(self)
        return self.bound_.network

    def transform(self, X: Rows, *, target: TargetLike | None = None, out: Any = None) -> Contributions:
        """Compute the contributions of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or iterable of batches
            Rows in the form that the network takes. Rows of a memory map, or of another array that is read when it is
            sliced, are read in blocks. Batches come from a ``tf.data.Dataset``, a Keras ``PyDataset``, a generator or
            another iterable of ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, as in Keras. Arrays and tables of Dask
            stay lazy. If the network takes any length along an axis, rows may be longer or shorter there than in
            `fit`, unless the reference has a length of its own. Inputs of one column may be one-dimensional.
        target : array-like, int, tuple or dict, default=None
            Target to explain; by default the ``target`` of the explainer. An array of integers or labels has one target
            for each row, and an array of floats has weights, as in `explain`.
        out : array-like, or list or dict of array-like, default=None
            Array that contributions are written into, block by block, and that is returned: an array, a memory map, or
            another object with the same slicing and assignment. It has the shape of the contributions and a
            floating-point dtype, such as float16, to which contributions are rounded. If an error is raised midway, a
            note on the error tells how many rows are finished and written.

        Returns
        -------
        contributions : ndarray of shape (n_rows, *features), or list or dict of ndarray
            Contributions in the form of ``X``, lazy if ``X`` is lazy, in the network's dtype. The contributions of a
            row sum to the difference between the target at the row and at the reference. A target of ``"all"`` adds a
            last axis of targets, which for a table is folded into the columns, feature by feature. With ``layer``,
            contributions are those of the layer's units.

        Raises
        ------
        ValueError
            If ``X``, the target or ``out`` does not fit the network.

        Warns
        -----
        SummationToDeltaWarning
            If contributions do not sum to the change of the target, for a method where they should.
        ReferenceWarning
            If shuffles of a row equal the row, so that they tell nothing about the row.
        RuntimeWarning
            If the target is not finite, for a method whose contributions need not sum to its change.
        """
        check_is_fitted(self)
        self._check_call_parameters()
        if target is not None:
            check_single_target(self.bound_, target)
        out = None if out is None else {"contributions": out}
        return explain_rows(self, X, Fields(), target=target, out=out).contributions

    def explain(
        self,
        X: Rows,
        *,
        target: TargetLike | None = None,
        reference: ReferenceLike | None = None,
        multipliers: bool = False,
        hypothetical: bool | PerInput = False,
        both_strands: bool | str | PerInput = False,
        out: Any = None,
    ) -> Explanation:
        """Compute the contributions of rows, with predictions, convergence deltas and standard errors.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or iterable of batches
            Rows in the form that the network takes, or batches of rows, as in `transform`. Lazy rows are computed.
        target : str, int, tuple, dict, array-like, Profile or callable, default=None
            Target to explain; by default the ``target`` of the explainer. An integer array of shape ``(n_rows,)`` has
            one index for each row. An integer array of shape ``(n_rows, n_axes)``, or a list of tuples, has indices
            into several axes. A float array of the output's shape has weights; an additional first axis of rows has
            weights for each row. A Series or DataFrame with an entry for each row is aligned with the index of ``X``,
            if ``X`` has one.
        reference : str, Reference, callable, array-like or References, default=None
            Reference to compare rows with, in the forms of the explainer's ``reference``; by default the references
            that `fit` learned. Per-row references belong to the rows of this call. A reference that learns from
            training rows needs a `fit`: that of the explainer, or that of an object of `skdeeplift.references`.
            ``references_`` of another explainer of the same network are accepted too.
        multipliers : bool, default=False
            Whether to also return multipliers.
        hypothetical : bool, int, list or dict, default=False
            Whether to also return the contribution that each possible letter would have, if ``X`` holds one-hot letters
            or frequencies of letters that sum to one. An int is the axis of letters, counted with the axis of rows.
            With several inputs, True means those that hold letters and are not ``"held"``, and a list or dict has one
            entry for each input.
        both_strands : bool, str, int, tuple of int, list or dict, default=False
            Whether to explain the mean of the target over each sequence and its reverse complement. All fields are
            then means over both strands, in the positions of ``X``, with the row's references on both strands. True is
            for one-hot letters in the order ACGT, or another order whose reverse is its complement. A string such as
            ``"ATGC"`` gives the letters in the order of the columns. An axis or several, such as ``(1, 2)``, are
            reversed: the axes of positions and strands of control tracks. With several inputs, a list or dict has one
            entry for each; False leaves an input unchanged.
        out : array-like, or list or dict of array-like, default=None
            Array that contributions are written into, as in `transform`. A dict with the key ``"contributions"`` may
            also have arrays for multipliers, standard errors and hypothetical contributions, under their names in the
            explanation. Fields with a number for each element of ``X`` are then only computed if ``out`` names them.
            The explanation keeps ``X`` if ``X`` is an array.

        Returns
        -------
        explanation : Explanation
            Contributions, predictions and convergence deltas, with their rows.

        Raises
        ------
        ValueError
            If ``X``, the target, the reference or ``out`` does not fit the network, or ``X`` does not hold letters that
            ``hypothetical`` or ``both_strands`` needs.

        Warns
        -----
        SummationToDeltaWarning
            If contributions do not sum to the change of the target, for a method where they should.
        ReferenceWarning
            If shuffles of a row equal the row, so that they tell nothing about the row.
        RuntimeWarning
            If the target is not finite, for a method whose contributions need not sum to its change.
        """
        check_is_fitted(self)
        self._check_call_parameters()
        if is_lazy(X):
            X, target, reference = compute_all(X, target, reference)
        out = check_out(out)
        fields = Fields(True, multipliers, hypothetical)
        if out is not None:
            asked = {"multipliers": multipliers, "hypothetical": hypothetical is not False}
            if missing := [name for name, is_asked in asked.items() if is_asked and name not in out]:
                raise ValueError(
                    f"out= has no array for {' and '.join(missing)}, which this call computes. Pass "
                    f"out={{'contributions': ..., {missing[0]!r}: ...}}."
                )
            letters = hypothetical if hypothetical is not False else "hypothetical" in out
            fields = Fields(True, multipliers or "multipliers" in out, letters, frozenset(out))
        explainer = self if both_strands is False else on_both_strands_of(self, both_strands)
        return explain_rows(explainer, X, fields, target=target, reference=reference, out=out)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that `transform` returns for a table.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of ``X``; by default those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            One name for each column of the table.

        Raises
        ------
        ValueError
            If contributions are not a table.
        """
        check_is_fitted(self)
        return self.bound_.feature_names_out(self, input_features)

    def _check_call_parameters(self):
        """Validate the parameters that each call reads, since they may have changed after `fit`."""
        values = {"batch_size": self.batch_size, "n_jobs": self.n_jobs, "verbose": self.verbose}
        values["check"] = getattr(self, "check", "ignore")
        validate_parameter_constraints(COMMON_CONSTRAINTS | CHECK_CONSTRAINTS, values, type(self).__name__)

    def _get_fitted_attr_html(self, doc_link=""):
        # scikit-learn's display reads every attribute. Importances that nobody has read yet are left out, since
        # computing them may take long.
        shown = with_attributes(self)
        if hasattr(self, "_importances") and not self._importances.is_computed:
            del shown._importances
        return super(BaseExplainer, shown)._get_fitted_attr_html(doc_link)

    def _doc_link_url_param_generator(self):
        return {"estimator_module": "skdeeplift", "estimator_name": type(self).__name__}

    def __sklearn_clone__(self):
        # scikit-learn's default would copy the network through a file, and lose the link to the user's network.
        parameters = {name: clone_estimator(value) for name, value in self.get_params(deep=False).items()}
        if not is_estimator(self.estimator):
            parameters["estimator"] = self.estimator
        return rebuilt(self, parameters)

    def __getstate__(self):
        check_pickled(unfrozen(steps_of(self.estimator)[1]))
        return packed(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(unpacked(state))


# Dispatched outside scikit-learn's wrappers for set_output, since these would compute lazy rows.
BaseExplainer.transform = dispatch_dask(BaseExplainer.transform, transform_lazily)
BaseExplainer.fit_transform = dispatch_dask(BaseExplainer.fit_transform, fit_and_transform)
