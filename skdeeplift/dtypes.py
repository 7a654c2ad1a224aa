"""Kinds of dtypes, including bfloat16 and other dtypes that are not part of NumPy."""


def kind_of(dtype):
    """Return NumPy's letter for the kind of a dtype: "b", "i", "u", "f", "c" and so on.

    NumPy reports "V" (void) for the dtypes of the ml_dtypes package, which TensorFlow uses. All code of this package
    calls this function instead, so that bfloat16 counts as a float everywhere.

    Parameters
    ----------
    dtype : dtype
        A dtype of NumPy, pandas or another package.

    Returns
    -------
    kind : str
        The letter. "O" for a dtype without a kind.
    """
    kind = getattr(dtype, "kind", "O")
    if kind != "V" or dtype.names is not None:
        return kind
    name = dtype.name
    return "f" if "float" in name else "u" if name.startswith("uint") else "i" if name.startswith("int") else kind


def is_whole(dtype):
    """Test whether a dtype of TensorFlow holds integers or booleans.

    Parameters
    ----------
    dtype : DType
        A dtype of TensorFlow.

    Returns
    -------
    is_whole : bool
        False for floating-point and complex numbers, and for all other dtypes.
    """
    return dtype.is_bool or dtype.is_integer


def is_continuous(dtype):
    """Test whether a dtype of TensorFlow holds floating-point or complex numbers.

    Ops on such numbers may have derivatives, and differences of such numbers are meaningful.

    Parameters
    ----------
    dtype : DType
        A dtype of TensorFlow.

    Returns
    -------
    is_continuous : bool
        False for integers, booleans and all other dtypes.
    """
    return dtype.is_floating or dtype.is_complex
