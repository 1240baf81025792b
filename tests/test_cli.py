"""The command line: what it answers, its exit codes and its start-up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from promptbrush import __version__

GOLDEN = Path(__file__).parent / "golden" / "stylegan2"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = "from promptbrush.cli import main; main()"
    words = [str(argument) for argument in arguments]
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


def test_version() -> None:
    assert run("--version").stdout.strip() == f"promptbrush {__version__}"


HELP = {
    "": "models",
    "edit": "--identity-weight",
    "rerun": "RESULT",
    "invert": "--encoder",
    "score": "--templates",
    "models": "verify",
    "models import": "--output",
    "train": "encoder",
    "sample": "--rank",
    "train prior": "--captions",
}


@pytest.mark.parametrize(("command", "word"), HELP.items(), ids=lambda value: str(value) or "promptbrush")
def test_help_is_quick_and_does_not_import_torch(command: str, word: str) -> None:
    words = ["promptbrush", *command.split(), "--help"]
    code = (
        f"import sys, time; sys.argv = {words}\n"
        "from promptbrush.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: print(stop.code, 'torch' in sys.modules, time.process_time(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert word in done.stdout
    exit_code, torch_too, seconds = done.stderr.split()
    assert (exit_code, torch_too) == ("0", "False")
    # Of the processor, so that a busy machine does not count: a tenth is usual, torch alone takes two.
    assert float(seconds) < 1


@pytest.mark.parametrize("words", [[], ["models"], ["train"]])
def test_without_a_command_the_help_is_shown(words: list[str]) -> None:
    done = run(*words)
    assert "Usage: promptbrush" in done.stdout + done.stderr
    assert "--help" in done.stdout + done.stderr
    assert "promptbrush: " not in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("promptbrush ed", "edit"),
        ("promptbrush edit --identity", "--identity-weight"),
        ("promptbrush models imp", "import"),
    ],
)
def test_the_shell_completes(typed: str, offered: str) -> None:
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
        "from promptbrush.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_PROMPTBRUSH_COMPLETE": "complete_bash", **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [offered]
    assert done.stderr.split() == ["False"]
    assert done.returncode == 0


def test_import_writes_a_file_that_loads(tmp_path: Path) -> None:
    from promptbrush import load_generator

    source, target = GOLDEN / "ada_tiny.pkl", tmp_path / "tiny.safetensors"
    done = run("models", "import", source, "-o", target)
    assert done.returncode == 0, done.stderr
    assert load_generator(target).resolution == 32
    again = run("models", "import", source, "-o", target)
    assert again.returncode != 0
    assert str(target) in again.stderr


@pytest.mark.parametrize(
    ("content", "word"), [(None, "nowhere.pkl"), (b"", "nowhere.pkl"), (b"not a checkpoint", "nowhere.pkl")]
)
def test_bad_checkpoint_is_one_line_and_exit_code_3(tmp_path: Path, content: bytes | None, word: str) -> None:
    source, target = tmp_path / "nowhere.pkl", tmp_path / "out.safetensors"
    if content is not None:
        source.write_bytes(content)
    done = run("models", "import", source, "-o", target)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert word in done.stderr
    assert not target.exists()


def test_doctor_names_versions_and_the_cpu() -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stderr
    for word in ("promptbrush", "torch", "cpu"):
        assert word in done.stdout


def test_unknown_command_is_a_usage_error_in_one_line() -> None:
    done = run("painnt")
    assert done.returncode == 2
    assert done.stderr == "promptbrush: no such command 'painnt'; see promptbrush --help\n"
    assert done.stdout == ""


def test_verify_has_the_exit_code_of_a_wrong_file(tmp_path: Path) -> None:
    assert run("models", "verify", tmp_path).returncode == 3


def test_no_module_is_importable_under_two_names() -> None:
    code = (
        "import sys, importlib.util as u\n"
        "import promptbrush.generators, promptbrush.guidance\n"
        "print([n for n in ('generators', 'guidance', 'editing', 'cli') if u.find_spec(n)])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.stdout.strip() == "[]", done.stderr
