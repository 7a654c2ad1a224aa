"""What all explainers share: `fit` learns references and importances, `transform` and `explain` explain rows."""

from abc import abstractmethod
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import Interval, StrOptions, check_sample_weight, fit_context
from skdeeplift.execution.dask import lazily
from skdeeplift.execution.run import run
from skdeeplift.explainers.binding import BindingMixin
from skdeeplift.explainers.comparison import ComparesWithReferences
from skdeeplift.explainers.lazy import TakesLazyRows
from skdeeplift.explainers.names import NamesContributions
from skdeeplift.explainers.predictions import PredictionMixin
from skdeeplift.explainers.refusals import RefusesNetworks
from skdeeplift.explainers.splitting import SplitsRows
from skdeeplift.explainers.summation import ChecksSummation
from skdeeplift.explainers.unchanged import unchanged_on_error
from skdeeplift.explanation.explanation import Explanation
from skdeeplift.propagation.lookups import input_sources
from skdeeplift.propagation.sums import PARTS
from skdeeplift.references.assembly import REFERENCE_NAMES
from skdeeplift.references.reference import Reference
from skdeeplift.rows.batches import rows_for_fit
from skdeeplift.rows.blocks import OF_ELEMENTS, ExplainsInBlocks, written
from skdeeplift.rows.dask_rows import in_memory, is_lazy
from skdeeplift.rows.validation import importance_rows
from skdeeplift.targets.explained import explain_target

# Of how many references importances are computed where references are added automatically.
IMPORTANCE_REFERENCES = 100


