import tensorflow as tf

from skdeeplift.propagation.rulesets import RULES, SHARED


def test_every_rule_is_for_an_op_that_tensorflow_has():
    assert RULES
    missing = {op_type for op_type, _ in SHARED.rules if not hasattr(tf.raw_ops, op_type)}
    assert not missing


def test_families_of_multiplication():
    families = [SHARED.find("Mul", varying).family for varying in ((0,), (1,), (0, 1))]
    assert families == ["linear", "linear", "bilinear"]
    assert SHARED.find("RealDiv", (0,)).family == "linear"
    assert SHARED.find("RealDiv", (1,)).family == "activation"
    assert SHARED.find("RealDiv", (0, 1)).family == "two-variable"
