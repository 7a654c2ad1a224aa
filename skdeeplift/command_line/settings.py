"""Values that --set takes, which are checked before TensorFlow is imported.

The explainers declare the same constraints. Importing them would import TensorFlow, which takes seconds.
"""

from numbers import Integral, Real
from typing import NamedTuple

from skdeeplift.command_line.parser import suggest


class Values(NamedTuple):
    """Values of a parameter that are words or numbers."""

    # Methods with the parameter; all methods if empty.
    methods: tuple = ()
    # Words in the order of the alphabet.
    words: tuple = ()
    # Smallest number; None if the parameter takes no numbers.
    least: float | None = None
    is_whole: bool = True
    # Whether numbers must be above the smallest one.
    is_above: bool = False
    # True, False or None, if the parameter takes them.
    constants: tuple = ()

    def accepts(self, value):
        """Test whether a value is one of these values."""
        if value is None or isinstance(value, bool):
            return value in self.constants
        if isinstance(value, str):
            return value in self.words
        if self.least is None or not isinstance(value, Integral if self.is_whole else Real):
            return False
        return value > self.least or (value == self.least and not self.is_above)

    def __str__(self):
        kind = "a whole number" if self.is_whole else "a number"
        number = [] if self.least is None else [f"{kind} {'above' if self.is_above else 'of at least'} {self.least}"]
        return ", ".join([*self.words, *number, *(str(each).lower() for each in self.constants)])


BOOLEAN = (True, False)
_COMPARING = ("deeplift", "integrated_gradients", "shapley_sampling")
# Parameters of explainers whose values are words or numbers, and that are no option of their own.
SETTINGS = {
    "antithetic": Values(("shapley_sampling",), constants=BOOLEAN),
    "center_logits": Values(constants=BOOLEAN),
    "check": Values(_COMPARING, ("ignore", "raise", "warn")),
    "convergence_tol": Values(("integrated_gradients",), least=0, is_whole=False, is_above=True),
    "deletions": Values(("mutagenesis",), constants=BOOLEAN),
    "epsilon": Values(("lrp",), least=0, is_whole=False, is_above=True),
    "max_steps": Values(("integrated_gradients",), least=1),
    "multiply_by_input": Values(("guided_backprop",), constants=BOOLEAN),
    "n_draws": Values(("expected_gradients", "gradient"), ("auto",), least=1),
    "n_permutations": Values(("shapley_sampling",), least=1),
    "n_steps": Values(("integrated_gradients",), ("auto",), least=1),
    "noise_scale": Values(("gradient",), least=0, is_whole=False),
    "normalize": Values(("occlusion",), ("window_size",), constants=(None,)),
    "pre_activation": Values(words=("auto",), constants=BOOLEAN),
    "reference_tol": Values(
        (*_COMPARING, "expected_gradients", "occlusion"), least=0, is_whole=False, is_above=True, constants=(None,)
    ),
    "to_source": Values(words=("auto",), constants=BOOLEAN),
    "unsupported": Values(("deeplift",), ("integrate", "raise", "secant")),
}


# Further parameters, whose values depend on the network.
_STRUCTURED = {
    "feature_names": (),
    "groups": ("occlusion", "shapley_sampling"),
    "letters_axis": ("mutagenesis",),
    "n_jobs": (),
    "positions": ("mutagenesis",),
    "sampling_axes": ("shapley_sampling",),
    "step": ("occlusion",),
    "window_shape": ("occlusion",),
}


def names_of_settings(method):
    """List the parameters of a method that are no option of their own."""
    methods = {name: each.methods for name, each in SETTINGS.items()} | _STRUCTURED
    return sorted(name for name, takers in methods.items() if not takers or method in takers)


def check_value(name, value):
    """Raise an error if a parameter of words and numbers does not take a value.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        The value that the user passed.

    Raises
    ------
    ValueError
        If the parameter takes other words or numbers.
    """
    known = SETTINGS.get(name)
    if known is not None and not known.accepts(value):
        text = str(value).lower() if value is None or isinstance(value, bool) else str(value)
        raise ValueError(f"--set {name} takes {known}. Got {text!r}.{suggest(text, known.words)}".rstrip("."))
