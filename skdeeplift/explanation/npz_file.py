"""Explanations as ``.npz`` files without pickled objects."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.dtypes import kind_of
from skdeeplift.replacement import replace_together
from skdeeplift.targets.profile import Profile

FORMAT = "skdeeplift.Explanation 1"


def write_explanation(path, fields):
    """Write the fields of an explanation.

    The file holds the arrays, and in the array ``structure`` a JSON text that describes the fields. Values that JSON
    can hold are part of the text. Any other value is a JSON object whose only key names the kind of value.

    Parameters
    ----------
    path : str or path
        The file. An existing file is replaced.
    fields : dict
        Values by their names.

    Raises
    ------
    TypeError
        If a field cannot be written without pickle.
    """
    arrays = {}
    packed = {name: _pack(value, f"explanation.{name}", arrays) for name, value in fields.items()}
    text = np.frombuffer(json.dumps({"format": FORMAT, "fields": packed}).encode(), np.uint8)
    # NumPy appends a suffix to a path, but not to the name of an open file.
    with replace_together(Path(path)) as [unfinished], unfinished.open("wb") as file:
        np.savez_compressed(file, structure=text, **arrays)


def read_explanation(path):
    """Read a file that `write_explanation` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    fields : dict
        Values by their names.

    Raises
    ------
    ValueError
        If the file does not hold an explanation, or is damaged.
    """
    # Opened outside the try block, since an error of the disk does not mean that the file is damaged.
    with open(path, "rb") as opened:
        try:
            file = np.load(opened, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise ValueError("it is one array")
            structure = json.loads(file["structure"].tobytes())
            if structure["format"] != FORMAT:
                raise ValueError(f"the format is {structure['format']!r}")
            return {name: _unpack(node, file) for name, node in structure["fields"].items()}
        except Exception as error:
            # Damaged and hostile files cause errors of many kinds, also of zipfile, zlib and of too deep recursion.
            if "allow_pickle" in str(error):
                # Replaced, since NumPy's own message advises to read the objects unsafely.
                error = ValueError("it holds pickled objects, which may run code of whoever wrote them")
            reason = str(error) or type(error).__name__
            raise ValueError(
                f"{str(path)!r} holds no explanation to read: {reason}. Expected a file that Explanation.save wrote."
            ) from error


def _pack(value, where, arrays):
    """Describe a value in JSON, and add its arrays to those of the file."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(item, f"{where}[{position}]", arrays) for position, item in enumerate(value)]}
    if isinstance(value, dict):
        pairs = [[_pack(key, where, arrays), _pack(item, f"{where}[{key!r}]", arrays)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, Profile):
        return {"profile": _pack(value.get_params(), where, arrays)}
    if isinstance(value, pd.DataFrame):
        return {"frame": _pack_frame(value, where, arrays)}
    if isinstance(value, pd.Index):
        return {"index": _pack_index(value, where, arrays)}
    # Tensors and other array-likes are written as arrays.
    if hasattr(value, "__array__") and not isinstance(value, (np.ma.MaskedArray, pd.Series)):
        array = np.asarray(value)
        if array.dtype == object:
            return {"objects": [_pack(item, where, arrays) for item in array.reshape(-1)], "shape": array.shape}
        if array.dtype.kind == "V" and kind_of(array.dtype) == "f":
            # NumPy alone reads the file, and float32 holds each number of a smaller float.
            array = array.astype(np.float32)
        if array.dtype.kind != "V":
            # The array of a field has the field's name in the file, so that NumPy alone can read it.
            name = where.removeprefix("explanation.")
            if not name.isidentifier() or name in {*arrays, "structure", "file"} or name.startswith("array_"):
                name = f"array_{len(arrays)}"
            arrays[name] = array
            return {"scalar" if isinstance(value, np.generic) else "array": name}
    advice = " Give it a name first: explanation.target = 'name'." if callable(value) else ""
    raise TypeError(
        f"{where} is a {type(value).__name__}, which cannot be written without pickle. Expected numbers, text, arrays, "
        f"DataFrames, or lists and dicts of them.{advice}"
    )


def _pack_frame(frame, where, arrays):
    """Describe a DataFrame as one array, or column by column if the columns have several dtypes."""
    packed = {name: _pack(getattr(frame, name), f"{where}.{name}", arrays) for name in ("columns", "index")}
    dtypes = set(frame.dtypes)
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype):
        return packed | {"block": _pack(frame.to_numpy(), where, arrays)}
    # Labels of columns may repeat, so the columns are read by position.
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    return packed | {"each": [_pack_values(column, f"{where}[{column.name!r}]", arrays) for column in columns]}


