"""The interface of schemes: perturbations of sources, and the contributions that follow from them."""

from abc import ABC, abstractmethod


class Scheme(ABC):
    """Perturbations of some sources, each of which takes some elements from the reference.

    Attributes
    ----------
    number : int
        Number of perturbations for each pair of a row and a reference.
    parts : int
        Number of parts of the sources. Each part has its own change of the target.
    draws : int
        Number of independent estimates of these changes; one for a scheme that draws nothing.
    """

    number: int
    parts: int
    draws = 1

    def draw(self, first_reference, references):
        """Draw the arrays that the perturbations for some references depend on."""
        return []

    @abstractmethod
    def find_kept(self, indices, drawn):
        """Find the elements that keep the value of the row.

        Parameters
        ----------
        indices : tensor of shape (copies,)
            Numbers of the perturbations.
        drawn : list of tensor
            The tensors that `draw` made.

        Returns
        -------
        kept : list of tensor of shape (copies, 1 or references, *source's axes)
            One boolean tensor for each source.
        """

    @abstractmethod
    def compute_changes(self, values, at_input, at_reference, drawn):
        """Compute the change of the target that belongs to each part.

        Parameters
        ----------
        values : tensor of shape (number, rows, references, targets)
            The target at the perturbed rows, in float64.
        at_input, at_reference : tensor of shape (rows, references, targets)
            The target at the rows and at the references.
        drawn : list of tensor
            The tensors that `draw` made.

        Returns
        -------
        changes : tensor of shape (draws, rows, references, targets, parts)
        """

    @abstractmethod
    def share_out(self, changes):
        """Share the changes of the parts out over the elements of the sources.

        Parameters
        ----------
        changes : tensor of shape (..., parts)
            Changes of `compute_changes`, or their mean.

        Returns
        -------
        contributions : list of tensor of shape (..., *source's axes)
            One tensor for each source.
        """
