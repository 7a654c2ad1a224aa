"""Kinds of dtypes, those of bfloat16 and other numbers that NumPy does not have itself included."""


def kind_of(dtype):
    """Return NumPy's letter for the kind of a dtype: "b", "i", "u", "f", "c" and so on.

    NumPy calls the dtypes of the ml_dtypes package, which TensorFlow uses, "V" for void. Everything that asks for a
    dtype's kind calls this function, so that bfloat16 is a float everywhere.

    Parameters
    ----------
    dtype : dtype
        A dtype of NumPy, or one of pandas or another package.

    Returns
    -------
    kind : str
        "O" for a dtype without a kind.
    """
    kind = getattr(dtype, "kind", "O")
    if kind != "V" or dtype.names is not None:
        return kind
    name = dtype.name
    return "f" if "float" in name else "u" if name.startswith("uint") else "i" if name.startswith("int") else kind


def is_whole(dtype):
    """Return whether a dtype of TensorFlow holds whole numbers or truth values.

    Parameters
    ----------
    dtype : DType
        A dtype of TensorFlow.

    Returns
    -------
    is_whole : bool
        False for numbers with fractions, and for what is no number.
    """
    return dtype.is_bool or dtype.is_integer


def is_continuous(dtype):
    """Return whether a dtype of TensorFlow holds floating-point or complex numbers.

    Differences of such numbers need no decision, and ops of such numbers may have derivatives.

    Parameters
    ----------
    dtype : DType
        A dtype of TensorFlow.

    Returns
    -------
    is_continuous : bool
        False for whole numbers, truth values, and what is no number.
    """
    return dtype.is_floating or dtype.is_complex
