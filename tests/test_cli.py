"""The command line: what it answers, its exit codes and its start-up."""

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


def test_help_does_not_import_torch() -> None:
    code = "import sys; sys.argv=['promptbrush','--help']\nfrom promptbrush.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "models" in done.stdout


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


def test_unknown_command_is_a_usage_error() -> None:
    assert run("painnt").returncode == 2


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
