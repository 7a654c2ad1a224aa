from skdeeplift import exceptions


def test_users_can_catch_them_by_the_usual_names():
    assert issubclass(exceptions.UnsupportedOpError, ValueError)
    assert issubclass(exceptions.ModelFileNotFoundError, FileNotFoundError)
    assert issubclass(exceptions.ModelFileNotFoundError, exceptions.ModelFileError)
    assert issubclass(exceptions.SummationToDeltaWarning, UserWarning)
