"""Explainers for rows of other lengths than in `fit`, for a network that takes rows of any length."""

from sklearn.utils.validation import validate_data

from skdeeplift.binding.estimators import with_attributes
from skdeeplift.binding.fitting import find_unit_shapes
from skdeeplift.network.bind import check_dense
from skdeeplift.rows.blocks import cut_rows

# Largest number of lengths whose networks stay compiled.
MOST_LENGTHS = 32


def at_lengths_of(explainer, X):
    """Return an explainer for the lengths of rows: the same, or a copy with a network traced for these lengths.

    All shapes are known in a traced network, so that each length needs its own.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    X : array-like, or list or dict of array-like
        Rows in the form that the network takes.

    Returns
    -------
    explainer : BaseExplainer
        An explainer that makes references for the rows of each call.

    Raises
    ------
    ValueError
        If the network fails on rows of these lengths.
    """
    bound = explainer.bound_
    if bound.encoder is not None or not any(bound.network.open_axes):
        return explainer
    check_dense(X)
    network = bound.network.with_lengths_of(X)
    if network is bound.network:
        return explainer
    copied = with_attributes(explainer)
    if network.takes_table:
        validate_data(copied, X, reset=True, skip_check_array=True)
    shapes = tuple(tuple(spec.shape) for spec in network.flat_specs)
    of_lengths = bound.of_lengths
    if shapes not in of_lengths:
        copied.bound_ = _bound_of_lengths(copied, bound, network, X, shapes)
        while len(of_lengths) >= MOST_LENGTHS:
            of_lengths.pop(next(iter(of_lengths)), None)
        of_lengths[shapes] = copied.bound_
    copied.bound_ = of_lengths.get(shapes, copied.bound_)
    return copied


def _bound_of_lengths(explainer, bound, network, X, shapes):
    """Return a bound network for other lengths, without references."""
    try:
        # A lazy attribute: the network is traced when it is first read.
        _ = network.graph
    except Exception as error:
        raise ValueError(
            f"X has rows of shape {', '.join(str(shape[1:]) for shape in shapes)}, on which the network bound to "
            f"{bound.owner} fails. Pass rows of the length of those in fit, or of another length that the network "
            f"takes. The network's error: {error}"
        ) from error
    other = bound.copy(network=network)
    other.references = None
    pairs = enumerate(zip(network.flat_specs, bound.network.flat_specs, strict=True))
    kept = {position for position, (spec, of_fit) in pairs if spec.shape[1:] == of_fit.shape[1:]}
    other.names_of_inputs = {each: names for each, names in bound.names_of_inputs.items() if each in kept}
    first = [cut_rows(array, 0, 1) for array in network.flatten(X)]
    first = first[0] if network.is_single else dict(zip(network.input_names, first, strict=True))
    arrays = other.arrays(first, explainer)
    other.n_columns, other.column_names = getattr(explainer, "n_features_in_", None), None
    other.schedule.check_rows(arrays)
    if other.layer is not None:
        other.unit_shapes = find_unit_shapes(other, other.compiled().method, arrays)
    return other
