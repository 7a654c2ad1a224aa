"""Explainers of the mean over both strands of a sequence."""

from numbers import Integral

from skdeeplift.binding.estimators import with_attributes
from skdeeplift.rows.validation import input_labels
from skdeeplift.sequences.one_hot import DNA, order_of_complements
from skdeeplift.targets.strands import OtherStrand

# Largest number of forms of inputs whose networks stay compiled.
MOST_FORMS = 8


def on_both_strands_of(explainer, both_strands):
    """Return an explainer of the mean of the target over a sequence and its reverse complement.

    The network is run on the row and its other strand side by side. Differentiation thus maps contributions of the
    other strand back to positions of the row. References are those of the row, on both strands.

    Parameters
    ----------
    explainer : BaseExplainer
        The fitted explainer.
    both_strands : True, str, int, tuple of int, list or dict
        The user's choice.

    Returns
    -------
    explainer : BaseExplainer
        A copy, whose network is compiled at the first call.

    Raises
    ------
    ValueError
        If the inputs do not have the axes or letters, or the network takes only batches of one size.
    """
    bound = explainer.bound_
    strands = _find_strands(bound, both_strands)
    if bound.layer is not None:
        raise ValueError(
            f"both_strands= needs contributions of the network's input, and the explainer has layer={bound.layer!r}. "
            "Fit an explainer with layer=None."
        )
    if bound.network.batch_size is not None:
        raise ValueError(
            "both_strands= runs each row and its reverse complement, and the network takes batches of exactly "
            f"{bound.network.batch_size} rows. Pass a network that takes any number of rows."
        )
    if strands not in bound.of_strands:
        other = bound.copy()
        other.strands = strands
        while len(bound.of_strands) >= MOST_FORMS:
            bound.of_strands.pop(next(iter(bound.of_strands)), None)
        bound.of_strands[strands] = other
    return with_attributes(explainer, bound_=bound.of_strands[strands])


def _find_strands(bound, both_strands):
    """Return the form of each input on the other strand."""
    labels, names, specs = input_labels(bound.network), bound.network.input_names, bound.network.flat_specs
    entries = both_strands
    if isinstance(entries, dict):
        if set(entries) != set(names):
            raise ValueError(
                f"both_strands= as a dict needs one entry for each of the inputs {', '.join(names)}; False leaves an "
                f"input as it is. Got entries for {', '.join(map(repr, entries))}."
            )
        entries = [entries[name] for name in names]
    entries = entries if isinstance(entries, list) else [entries]
    if len(entries) != len(specs):
        raise ValueError(
            f"The network has the inputs {', '.join(labels)}. Pass both_strands= as a dict with one entry for each, "
            f"such as {{{', '.join(f'{name!r}: True' for name in names)}}}; False leaves an input as it is. Got "
            f"{both_strands!r}."
        )
    strands = tuple(_find_strand(*each) for each in zip(entries, specs, labels, strict=True))
    if not any(strand.axes for strand in strands):
        raise ValueError("both_strands= is False for all inputs. Pass True for an input that holds one-hot letters.")
    return strands


def _find_strand(entry, spec, label):
    """Return the form of one input on the other strand."""
    rank = spec.shape.rank
    every = tuple(range(1, rank))
    if entry is False:
        return OtherStrand()
    if not isinstance(entry, (bool, str)):
        axes = (entry,) if isinstance(entry, Integral) else entry
        if not isinstance(axes, tuple) or not all(isinstance(axis, Integral) and axis % rank in every for axis in axes):
            raise ValueError(
                f"both_strands= for {label} takes True or False, the letters in the order of the columns, such as "
                f"'ACGT', or the axes to reverse, from 1 to {rank - 1}. Got {entry!r}."
            )
        return OtherStrand(tuple(sorted({int(axis) % rank for axis in axes})))
    letters = DNA if entry is True else entry
    order = order_of_complements(letters)
    axes = [axis for axis in every if spec.shape[axis] == len(letters)]
    if rank < 3 or not axes:
        example = ", or both_strands=(1, 2) to reverse the positions and strands of tracks" if rank > 2 else ""
        raise ValueError(
            f"both_strands= for {label} needs an axis of {len(letters)} letters and an axis of positions, and the "
            f"input has the shape {('n_rows', *spec.shape[1:])}. Pass the letters in the order of the columns, such as "
            f"both_strands='ACGT'{example}."
        )
    if order == list(range(len(letters)))[::-1]:
        # The complement is the reversed order of letters, on any axis.
        return OtherStrand(every)
    if len(axes) > 1:
        raise ValueError(
            f"both_strands={entry!r} cannot tell which of the axes {axes} of {label} holds the letters. Pass sequences "
            "of another length."
        )
    return OtherStrand(tuple(axis for axis in every if axis != axes[0]), axes[0], tuple(order))
