import threading

import pytest

from skdeeplift import config_context, get_config, set_config

USUAL = {"memory_limit": None, "jit_compile": None}


def test_contexts_are_nested_and_left():
    with config_context(memory_limit=5):
        with config_context(jit_compile=True):
            assert get_config() == {"memory_limit": 5, "jit_compile": True}
        with config_context(memory_limit=None, jit_compile=False):
            assert get_config() == {"memory_limit": None, "jit_compile": False}
        assert get_config() == {"memory_limit": 5, "jit_compile": None}
    with pytest.raises(KeyError), config_context(jit_compile=True):
        raise KeyError
    assert get_config() == USUAL


def test_settings_are_of_the_process_and_contexts_of_their_thread():
    seen = []

    def look():
        seen.append(get_config())

    set_config(memory_limit=7)
    try:
        with config_context(memory_limit=5, jit_compile=True):
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
            set_config(memory_limit=8)
            assert get_config()["memory_limit"] == 5
        assert get_config()["memory_limit"] == 8
    finally:
        set_config(memory_limit=None)
    assert seen == [{"memory_limit": 7, "jit_compile": None}]


def test_what_is_returned_is_a_copy():
    get_config()["jit_compile"] = True
    assert get_config() == USUAL


@pytest.mark.parametrize("setting", [{"memory_limit": 0}, {"memory_limit": "1GB"}, {"jit_compile": "yes"}])
def test_bad_settings(setting):
    [name] = setting
    with pytest.raises(ValueError, match=f"The '{name}' parameter of set_config must be"):
        set_config(**setting)
    with (
        pytest.raises(ValueError, match=f"The '{name}' parameter of config_context must be"),
        config_context(**setting),
    ):
        pass
    assert get_config() == USUAL
