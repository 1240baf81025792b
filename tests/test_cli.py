"""The command line: what it answers, its exit codes and its start-up."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from promptbrush import __version__
from promptbrush.editing.methods import METHODS

GOLDEN = Path(__file__).parent / "golden" / "stylegan2"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = "from promptbrush.cli import main; main()"
    words = [str(argument) for argument in arguments]
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


def test_version() -> None:
    assert run("--version").stdout.strip() == f"promptbrush {__version__}"


METHOD_NAMES = METHODS.names()
WRITTEN = ["", "rerun", "score", "doctor", "models", "models import", "models list", "models verify", "train"]


def seconds_of_processor(code: str) -> tuple[float, str, str]:
    """What a fresh interpreter takes for some code, and what it prints."""
    told = f"{code}\nimport sys, time; print(time.process_time(), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    *before, last = done.stderr.splitlines()
    return float(last), done.stdout, "\n".join(before)


def called(*words: str) -> str:
    """Code that runs a command and says whether torch was imported."""
    return (
        f"import sys; sys.argv = {['promptbrush', *words]}\n"
        "from promptbrush.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: print(stop.code, 'torch' in sys.modules, file=sys.stderr)"
    )


@pytest.fixture(scope="module")
def bare_seconds() -> float:
    """What the libraries of the command line take by themselves."""
    return min(seconds_of_processor("import typer, rich.console, rich.table, pydantic")[0] for _ in range(2))


def commands() -> list[str]:
    from promptbrush.editing.training.options import TRAININGS

    return [*WRITTEN, *METHOD_NAMES, *(f"train {name}" for name in TRAININGS)]


@pytest.mark.parametrize("words", commands(), ids=lambda words: words or "promptbrush")
def test_help_is_quick_and_does_not_import_torch(words: str, bare_seconds: float) -> None:
    # The quickest of a few, and half a second more, for a processor that others use too.
    for _ in range(3):
        seconds, shown, told = seconds_of_processor(called(*words.split(), "--help"))
        assert told.split() == ["0", "False"]
        assert "--help" in shown
        if seconds < 2.5 * bare_seconds + 0.5:
            return
    pytest.fail(f"{seconds:.2f} s of the processor, where typer and rich alone take {bare_seconds:.2f} s")


WRONG = [
    (["edit", "FACE"], "PROMPT is missing (PICTURE is 'FACE'); write it as the last argument"),
    (["edit", "a hat"], "PICTURE is missing (PROMPT is 'a hat')"),
    (["edit", "FACE", "a hat", "--strength", "nan"], "strength is nan; input should be a finite number"),
    (["edit", "nowhere.png", "a hat"], "nowhere.png: there is no such file"),
    (["edit", "FACE", "a hat", "--preset", "papre"], "no preset is called 'papre' (did you mean 'paper'?)"),
    (["edit", "FACE", "a hat", "--generator", "nowhere.pkl"], "nowhere.pkl: there is no such file"),
    (["edit", "FACE", "a hat", "--pack", "minni"], "no pack is called 'minni' (did you mean 'mini'?)"),
    (["edit", "FACE", "a hat", "--space", "z"], "space is z; input should be 'w', 'w+' or 's'"),
    (
        ["edit", "FACE", "a hat", "--clip-loss", "cosine"],
        "'similarity', 'spherical', 'directional' or 'progress'",
    ),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_wrong_usage_is_told_at_once(
    words: list[str], said: str, bare_seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("face.png")
    spelt = ["face.png" if word == "FACE" else word for word in words]
    seconds, _, told = min(seconds_of_processor(called(*spelt)) for _ in range(2))
    line, end = told.splitlines()
    assert said.replace("FACE", "face.png") in line
    assert end == "2 False" if "no such file" not in said else "3 False"
    assert "{" not in line
    assert seconds < 2.5 * bare_seconds + 0.5


def panels(shown: str) -> list[str]:
    """Headings of a help, in their order."""
    return [line.split("─")[1].strip() for line in shown.splitlines() if line.startswith("╭")]


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_setting_is_a_flag_with_its_help_and_a_python_keyword(
    name: str, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import promptbrush
    from promptbrush._settings import extra
    from promptbrush.editing.choice import ModelChoice

    monkeypatch.setenv("COLUMNS", "400")
    method = METHODS.load(name)
    shown = command(name, "--help").out
    keywords = inspect.signature(getattr(promptbrush, name)).parameters
    fields = {**ModelChoice.model_fields, **method.outputs.model_fields, **method.settings.model_fields}
    hidden = {each for each in ModelChoice.model_fields if each not in method.roles}
    for each, field in fields.items():
        assert field.description, each
        flag = (extra(field, "flags") or [f"--{each.replace('_', '-')}"])[0].split("/")[0]
        offered = each != "prompt" and each not in hidden - method.settings.model_fields.keys()
        lines = [line for line in shown.splitlines() if f" {flag} " in line]
        assert bool(lines) == offered, (each, flag)
        if offered:
            # Another flag's help may name this one.
            assert any(field.description.split("[")[0] in line for line in lines), each
    for each in (*method.settings.model_fields, *method.roles):
        assert each in keywords, each
    order = [
        "Arguments",
        "Options",
        "Prompt",
        "Strength",
        "Optimization",
        "Losses",
        "Data",
        "Output",
        "Models",
    ]
    found = [panel for panel in panels(shown) if panel in order]
    assert found == [panel for panel in order if panel in found]
    assert found[-2:] == ["Output", "Models"]


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
