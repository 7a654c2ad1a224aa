"""Fitting: the network is bound or trained, references are learned, and rows are kept for importances."""

from functools import partial

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeeplift.binding.bound import Bound
from skdeeplift.binding.column_names import find_column_names
from skdeeplift.binding.comparison import learn_references
from skdeeplift.binding.estimators import consumes_weights, route_to_training
from skdeeplift.binding.importances import Importances, SampleInMemory
from skdeeplift.binding.row_checks import (
    check_independence,
    check_weights,
    find_replaced_letters,
    warn_of_rounding,
)
from skdeeplift.dtypes import is_continuous
from skdeeplift.network.bind import bind, check_dense
from skdeeplift.network.compiled import run_once
from skdeeplift.network.encoder_columns import source_columns
from skdeeplift.network.trained import (
    check_encoder,
    is_estimator,
    is_trained_in_fit,
    nested_in,
    network_of,
    steps_of,
    train,
    unfrozen,
)
from skdeeplift.propagation.rules.rescale import least_difference
from skdeeplift.references.reference import draw_seed
from skdeeplift.rows.text_and_dates import check_entries
from skdeeplift.rows.validation import importance_rows

# Parameters of perturbing methods. With these defaults, each column is perturbed by itself.
ONE_BY_ONE = (("groups", None), ("window_shape", 1), ("step", 1), ("sampling_axes", None))
# Attributes of an earlier fit that a later fit may not set.
_LEFT_BY_FIT = (
    "estimator_",
    "classes_",
    "references_",
    "n_features_in_",
    "feature_names_in_",
    "_importances",
    "_chunks",
)


def fit_rows(explainer, hooks, X, y, sample_weight, target, metadata=None):
    """Fit an explainer to rows in memory.

    Parameters
    ----------
    explainer : BaseExplainer
        Gets the fitted attributes.
    hooks : Hooks
        Functions by which the explainer differs from others.
    X, y, sample_weight, target : object
        As `fit` takes them.
    metadata : dict, default=None
        Further metadata of `fit`, for the estimator that is trained.

    Returns
    -------
    importances : Importances
        Importances, computed when they are first read.
    """
    arrays, weights, target_of_rows, random_state = learn(
        explainer, hooks, X, y, sample_weight, target, metadata=metadata
    )
    rows = importance_rows(arrays, explainer.max_samples, random_state)
    references = explainer.bound_.references
    sample = SampleInMemory(
        # Copied, since importances are computed later, and the user may change the rows until then.
        [np.array(array[rows]) for array in arrays],
        None if weights is None else weights[rows],
        target if target_of_rows is None else target_of_rows[rows],
        None if references is None else references.take(rows),
    )
    return Importances(sample, isinstance(X, dict))


