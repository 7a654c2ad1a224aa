from skdeeplift.execution.run import progress


def test_bar_shows_only_when_asked_for(capsys):
    for verbose in (0, 1):
        with progress(10, verbose) as bar:
            bar.update(10)
        assert ("Explaining" in capsys.readouterr().err) == bool(verbose)
