from tests.conformance.__main__ import PAGE, page


def test_documentation_says_what_the_tests_show():
    """If not: python -m tests.conformance."""
    assert PAGE.read_text() == page()
