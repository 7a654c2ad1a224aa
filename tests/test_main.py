import pkgutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import skdeeplift
from skdeeplift import __main__
from skdeeplift.__main__ import main


def test_help_is_quick_and_complete(capsys):
    done = subprocess.run([sys.executable, "-m", "skdeeplift", "--help"], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    for command in ("explain", "describe", "demo"):
        assert f"  {command} " in done.stdout
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        assert "usage: skdeeplift " + command in capsys.readouterr().out
    code = (
        "import sys\nfrom skdeeplift.__main__ import main\ntry: main(['explain', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_console_script():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert pkgutil.resolve_name(project["scripts"]["skdeeplift"]) is main


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"skdeeplift {skdeeplift.__version__}\n"


@pytest.mark.parametrize("words", [["unknown"], ["--unknown"], ["explain"], ["explain", "m", "d", "--method", "none"]])
def test_usage(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "usage: skdeeplift" in capsys.readouterr().err


def test_without_a_command_the_demonstration_runs(monkeypatch):
    ran = []
    monkeypatch.setattr(__main__.demo, "run", ran.append)
    assert main([]) == 0
    assert str(ran[0].output) == "skdeeplift-demo"


def test_interrupted(monkeypatch, capsys):
    def stop(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__.demo, "run", stop)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "skdeeplift demo: interrupted\n"


def test_warnings_are_lines(monkeypatch, capsys):
    monkeypatch.setattr(__main__.demo, "run", lambda options: warnings.warn("careful\nnow", stacklevel=1))
    assert main(["demo"]) == 0
    assert capsys.readouterr().err == "skdeeplift: warning: careful now\n"