def learn(explainer, hooks, X, y, sample_weight, target, find_reference=None, find_target=None, metadata=None):
    """Bind or train the network, and learn the reference.

    Parameters
    ----------
    explainer : BaseExplainer
        Gets the fitted attributes.
    hooks : Hooks
        Functions by which the explainer differs from others.
    X, y, sample_weight, target : object
        As `fit` takes them.
    find_reference : callable, default=None
        Function from the bound network and the arrays of rows to a reference that was learned from more rows.
    find_target : callable, default=None
        Function from the bound network to the target of the rows, in place of ``target``.
    metadata : dict, default=None
        Further metadata of `fit`, for the estimator that is trained.

    Returns
    -------
    arrays : list of ndarray
        Checked rows, one array for each input.
    sample_weight : ndarray or None
        Checked weights.
    target_of_rows : ndarray or None
        The target, if each row has its own.
    random_state : RandomState
        Source of further draws.
    """
    for name in _LEFT_BY_FIT:
        vars(explainer).pop(name, None)
    random_state = check_random_state(explainer.random_state)
    # Seed of all later draws, so that the same call gives the same numbers.
    seed = draw_seed(random_state)
    rows, metadata = X, dict(metadata or {})
    if sample_weight is not None:
        metadata["sample_weight"] = sample_weight
        if not consumes_weights(explainer):
            sample_weight = None
    bound, X = bind_network(explainer, hooks, X, y, metadata, seed)
    explainer.bound_ = bound
    arrays = bound.arrays(X, explainer, reset=True)
    bound.n_columns = getattr(explainer, "n_features_in_", None)
    bound.column_names = find_column_names(explainer, bound)
    bound.schedule.check_rows(arrays)
    if sample_weight is not None:
        sample_weight = check_weights(sample_weight, arrays[0])
    target = bound.align_targets(target if find_target is None else find_target(bound), rows)
    compiled, _ = bound.compiled_with_target(target, len(arrays[0]))
    target_of_rows = np.array(target) if bound.has_entry_per_row(target) else None
    if compiled.method.uses_references:
        reference = explainer.reference if find_reference is None else find_reference(bound, arrays)
        bound.references = learn_references(explainer, bound, reference, arrays, sample_weight)
        explainer.references_ = bound.references
    with run_once():
        check_independence(bound, compiled.method, arrays)
        bound.small_values = find_small_values(bound, compiled.method, arrays)
    warn_of_rounding(bound, compiled.method)
    bound.mark_small_values(compiled.method)
    bound.unit_shapes = find_unit_shapes(bound, compiled.method, arrays)
    if compiled.method.takes_letters:
        bound.letters = find_replaced_letters(bound, compiled.method, arrays)
    return arrays, sample_weight, target_of_rows, random_state


def find_small_values(bound, method, arrays):
    """Return the names of the network's values that are as small as the usual threshold for differences.

    Such values get a smaller threshold, so that an untrained network, or one in tiny units, is explained as well as its
    copy in other units.

    Parameters
    ----------
    bound : Bound
        The bound network.
    method : Method
        The compiled network.
    arrays : list of ndarray
        Rows; the first and the last are tried.

    Returns
    -------
    names : tuple of str
        In the order of the network, so that a pickle has the same bytes in every process.
    """
    if bound.network.batch_size is not None:
        return ()
    at_ends = method.forward_both([array[:1] for array in arrays], [array[-1:] for array in arrays])
    names = []
    for value, *tensors in zip(method.shown, *at_ends, strict=True):
        if is_continuous(value.dtype):
            largest = max(float(np.abs(tensor.numpy()).max(initial=0)) for tensor in tensors)
            # Values that are zero do not show their usual size.
            if 0 < largest < _SMALL * least_difference(value.dtype.real_dtype):
                names.append(value.name)
    return tuple(names)


# The usual threshold would then exceed the share of a change that contributions may miss.
_SMALL = 1e4


def find_unit_shapes(bound, method, arrays):
    """Return the shape of a row's units for each named layer.

    A layer may have several entries for each row on its first axis, such as a layer applied to each time step.

    Parameters
    ----------
    bound : Bound
        The bound network.
    method : Method
        The compiled network.
    arrays : list of ndarray
        Checked rows, one array for each input.

    Returns
    -------
    shapes : list of tuple or None
        None if no layer is named.
    """
    if bound.layer is None:
        return None
    shapes, depends_on_row = [], any(None in spec.shape[1:] for spec in bound.network.flat_specs)
    for source in method.sources:
        layout = method.layouts.get(source.value)
        if layout is not None and layout.axis == 0 and layout.fold is not None:
            fold = layout.fold
        else:
            # Only a run of the network tells the number of entries.
            n_rows = bound.network.batch_size or 1
            values = method.forward([np.repeat(array[:1], n_rows, 0) for array in arrays])
            fold = values[method.shown.index(source.value)].shape[0] // n_rows
            fold = None if depends_on_row and fold > 1 else fold
        shapes.append((*(() if fold == 1 else (fold,)), *source.value.shape[1:]))
    return shapes