class BaseExplainer(
    BindingMixin,
    RefusesNetworks,
    SplitsRows,
    TakesLazyRows,
    ComparesWithReferences,
    ExplainsInBlocks,
    ChecksSummation,
    NamesContributions,
    PredictionMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Base of all explainers; a subclass says by which method it explains."""

    # Parameters of all explainers, and of those that compare rows with references.
    _common_constraints: dict = {
        "estimator": "no_validation",
        "output": [str, Integral, None],
        "target": [str, Integral, tuple, dict, "array-like", callable],
        "class_names": ["array-like", None],
        "pre_activation": ["boolean"],
        "center_logits": ["boolean"],
        "layer": [str, list, tuple, None],
        "to_source": ["boolean"],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "unsupported": [StrOptions({"raise", "integrate"})],
        "check": [StrOptions({"warn", "raise", "ignore"})],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    _reference_constraints: dict = {
        "reference": [StrOptions(set(REFERENCE_NAMES)), Reference, callable, "array-like", list, dict, Real],
        "max_references": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "reference_tol": [Interval(Real, 0, None, closed="neither"), None],
    }

    # How the network's inputs become sources.
    _find_sources = staticmethod(input_sources)
    # What to call a row in a warning.
    _name_row = "row {}".format

    @abstractmethod
    def _method(self, graph, target, sources, parameters):
        """Compile the method for a target and sources of a network, by the parameters of the last fit."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, sample_weight=None, target=None):
        """Bind or train the network, and learn the reference and the mean absolute contributions from rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or batches of these
            Rows as the network takes them, which stand for the distribution that contributions are relative to. Batches
            are those that `transform` takes, of ``x``, ``(x, y)`` or ``(x, y, sample_weight)``; all of their rows are
            read into memory. Of arrays and tables of Dask at most ``max_samples`` rows are, unless a network is
            trained on them.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            What an estimator that is not trained learns to predict; ignored where the network is bound as it is.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows, in the training, in the reference and in ``feature_importances_``.
        target : array-like of shape (n_rows,), default=None
            What to explain of each row for ``feature_importances_``, as in `explain`.

        Returns
        -------
        self : object
            The fitted explainer.

        Raises
        ------
        TypeError
            If ``estimator`` is nothing that can be explained, or ``X`` is sparse or ragged.
        ValueError
            If ``X`` does not fit the network, ``y`` is missing, or a parameter has no such choice.
        UnsupportedOpError
            If the network has an op without a rule.
        ModelFileError
            If ``estimator`` is a path that holds no network.
        """
        with unchanged_on_error(self):
            if is_lazy(X):
                self._fit_lazily(X, y, sample_weight, target)
            else:
                self._fit(*rows_for_fit(X, y, sample_weight), target)
        return self

    def _fit(self, X, y, sample_weight, target):
        arrays, sample_weight, explained, random_state = self._learn(X, y, sample_weight, target)
        rows = importance_rows(arrays, self.max_samples, random_state)
        references = self._references_for_importances(arrays, explained)
        if references is not None:
            references = references.take(rows)
        results, _ = self._run([array[rows] for array in arrays], references, explained.of_rows(rows))
        weights = None if sample_weight is None else sample_weight[rows]
        absolute = [np.average(np.abs(array), 0, weights) for array in results.contributions]
        if explained.target.is_all:
            absolute = [array.mean(-1) for array in absolute]
        self.feature_importances_ = self._like_given(absolute, X)

    def _learn(self, X, y, sample_weight, target, find_reference=None):
        """Bind or train the network, and learn the reference, which may be found in more than these rows."""
        X = self._bind(X, y, sample_weight)
        # What later calls go by, whatever is set in the meantime.
        self._fitted = {name: value for name, value in self.get_params(deep=False).items() if name != "estimator"}
        vars(self).pop("_prepared", None)
        arrays = self._rows(X, reset=True)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, arrays[0], ensure_non_negative=True)
        random_state = check_random_state(self.random_state)
        # What is drawn comes from it, so that the same call gives the same numbers.
        self._seed = int(random_state.randint(np.iinfo(np.int32).max))
        explained = self._explained(target, len(arrays[0]))
        if explained.method.uses_references:
            reference = self.reference if find_reference is None else find_reference(arrays)
            self.references_ = self._make_references(reference, arrays, sample_weight=sample_weight)
        self._check_independence(explained.method, arrays)
        return arrays, sample_weight, explained, random_state

    def _references_for_importances(self, arrays, explained):
        references = self._references_for(arrays, explained)
        if references is not None and self._fitted.get("max_references") == "auto":
            # Importances are means over rows, too: more references for each would cost much, and tell little.
            references = references.first(IMPORTANCE_REFERENCES)
        return references

    def transform(self, X, *, target=None, out=None):
        """Compute the contributions of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or batches of these
            Rows as the network takes them. Those of a memory map, or of another array that is read when it is sliced,
            are read in blocks. Batches are those of a ``tf.data.Dataset``, a Keras ``PyDataset``, a generator or
            another iterable, of ``x``, ``(x, y)`` or ``(x, y, sample_weight)`` as Keras takes them. Of
            arrays and tables of Dask nothing is computed yet.
        target : array-like of shape (n_rows,), int, tuple or dict, default=None
            What to explain, where it differs from the explainer's own ``target``; an array has one index, or class
            label, for each row.
        out : array-like, or list or dict of array-like, default=None
            Where to write contributions, block by block, and what is returned then: an array, a memory map, or what can
            be sliced and assigned to like one, of the shape of what is returned otherwise and a dtype that holds it
            exactly. If anything is raised on the way, a note with it says how many rows are finished and in there.

        Returns
        -------
        contributions : ndarray of shape (n_rows, *features), or list or dict of ndarray
            In the form of ``X``, lazy where that is, and the network's dtype; each row's sum to the difference between
            the target at the row and at the reference. With ``target="all"`` there is a last axis of targets, which for
            a table is folded into the columns, feature by feature. With ``layer=`` those of the layer's units.

        Raises
        ------
        ValueError
            If ``X``, the target or ``out`` does not fit the network.

        Warns
        -----
        SummationToDeltaWarning
            If contributions are to add up to what they explain, and do not.
        RuntimeWarning
            If what the network gives is not finite, where contributions need not add up.
        """
        check_is_fitted(self)
        out = None if out is None else {"contributions": out}

        def explain(X, *options, **of_blocks):
            """Explain a block of rows."""
            contributions = self._contributions(X, *options, **of_blocks)
            return Explanation(contributions=self._like_given(contributions, X))

        return self._explain_rows(explain, X, out, target=target, is_flat=self._gives_table()).contributions

    def _contributions(self, X, target=None, reference=None, of_blocks=None):
        """One array for each source."""
        arrays = self._rows(self._transformed(X))
        explained = self._explained(target, len(arrays[0]))
        if target is not None:
            self._check_one_target(explained)
        references = self._references_for(arrays, explained, reference)
        results, _ = self._run(arrays, references, explained, of_blocks=of_blocks)
        contributions = results.contributions
        if self._gives_table() and explained.target.is_all:
            contributions = [array.reshape(len(array), -1) for array in contributions]
        return contributions

    def _check_one_target(self, explained):
        if explained.target.is_all and not self._explained().target.is_all:
            raise ValueError(
                "transform takes target= for one output of each row. For all of them use an explainer of target='all'."
            )

    def explain(self, X, *, target=None, reference=None, multipliers=False, hypothetical=False, out=None):
        """Compute the contributions of rows, and what they are measured by.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), list or dict of array-like, or batches of these
            Rows as the network takes them, or batches of rows, as in `transform`. What is lazy is computed.
        target : str, int, tuple, dict, array-like or callable, default=None
            What to explain, where it differs from the explainer's own ``target``; an integer array of shape
            ``(n_rows,)`` has one index for each row.
        reference : str, Reference, callable, array-like or References, default=None
            What to compare with, where it differs from what `fit` learned: as the explainer's ``reference``, with these
            rows as those that per-row references belong to. What learns from training rows needs a `fit`: the
            explainer's own, or that of an object of `skdeeplift.references`. ``references_`` of another explainer of
            the same network will also do.
        multipliers : bool, default=False
            Whether to return multipliers too.
        hypothetical : bool or int, default=False
            Whether to return what each possible letter would contribute, where ``X`` holds one-hot letters; an int
            names their axis, counted with that of the rows.
        out : array-like, or list or dict of array-like, default=None
            Where to write contributions, as in `transform`. Of what has a number for each of ``X``, only what ``out``
            names is computed then: a dict with the key ``"contributions"`` also says where to write multipliers,
            standard errors and hypothetical contributions, by the names that they have in the explanation. ``X`` is
            kept where it is an array.

        Returns
        -------
        explanation : Explanation
            Contributions, predictions, convergence deltas and what they were made from.

        Raises
        ------
        ValueError
            If ``X``, the target, the reference or ``out`` does not fit the network, or ``X`` is not one-hot where it
            should be.

        Warns
        -----
        SummationToDeltaWarning
            If contributions are to add up to what they explain, and do not.
        RuntimeWarning
            If what the network gives is not finite, where contributions need not add up.
        """
        check_is_fitted(self)
        if is_lazy(X):
            # What is returned is in memory.
            X, target, reference = in_memory(X, target, reference)
        out = written(out)
        if out is not None:
            multipliers = multipliers or "multipliers" in out
            hypothetical = hypothetical if hypothetical is not False else "hypothetical" in out
            asked = {"multipliers": multipliers, "hypothetical": hypothetical is not False}
            if missing := [name for name, is_asked in asked.items() if is_asked and name not in out]:
                raise ValueError(
                    f"out= has no place for {' and '.join(missing)}, which were asked for. Pass out={{'contributions': "
                    f"..., {missing[0]!r}: ...}}."
                )
        only = frozenset(OF_ELEMENTS if out is None else out)
        explain = partial(self._explanation, multipliers=multipliers, hypothetical=hypothetical, only=only)
        return self._explain_rows(explain, X, out, target=target, reference=reference)

    def _explanation(self, X, target, reference, *, multipliers, hypothetical, only, of_blocks=None):
        given, X = X, self._transformed(X)
        arrays = self._rows(X)
        explained = self._explained(target, len(arrays[0]))
        references = self._references_for(arrays, explained, reference)
        if callable(target):
            self._check_independence(explained.method, arrays)
        if multipliers or hypothetical is not False:
            self._check_differences(explained.method)
            if self._raw_sources is not None:
                raise ValueError("Contributions summed by to_source=True have no multipliers. Pass to_source=False.")
        n_references = 0 if references is None else len(references.weights)
        letters = None if hypothetical is False else self._letters(arrays, hypothetical)
        wanted = (
            ["contributions"]
            + ["multipliers"] * bool(multipliers)
            + ["squares"] * (n_references > 1 and "standard_error" in only)
            + ["squares_of_draws"] * (n_references == 1 and explained.method.draws > 1 and "standard_error" in only)
        )
        if explained.method.tells_parts:
            wanted += [name for name in PARTS if name in only]
        if letters is not None:
            wanted.append("hypothetical")
        results, delta = self._run(arrays, references, explained, wanted, letters, of_blocks, with_delta=True)

        def like_given(name):
            """Leave out what was not computed."""
            arrays = results.of_sources.get(name)
            return None if arrays is None else self._like_given(arrays, X)

        names = ("contributions", "multipliers", "standard_error", "hypothetical", *PARTS)
        requested = self._fitted["target"] if target is None else target
        is_single = explained.function is None and explained.target.is_single
        labels = self._labels(explained.tensor.shape) if explained.function is None else None
        of_rows = results.target if results.target is None or labels is None else labels[results.target]
        return Explanation(
            **{name: like_given(name) for name in names},
            prediction=results.prediction,
            reference_value=results.reference_value,
            target=of_rows if of_rows is not None else None if is_single else requested,
            convergence_delta=delta,
            n_steps=results.n_steps,
            X=X if self._raw_sources is None else given,
            class_names=labels if labels is None else labels[-int(np.prod(explained.tensor.shape)) :],
            letters_axis=None if letters is None else letters[0],
            feature_names=self._column_names() if self._gives_table() else None,
            index=getattr(given, "index", None) if hasattr(given, "columns") else None,
            n_references=results.n_references,
            reference_spread=results.reference_spread,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _explained(self, target=None, n_rows=None):
        """The compiled network for a target; the explainer's own if none is given."""
        if target is None:
            target = self._fitted["target"]
        explained = self._compiled(target)
        return explained.with_target(target, n_rows, self._labels(explained.tensor.shape))

    def _compiled(self, target):
        """The network compiled for a target, or for all that are no functions."""
        # Functions are compiled for each target that is itself a function; of these the last is kept.
        return self._prepare(
            "function" if callable(target) else "index",
            lambda known: known.function is None or known.function is target,
            lambda: self._compiled_for(target),
        )

    def _compiled_for(self, target):
        explained = explain_target(self.network_, target, self._fitted, self._method, self._find_sources)
        if not explained.method.takes_integers:
            self._check_differences(explained.method)
        return explained

    def _compute(self, arrays, references, explained, wanted, letters):
        return run(
            explained.method,
            arrays,
            references,
            explained.target,
            wanted=tuple(wanted),
            letters=letters,
            batch_size=self.batch_size,
            fixed=self.network_.batch_size,
            verbose=self.verbose,
            tolerance=self._reference_tolerance() if explained.method.uses_references else None,
        )


# Around what scikit-learn makes of them for set_output, which would compute what is lazy.
BaseExplainer.transform = lazily(BaseExplainer.transform)
BaseExplainer.fit_transform = lazily(BaseExplainer.fit_transform)
