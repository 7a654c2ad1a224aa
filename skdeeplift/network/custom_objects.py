"""The user's classes and functions that files of networks refer to by name."""

import inspect
import keyword


class CustomObjects:
    """Classes and functions by the names that files may use for them.

    Look-ups also find names in a ``keras.saving.custom_object_scope``, and names registered with
    ``keras.saving.register_keras_serializable``.

    Parameters
    ----------
    given : dict of str to class or function, or None
        The user's parameter ``custom_objects``.

    Attributes
    ----------
    found : dict
        Objects found so far, by their names in the file.
    missing : list of str
        Names in the file that were not found.

    Raises
    ------
    TypeError
        If ``given`` is no dict, or has a value that is neither a class nor a function.
    """

    def __init__(self, given=None):
        if given is not None and not isinstance(given, dict):
            raise TypeError(f"custom_objects= takes a dict of names to classes and functions. Got {given!r}.")
        for name, value in (given or {}).items():
            # Modules are allowed too, because users pass modules that code in the file uses.
            if not isinstance(name, str) or not (callable(value) or inspect.ismodule(value)):
                raise TypeError(
                    f"custom_objects= takes a dict of names to classes and functions. Got {value!r} for {name!r}."
                )
        self.given = {name: value for name, value in (given or {}).items() if callable(value)}
        self.found, self.missing = {}, []

    def find(self, *names):
        """Return the first name with a known class or function, or None.

        Parameters
        ----------
        *names : str
            Names of the same object, such as ``"package>Name"`` or the name of a layer.

        Returns
        -------
        name : str or None
        """
        for name in names:
            value = self._look_up(name)
            if value is not None:
                self.found[name] = value
                return name
        return None

    def find_function(self, *names):
        """Return the first name for which the user passed a function by exactly this name, or None.

        Parameters
        ----------
        *names : str
            Names of a layer whose code the function replaces.

        Returns
        -------
        name : str or None
        """
        for name in names:
            value = self.given.get(name, self._registered(name))
            if value is not None and not inspect.isclass(value):
                self.found[name] = value
                return name
        return None

    def note_missing(self, name):
        """Record a name in the file that was not found."""
        if name not in self.missing:
            self.missing.append(name)

    def has_class(self, name):
        """Test whether the user passed a class of exactly this name, which takes precedence over Keras's class."""
        return inspect.isclass(self.given.get(name)) or inspect.isclass(self._registered(name))

    def _registered(self, name):
        import keras

        return keras.saving.get_registered_object(name)

    def _look_up(self, name):
        import keras

        # Drop the package before ">", because it depends on the way in which a class was registered.
        short = name.rpartition(">")[2]
        for key in (name, short):
            value = self.given.get(key, self._registered(key))
            if value is not None:
                return value
        everything = {**keras.saving.get_custom_objects(), **self.given}
        values = [value for key, value in everything.items() if key.rpartition(">")[2] == short]
        return values[0] if values and all(value is values[0] for value in values) else None


def say_call(files, names=(), **options):
    """Write the call that loads a network with the options that it needs.

    Parameters
    ----------
    files : str or tuple of str
        The file, or the two files.
    names : list of str or dict of str to str, default=()
        Names of ``custom_objects``. A dict also has the text of each value.
    **options : dict
        Further options of the call.

    Returns
    -------
    call : str
    """
    if not isinstance(names, dict):
        names = {name: name.rpartition(">")[2] for name in names}
    is_plain = {
        name: value.replace(".", "").isidentifier() and not keyword.iskeyword(value) for name, value in names.items()
    }
    entries = [f"{name!r}: {value if is_plain[name] else 'function'}" for name, value in names.items()]
    parts = [repr(files), *([f"custom_objects={{{', '.join(entries)}}}"] if names else ())]
    parts += [f"{name}={value!r}" for name, value in options.items()]
    return f"skdeeplift.load_network({', '.join(parts)})"