def bind_network(explainer, hooks, X, y, metadata, seed):
    """Bind the network, after training it if it is not trained yet.

    Parameters
    ----------
    explainer : BaseExplainer
        Gets the fitted attributes.
    hooks : Hooks
        Functions by which the explainer differs from others.
    X, y : object
        As `fit` takes them.
    metadata : dict
        Weights of the rows and other metadata for the training.
    seed : int
        Seed of later draws.

    Returns
    -------
    bound : Bound
        The bound network.
    X : array-like
        Rows in the form that the network takes.
    """
    owner = type(explainer).__name__
    parameters = {name: value for name, value in explainer.get_params(deep=False).items() if name != "estimator"}
    make = partial(Bound, owner=owner, hooks=hooks, parameters=parameters, seed=seed)
    estimator = unfrozen(explainer.estimator)
    encoder, last = steps_of(estimator)
    is_network = not is_estimator(unfrozen(last))
    if encoder is None:
        if is_network:
            return make(bind(unfrozen(last), X)), X
        check_dense(X)
    if is_trained_in_fit(explainer.estimator):
        try:
            estimator = train(estimator, X, y, route_to_training(explainer, metadata), owner)
        except (TypeError, ValueError) as error:
            if encoder is None:
                check_entries(X, error, "X", owner)
            raise
        encoder, last = steps_of(estimator)
    elif not is_network:
        check_is_fitted(estimator)
        # Names are kept, since an estimator trained on named columns compares names.
        validate_data(estimator, X, reset=False, skip_check_array=True)
    else:
        check_encoder(encoder, X)
    if not is_network:
        explainer.estimator_ = estimator
        if hasattr(estimator, "classes_"):
            explainer.classes_ = estimator.classes_
    bound = make(None, estimator=None if is_network else estimator, encoder=encoder)
    if is_trained_in_fit(explainer.estimator) and bound.classes is None:
        bound.classes = _names_of_outputs(y)
    X = bound.encoded(X, explainer, reset=True)
    bound.network = bind(network_of(last, getattr(X, "dtype", None)), X)
    steps = [] if encoder is None else [step for _, step in encoder.steps]
    bound.network.watch(*(each for part in (*steps, last) for each in nested_in(part) if is_estimator(each)))
    bound.raw_columns = _find_raw_columns(explainer, bound)
    if bound.raw_columns is not None and _perturbs_one_by_one(bound.parameters):
        # Columns made from one raw column are perturbed together.
        bound.parameters["groups"] = bound.raw_columns
    return bound, X


def _perturbs_one_by_one(parameters):
    """Return whether a method perturbs each column by itself, as by default."""
    given = [(parameters.get(name, default), default) for name, default in ONE_BY_ONE]
    return "groups" in parameters and all(np.ndim(value) == 0 and value == default for value, default in given)


def _names_of_outputs(y):
    """Return the names of a regressor's outputs, from the Series or DataFrame of its training, or None."""
    names = [*y.columns] if hasattr(y, "columns") else [getattr(y, "name", None)]
    is_named = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return np.array(names) if is_named else None


def _find_raw_columns(explainer, bound):
    """Return the raw column that each encoded column was made from; None if columns are not summed."""
    to_source = explainer.to_source
    if bound.encoder is None or to_source is False or (to_source == "auto" and bound.layer is not None):
        return None
    if bound.layer is not None:
        raise ValueError(
            "to_source=True sums contributions of the network's input to raw columns, and the explainer has "
            f"layer={explainer.layer!r}. Pass layer=None."
        )
    try:
        return source_columns(bound.encoder, explainer.n_features_in_, bound.network.input_specs.shape[1])
    except ValueError as error:
        if to_source == "auto":
            return None
        reason = str(error).partition(" Pass groups=")[0]
        raise ValueError(f"{reason} Pass to_source=False for contributions of encoded columns.") from error
