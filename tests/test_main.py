import pkgutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import skdeeplift
from skdeeplift.__main__ import main
from skdeeplift.command_line import demo


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


def test_the_console_script_is_main():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert pkgutil.resolve_name(project["scripts"]["skdeeplift"]) is main


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"skdeeplift {skdeeplift.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explian"], ": error: there is no command 'explian'. Did you mean explain?"),
        (["unknown"], ": error: there is no command 'unknown'. It is one of explain, describe, demo"),
        (["--unknown"], ": error: COMMAND is missing: one of explain, describe, demo"),
        (["explain"], " explain: error: MODEL and DATA are missing: skdeeplift explain MODEL DATA"),
        (["explain", "m"], " explain: error: DATA is missing: skdeeplift explain MODEL DATA"),
        (["demo", "here"], " demo: error: 'here' is one word too many"),
    ],
)
def test_usage_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert capsys.readouterr() == ("", f"skdeeplift{message}\n")


def test_without_a_command_the_demonstration_runs(monkeypatch):
    ran = []
    monkeypatch.setattr(demo, "run", ran.append)
    assert main([]) == 0
    assert str(ran[0].output) == "skdeeplift-demo"


def test_an_interruption_ends_without_a_traceback(monkeypatch, capsys):
    def stop(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", stop)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "skdeeplift demo: interrupted\n"


def test_the_program_starts_before_its_libraries():
    """An interrupt while these are imported is answered as any other."""
    code = "import sys, skdeeplift.__main__; sys.exit('pandas' in sys.modules or 'argparse' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_warnings_are_lines(monkeypatch, capsys):
    monkeypatch.setattr(demo, "run", lambda options: warnings.warn("careful\nnow", stacklevel=1))
    assert main(["demo"]) == 0
    assert capsys.readouterr().err == "skdeeplift: warning: careful now\n"


def test_faults_of_the_program(monkeypatch, capsys):
    """One line, and the traceback on request."""

    def fail(options):
        raise KeyError("lost\nkey")

    monkeypatch.setattr(demo, "run", fail)
    assert main(["demo"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "skdeeplift demo: the program failed, which is a fault of skdeeplift: " in error
    monkeypatch.setenv("SKDEEPLIFT_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main(["demo"])


def test_errors_of_the_operating_system_and_of_memory(monkeypatch, capsys):
    for error, said in (
        (OSError(28, "No space left on device", "out.csv"), "No space left on device: 'out.csv'"),
        (MemoryError(), "there is not enough memory"),
    ):
        monkeypatch.setattr(demo, "run", _raising(error))
        assert main(["demo"]) == 2
        assert capsys.readouterr().err == f"skdeeplift demo: error: {said}\n"


def _raising(error):
    def run(options):
        raise error

    return run


def test_a_reader_that_is_gone():
    """As of ``skdeeplift ... | head``: nothing is said, and the exit code is that of other programs."""
    code = (
        "from skdeeplift.command_line import demo; demo.run = lambda _: print('x' * 10**6)\n"
        "from skdeeplift.__main__ import main; raise SystemExit(main([]))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
