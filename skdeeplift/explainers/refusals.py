"""What explainers refuse to explain: rows that do not stand for themselves, and what has no differences or letters."""

from numbers import Integral

import numpy as np

from skdeeplift.network.ops import RANDOM
from skdeeplift.propagation.check import rows_are_independent
from skdeeplift.rows.one_hot import find_letters
from skdeeplift.rows.validation import input_labels


class RefusesNetworks:
    """Errors for networks, and for wishes, that contributions do not exist for."""

    def _check_independence(self, method, arrays):
        """Raise an error if rows, of which two are tried, do not stand for themselves."""
        if self.network_.batch_size is not None:
            return
        rows = [[array[:1] for array in arrays], [array[-1:] for array in arrays]]
        if not all(rows_are_independent(method, row) for row in rows):
            random = next((op for op in method.graph.ops if op.facts.family is RANDOM), None)
            look_for = (
                "a reduction, a reshape or a softmax over the batch axis"
                if random is None
                else f"{method.graph.describe(random)}, whose random numbers depend on where in the batch a row is"
            )
            raise ValueError(
                "The network's output for a row depends on the other rows of its batch, or it has another number of "
                "rows than the input. Contributions of a row exist only where the network treats each row by itself; "
                f"look for {look_for}."
            )
        layer = self._fitted["layer"]
        if layer is not None and not all(rows_are_independent(method, rows[0], each.value) for each in method.sources):
            raise ValueError(
                f"layer={layer!r} names a layer whose output does not have the rows one after the other on its "
                "first axis. Pass a layer that has."
            )

    def _check_differences(self, method):
        """Refuse to give multipliers of what has no difference."""
        if not method.has_multipliers:
            raise ValueError(
                f"{type(self).__name__} compares the network's outputs, and has no multipliers, nor hypothetical "
                "contributions. Pass multipliers=False and hypothetical=False."
            )
        looked_up = [
            label for label, source in zip(input_labels(self.network_), method.sources, strict=False) if source.starts
        ]
        if looked_up:
            without = (
                "Their differences have no multipliers, and so no hypothetical contributions: those of the numbers do."
                if method.takes_integers
                else "Nothing can be differentiated with respect to integers, but to the numbers it can."
            )
            raise ValueError(
                f"{' and '.join(looked_up)} holds integers, or numbers that become some, by which the network looks "
                f"numbers up. {without} Fit an explainer with layer= the name of the layer that looks them up, such as "
                'layer="embedding".'
            )

    def _letters(self, arrays, hypothetical):
        if self._fitted["layer"] is not None:
            raise ValueError(
                "hypothetical= is for the letters of the network's input. Fit an explainer with layer=None."
            )
        if not isinstance(hypothetical, (bool, np.bool_, Integral)):
            raise ValueError(f"hypothetical= takes True, False or an int that names an axis. Got {hypothetical!r}.")
        labels = input_labels(self.network_)
        if len(arrays) == 1:
            return (find_letters(arrays[0], hypothetical, labels[0]),)
        raise ValueError(
            "hypothetical= is for networks with one input of one-hot letters; this one has the inputs "
            f"{', '.join(labels)}."
        )
