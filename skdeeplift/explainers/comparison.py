"""How explainers come to the references that they compare rows with."""

import warnings
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from skdeeplift.execution.references import References
from skdeeplift.execution.run import predict
from skdeeplift.references.assembly import SHORTHANDS, make_references
from skdeeplift.references.reference import Reference
from skdeeplift.rows.validation import check_tokens, holds_ids, input_labels

# How large a standard error may be where references are added automatically.
REFERENCE_TOLERANCE = 0.05
# How many there are at the most where nothing says so.
MOST_REFERENCES = 100


class ComparesWithReferences:
    """What a fitted explainer with a parameter ``reference`` does about it."""

    def _references_for(self, arrays, explained, reference=None):
        """What the rows of a call are compared with, or, by a method that compares with nothing, what is added."""
        if explained.method.uses_references:
            return self._on_paths(self._given_references(arrays, reference))
        if reference is not None:
            raise ValueError(f"{type(self).__name__} compares rows with no reference. Pass reference=None.")
        return self._noise(arrays)

    def _on_paths(self, references):
        """Say where between references and rows the method looks, if it looks there."""
        return references

    def _noise(self, arrays):
        """What is added to the rows, as `References`, by a method that does so."""
        return None

    def _given_references(self, arrays, reference):
        if reference is None:
            references = self.references_
            of_rows = references.per_row and references.arrays is not None
            if of_rows and len(references.arrays[0]) != len(arrays[0]):
                raise ValueError(
                    f"The explainer was fitted with references of their own for {len(references.arrays[0])} rows, and "
                    f"X has {len(arrays[0])}. Pass references that go with these rows as explain(X, reference=...)."
                )
        elif isinstance(reference, References):
            references = reference
        else:
            self._check_needs_no_training(reference)
            references = self._make_references(reference, arrays, learning=False)
        return self._with_classes(references, arrays)

    def _learned_references(self, reference, X):
        """References as `fit` would learn them from rows."""
        arrays = self._rows(self._transformed(X))
        return self._make_references(reference, arrays)

    def _check_needs_no_training(self, reference):
        for each in self._flat_reference(reference) if isinstance(reference, (list, dict)) else [reference]:
            if isinstance(each, str) and each in SHORTHANDS and SHORTHANDS[each].learns:
                names = ", ".join(repr(name) for name, made in SHORTHANDS.items() if not made.learns)
                raise ValueError(
                    f"reference={each!r} is learned in fit. Fit an explainer with it, or pass an array, a fitted "
                    f"object of skdeeplift.references, or a name of those that learn nothing: {names}."
                )

    def _make_references(self, reference, arrays, learning=True, sample_weight=None):
        labels, dtypes, of_ids = (
            input_labels(self.network_),
            [array.dtype for array in arrays],
            holds_ids(self.network_),
        )
        names = [f"reference= for {label}" for label in labels]
        looks_up = any(of_ids) or any(dtype.kind != "f" for dtype in dtypes)
        # Ids have no mean, whatever their dtype.
        arrays = [
            array.astype(np.int64) if ids and array.dtype.kind == "f" else array
            for array, ids in zip(arrays, of_ids, strict=True)
        ]
        references = make_references(
            self._flat_reference(reference),
            arrays,
            labels,
            # What compares with nothing has no such parameter; its rows may yet be tried with references.
            self._fitted.get("max_references", MOST_REFERENCES),
            self._seed,
            classes=partial(self._classes, arrays),
            check=partial(check_tokens, names=names, network=self.network_) if looks_up else None,
            learning=learning,
            sample_weight=sample_weight,
        )
        if references.arrays is None:
            return references
        in_dtypes = [array.astype(dtype, copy=False) for array, dtype in zip(references.arrays, dtypes, strict=True)]
        return references._replace(arrays=in_dtypes)

    def _with_classes(self, references, arrays):
        """Predict the rows' classes, if their references depend on them."""
        return references._replace(classes=self._classes(arrays)) if references.needs_classes else references

    def _classes(self, arrays):
        """The class that the network predicts of each row: its largest output, or whether a single one is positive."""
        # Of the outputs, also where the target is a function of them.
        explained = self._explained("all")
        return explained.tensor.classes(predict(explained.method, arrays, self.batch_size, self.network_.batch_size))

    def _reference_tolerance(self):
        tolerance = self._fitted["reference_tol"]
        return REFERENCE_TOLERANCE if tolerance is None and self._fitted["max_references"] == "auto" else tolerance

    def _warn_of_errors(self, results):
        """Say that the most references that are added automatically are too few for the tolerance."""
        number = results.n_references[results.unconverged].max()
        warnings.warn(
            f"The standard error of {results.unconverged.sum()} of {len(results.unconverged)} rows' contributions is "
            f"above {self._reference_tolerance():g} of their size after {number} references. Their contributions are "
            "means over all of these; see standard_error. Pass a larger reference_tol=, or a reference that varies "
            "less.",
            ConvergenceWarning,
            stacklevel=4,
        )

    def _flat_reference(self, reference):
        """One entry for each input, or what makes references of them all."""
        if isinstance(reference, (str, Reference)) or callable(reference):
            return reference
        if hasattr(reference, "columns") and self.network_.takes_table:
            validate_data(self, reference, reset=False, skip_check_array=True)
        return self.network_.flatten(reference)
