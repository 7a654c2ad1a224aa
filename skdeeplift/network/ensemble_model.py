"""Networks of ensembles: the mean of the members' networks, as one Keras model."""

import keras
import numpy as np
import tensorflow as tf

from skdeeplift.network.callees import KerasModel
from skdeeplift.network.graph import MEAN_OF_MEMBERS


class MemberNetwork(keras.layers.Layer):
    """Network of a member that takes the ensemble's columns and returns the ensemble's classes.

    Parameters
    ----------
    member : Member
        Steps before the network, and the member's classes.
    model : keras.Model
        The member's network.
    name : str
        Name of the layer.
    """

    def __init__(self, member, model, name):
        super().__init__(name=name, autocast=False)
        self.member, self.model = member, model
        declared = KerasModel(model).declared
        self.dtype_of_rows = tf.as_dtype(keras.config.floatx() if declared is None else declared.dtype)
        self.built = True

    def call(self, x):
        """Compute the member's output for all columns of the ensemble."""
        for step in self.member.steps:
            if isinstance(step, tuple):
                centre, width = (tf.constant(each, x.dtype) for each in step)
                x = (x - centre) / width
            else:
                x = tf.gather(x, step, axis=1)
        output = self.model(tf.cast(x, self.dtype_of_rows), training=False)
        return output if self.member.classes is None else self._put_in_place(output)

    def _put_in_place(self, output):
        """Return probabilities of all classes; classes that the member never saw have probability zero."""
        if output.shape[1] == 1:
            output = tf.concat([1 - output, output], 1)
        places = np.full(self.member.n_classes, output.shape[1])
        places[self.member.classes] = np.arange(len(self.member.classes))
        return tf.gather(tf.concat([output, tf.zeros_like(output[:, :1])], 1), places, axis=1)


class Ensemble(keras.Model):
    """Weighted mean of the members' networks.

    Parameters
    ----------
    members : list of Member
        Members of a fitted ensemble.
    models : list of keras.Model
        Network of each member.
    n_columns : int or None
        Number of columns of the ensemble's rows. None if members take no table.
    """

    def __init__(self, members, models, n_columns):
        super().__init__(name="ensemble", autocast=False)
        self.networks = [
            MemberNetwork(member, model, f"member_{number}")
            for number, (member, model) in enumerate(zip(members, models, strict=True), 1)
        ]
        self.n_columns, self.built = n_columns, True

    @property
    def input(self):
        """Symbolic input: all columns of a table, in the widest of the members' dtypes."""
        first = KerasModel(self.networks[0].model).declared
        dtype = np.result_type(*(network.dtype_of_rows.as_numpy_dtype for network in self.networks)).name
        if first is not None and len(first.shape) != 2:
            return keras.KerasTensor(first.shape, dtype)
        return None if self.n_columns is None else keras.KerasTensor((None, self.n_columns), dtype)

    def call(self, x):
        """Compute the mean of the members' outputs."""
        outputs = [network(x) for network in self.networks]
        shapes = list(dict.fromkeys(tuple(output.shape[1:]) for output in outputs))
        if len(shapes) > 1:
            raise ValueError(
                f"All members of an ensemble must return one shape. These return the shapes {shapes}. Pass networks "
                "with one output for each class, or, for two classes, all with a single output."
            )
        dtype = tf.as_dtype(np.result_type(*(output.dtype.as_numpy_dtype for output in outputs)))
        # Targets look up the members' logits by this name.
        with tf.name_scope(MEAN_OF_MEMBERS):
            weights = [network.member.weight for network in self.networks]
            if len(set(weights)) == 1:
                return tf.add_n([tf.cast(output, dtype) for output in outputs]) * tf.constant(weights[0], dtype)
            return tf.add_n(
                [
                    tf.cast(output, dtype) * tf.constant(weight, dtype)
                    for output, weight in zip(outputs, weights, strict=True)
                ]
            )
