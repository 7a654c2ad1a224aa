"""Ops that have no rule, with the reason why."""

NOT_SUPPORTED = {
    "Select": "it chooses between branches by a condition that depends on the input and is no function of one tensor",
    "SelectV2": "it chooses between branches by a condition that depends on the input and is no function of one tensor",
    "Cumprod": "a running product of many varying factors has no exact split that is worth its cost",
    "Prod": "a product of many varying factors has no exact split that is worth its cost",
    "TopKV2": "the number of elements that pass, and so the function, depends on the order of the input (sparsemax sorts)",
    "Qr": "a matrix decomposition is no sum, product or elementwise function",
    "Svd": "a matrix decomposition is no sum, product or elementwise function",
}
