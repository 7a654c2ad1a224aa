"""What explainers call contributions, and in which form they give them."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import check_feature_names_in
from skdeeplift.rows.validation import shapes_of_rows


class NamesContributions:
    """Names of the inputs, columns and targets that contributions belong to, and their form."""

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
            If what `transform` returns is no table.
        """
        check_is_fitted(self)
        if not self._gives_table():
            shapes = shapes_of_rows(self.network_)
            raise ValueError(
                f"Only tables have feature names; the network bound to {type(self).__name__} takes {shapes}, and "
                f"layer={self._fitted['layer']!r}. Leave set_output at its default, and reshape contributions yourself."
            )
        explained, names = self._explained(), self._column_names(input_features)
        if explained.target.is_all:
            names = np.array(
                [f"{name}__{each}" for name in names for each in self._class_names(explained)], dtype=object
            )
        return names

    def _gives_table(self):
        """Whether contributions are a table, before an axis of targets is added."""
        layer = self._fitted["layer"]
        if layer is None:
            return self.network_.takes_table
        return isinstance(layer, str) and np.ndim(self.feature_importances_) == 1

    def _source_names(self):
        """What to call each input, or layer, that contributions are given for."""
        layer = self._fitted["layer"]
        return self.network_.input_names if layer is None else [layer] if isinstance(layer, str) else list(layer)

    def _column_names(self, input_features=None):
        """Names of a table of contributions to one target: of the input's columns, or of a layer's units."""
        layer = self._fitted["layer"]
        if layer is None and self._transformer is not None and self._raw_sources is None:
            return self._transformer.get_feature_names_out(input_features)
        if layer is None:
            return check_feature_names_in(self, input_features, generate_names=True)
        units = self._explained().method.sources[0].value.shape[1]
        return np.array([f"{layer}_{unit}" for unit in range(units)], dtype=object)

    def _class_names(self, explained):
        """One name for each of all targets: the class labels, or indices."""
        shape = explained.tensor.shape
        labels = self._labels(shape)
        if labels is None:
            return np.array(["_".join(map(str, index)) for index in np.ndindex(*shape)], dtype=object)
        return np.array([str(label) for label in labels[-int(np.prod(shape)) :]], dtype=object)

    def _like_given(self, arrays, X):
        """Give one array per input, or per layer, the form in which the rows, or the layers' names, came."""
        layer = self._fitted["layer"]
        if isinstance(layer, str) or (layer is None and self.network_.is_single):
            return arrays[0]
        if layer is None and isinstance(X, dict):
            return dict(zip(self.network_.input_names, arrays, strict=True))
        return list(arrays)