def _pack_index(index, where, arrays):
    """Describe a pandas index."""
    if isinstance(index, pd.MultiIndex):
        parts = {"levels": index.levels, "codes": map(np.asarray, index.codes), "names": index.names}
        return {name: [_pack(each, where, arrays) for each in part] for name, part in parts.items()}
    packed = {"name": _pack(index.name, where, arrays)}
    if isinstance(index, pd.RangeIndex):
        return packed | {"range": [index.start, index.stop, index.step]}
    return packed | {"values": _pack_values(index, where, arrays), "freq": getattr(index, "freqstr", None)}


def _pack_values(values, where, arrays):
    """Describe the values of a column or an index."""
    if isinstance(values.dtype, np.dtype):
        return {"numpy": _pack(values.to_numpy(), where, arrays)}
    values = values.array
    if isinstance(values, pd.Categorical):
        codes, categories = _pack(np.asarray(values.codes), where, arrays), _pack(values.categories, where, arrays)
        return {"codes": codes, "categories": categories, "ordered": bool(values.ordered)}
    # pandas converts text to text, nullable numbers, times with a zone and periods, according to the dtype.
    items = [
        None if missing else bool(item) if isinstance(item, (bool, np.bool_)) else str(item)
        for item, missing in zip(values, values.isna(), strict=True)
    ]
    packed = {"items": items, "dtype": str(values.dtype)}
    try:
        again = _unpack_values(packed, {})
    except (TypeError, ValueError):
        again = None
    if again is None or again.dtype != values.dtype or not again.equals(values):
        raise TypeError(
            f"{where} of dtype {values.dtype} cannot be written without pickle. Convert it to numbers or text."
        )
    return packed


def _unpack(node, file):
    """Return the value that a JSON node describes."""
    if not isinstance(node, dict):
        return node
    kind = next(iter(node))
    content = node[kind]
    if kind == "array":
        return file[content]
    if kind == "scalar":
        return file[content][()]
    if kind == "objects":
        array = np.empty(len(content), object)
        array[:] = [_unpack(item, file) for item in content]
        return array.reshape(node["shape"])
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](_unpack(item, file) for item in content)
    if kind == "dict":
        return {_unpack(key, file): _unpack(value, file) for key, value in content}
    if kind == "profile":
        return Profile(**_unpack(content, file))
    if kind == "index":
        return _unpack_index(content, file)
    if kind == "frame":
        return _unpack_frame(content, file)
    raise ValueError(f"it has an unknown part {kind!r}")


def _unpack_frame(packed, file):
    """Return the DataFrame that `_pack_frame` described."""
    columns, index = _unpack(packed["columns"], file), _unpack(packed["index"], file)
    if "block" in packed:
        return pd.DataFrame(_unpack(packed["block"], file), index=index, columns=columns)
    series = [pd.Series(_unpack_values(values, file), index=index) for values in packed["each"]]
    frame = pd.DataFrame(dict(enumerate(series)), index=index)
    frame.columns = columns
    return frame


def _unpack_index(packed, file):
    """Return the index that `_pack_index` described."""
    if "levels" in packed:
        levels, codes, names = ([_unpack(node, file) for node in packed[key]] for key in ("levels", "codes", "names"))
        return pd.MultiIndex(levels, codes, names=names)
    name = _unpack(packed["name"], file)
    if "range" in packed:
        return pd.RangeIndex(*packed["range"], name=name)
    values = _unpack_values(packed["values"], file)
    index = pd.Index(values, dtype=values.dtype, name=name)
    if packed["freq"] is not None and isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        index.freq = packed["freq"]
    return index


def _unpack_values(packed, file):
    """Return the values that `_pack_values` described."""
    if "codes" in packed:
        dtype = pd.CategoricalDtype(_unpack(packed["categories"], file), packed["ordered"])
        return pd.Categorical.from_codes(_unpack(packed["codes"], file), dtype=dtype)
    if "numpy" in packed:
        return _unpack(packed["numpy"], file)
    return pd.array(packed["items"], dtype=packed["dtype"])
