"""Ops that have no rule, with the reason why."""

_CHOICE = "it chooses by a condition that depends on the input, and is no function of one tensor"
_BRANCH = "which branch is taken is known only when the network runs"
_FACTORS = "a product of many varying factors has no exact split that is worth its cost"
_ROWS = "it joins entries of the leading axis, which is the batch"
_DECOMPOSITION = "a matrix decomposition is no sum, product or elementwise function"

NOT_SUPPORTED = {
    **dict.fromkeys(("Case", "If", "StatelessCase", "StatelessIf"), _BRANCH),
    "Cumprod": _FACTORS,
    "Prod": _FACTORS,
    "Qr": _DECOMPOSITION,
    "SegmentMax": _ROWS,
    "SegmentMin": _ROWS,
    "Select": _CHOICE,
    "SelectV2": _CHOICE,
    "Svd": _DECOMPOSITION,
    "UnsortedSegmentMax": _ROWS,
    "UnsortedSegmentMin": _ROWS,
}
