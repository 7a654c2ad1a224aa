"""What is perturbed, and what the target's values then say."""

from abc import ABC, abstractmethod


class Scheme(ABC):
    """Which elements of some sources are taken from the reference, perturbation by perturbation.

    Attributes
    ----------
    number : int
        How many perturbations there are for each pair of a row and a reference.
    parts : int
        How many parts of the sources have a change of the target.
    draws : int
        How many independent estimates of these changes there are; one where nothing is drawn.
    """

    number: int
    parts: int
    draws = 1

    def drawn(self, first_reference, references):
        """Draw what the perturbations of some of the references depend on, as a list of arrays."""
        return []

    @abstractmethod
    def kept(self, indices, drawn):
        """Tell which elements keep the row's value.

        Parameters
        ----------
        indices : tensor of shape (copies,)
            Which of the perturbations.
        drawn : list of tensor
            What `drawn` returned.

        Returns
        -------
        kept : list of tensor of shape (copies, 1 or references, *source's axes)
            One boolean tensor for each source.
        """

    @abstractmethod
    def changes(self, values, at_input, at_reference, drawn):
        """Compute how much each part changes the target.

        Parameters
        ----------
        values : tensor of shape (number, rows, references, targets)
            The target at the perturbed rows, in float64.
        at_input, at_reference : tensor of shape (rows, references, targets)
            The target at the rows and at the references.
        drawn : list of tensor
            What `drawn` returned.

        Returns
        -------
        changes : tensor of shape (draws, rows, references, targets, parts)
        """

    @abstractmethod
    def spread(self, changes):
        """Share the parts' changes out over the elements of the sources.

        Parameters
        ----------
        changes : tensor of shape (..., parts)
            What `changes` returned, or a mean of it.

        Returns
        -------
        contributions : list of tensor of shape (..., *source's axes)
            One for each source.
        """
