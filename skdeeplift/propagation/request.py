"""Requests: what is to be computed for one chunk of rows and references."""

from typing import Any, NamedTuple

import tensorflow as tf

from skdeeplift.propagation.pairing import Pairing


class Request(NamedTuple):
    """One chunk: what to compute, and how its rows, references and targets meet.

    A compiled function is traced for the static part, and takes the tensors as an argument. Within the function both
    make a request again.
    """

    # Sizes of the chunk, and the layout of its rows and references.
    pairing: Pairing
    # Weights over the target's elements, of shape (rows or 1, targets, *target's axes); or a `Target` that depends on
    # the network's output, from which the compiled function makes the weights.
    target: Any
    # The weight of each reference, or of each noise, of shape (references,). Not read where there is only one.
    weights: Any
    # Terms to return for each source; see `skdeeplift.propagation.sums.TERMS`.
    wanted: tuple = ("contributions",)
    # For each source the axis of its one-hot letters, for hypothetical contributions.
    letters: tuple | None = None
    # Number of the chunk's first reference, for a method that draws something for each reference.
    first_reference: int = 0
    # Positions of shape (blocks, steps, references) between the references and the rows, and their weights of shape
    # (blocks, steps), for a method that integrates gradients.
    path: Any = None
    # Tensors that a method draws for the references; the method sets them.
    drawn: Any = ()

    @property
    def depends_on_output(self):
        """Whether the target is only known with the network's output."""
        return getattr(self.target, "depends_on_output", False)

    def split(self, drawn=()):
        """Split the request into what compiled functions are traced for, and what they take as arguments.

        Parameters
        ----------
        drawn : structure of tensor, default=()
            Tensors that a method draws for the references.

        Returns
        -------
        static : Request
            The hashable part, without tensors.
        tensors : tuple
            Tensors of the target, the weights, the path, and those drawn; None where there is none.
        """
        target, depends_on_output = self.target, self.depends_on_output
        path = None if self.path is None else [tf.convert_to_tensor(array) for array in self.path]
        weights = tf.convert_to_tensor(self.weights)
        static = Request(self.pairing, target if depends_on_output else None, None, self.wanted, self.letters)
        return static, (None if depends_on_output else tf.convert_to_tensor(target), weights, path, drawn)

    def join(self, tensors):
        """Join the static part with the tensors, as `split` returns both."""
        target, weights, path, drawn = tensors
        target = self.target if target is None else target
        return self._replace(target=target, weights=weights, path=path, drawn=drawn)

    def at_output(self, output):
        """Return the request with a target that does not depend on the output of the rows any more."""
        if not self.depends_on_output:
            return self
        return self._replace(target=weights_of_predicted(output, self.target.centered))


def weights_of_predicted(output, centered):
    """Compute the weights of each row's largest output.

    Parameters
    ----------
    output : tensor of shape (rows, classes)
        The network's output.
    centered : bool
        Whether the mean over classes is subtracted.

    Returns
    -------
    weights : tensor of shape (rows, 1, classes)
    """
    n_classes = output.shape[1]
    weights = tf.one_hot(tf.argmax(output, 1), n_classes, dtype=output.dtype)
    return (weights - 1 / n_classes if centered else weights)[:, None]
