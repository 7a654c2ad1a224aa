import pytest

from skdeeplift.perturbation.partition import expand_over_sources, is_whole_number


def test_one_for_all_or_one_for_each():
    names = ["a", "b"]
    assert expand_over_sources((1, 2), names, "step=") == [(1, 2), (1, 2)]
    assert expand_over_sources([(1, 2), 3], names, "step=") == [(1, 2), 3]
    assert expand_over_sources({"b": 3, "a": 1}, names, "step=") == [1, 3]
    assert expand_over_sources([1, 2], ["a"], "step=") == [[1, 2]]
    for value in ({"a": 1}, {"a": 1, "b": 2, "c": 3}, {}):
        with pytest.raises(ValueError, match=r"step= as a dict needs one entry for each of 'a', 'b'. Got entries for"):
            expand_over_sources(value, names, "step=")


def test_booleans_are_no_numbers():
    assert [is_whole_number(value) for value in (1, True, 1.0, "1")] == [True, False, False, False]
