"""The sdist, the wheel and the editable install: what they hold, and that each runs on its own."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import promptbrush
import pytest
from promptbrush.editing.record import tomllib

REPO = Path(__file__).parents[1]
FOLDERS = ("editing", "generators", "guidance")
MODULES = sorted(path.name for path in REPO.glob("*.py"))
# What the tests need beside the package.
TESTED_BESIDE = ("tests", "gallery", "benchmarks")
MINI = PurePosixPath("generators/packs/mini")
BY_PRODUCTS = {"__pycache__", "build", "dist", "venv", "runs"}
# Stands in for weights that are not trained yet; never written where real ones are.
FAKE_PACK = ("pack.json", "README.md", "stylegan2.safetensors", "encoder.safetensors")
FAKE_CLIP = ("clip/clip.json", "clip/clip.safetensors", "clip/bpe.txt.gz")


def run(*command: object, cwd: Path, **environment: str) -> str:
    """What a command prints; it must end well."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked_files() -> list[str]:
    """The checkout's files; in an unpacked sdist, which has no history, all that is not a by-product."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=False)
    names = done.stdout.split("\0") if done.returncode == 0 else []
    return [name for name in names if (REPO / name).is_file()] or sorted(untracked_files())


def untracked_files() -> Iterator[str]:
    for path in REPO.rglob("*"):
        inner = path.relative_to(REPO)
        hidden = any(part.startswith(".") or part in BY_PRODUCTS for part in inner.parts)
        if path.is_file() and not hidden and not inner.parts[0].endswith(".egg-info"):
            yield inner.as_posix()


def build(tree: Path, kind: str, out: Path) -> Path:
    """Build an "sdist" or a "wheel" of a tree with the setuptools that is here; nothing is downloaded."""
    out.mkdir(parents=True, exist_ok=True)
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
    run(sys.executable, "-c", code, cwd=tree)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with a whole pack in it."""
    copy = tmp_path_factory.mktemp("tree") / "promptbrush"
    for name in tracked_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPO / name, copy / name)
    for name in (*FAKE_PACK, *FAKE_CLIP):
        path = copy / MINI / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(b"{}")
    return copy


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)  # noqa: S202
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="module")
def wheel(tree: Path, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # After the sdist: both write beside the sources, and must not trip over each other's leavings.
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the wheel into, without dependencies."""
    target = tmp_path_factory.mktemp("installed")
    options = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--quiet")
    run(sys.executable, "-m", "pip", "install", *options, "--target", target, wheel, cwd=target)
    return target


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def package_files(tree: Path) -> set[str]:
    """What an installation of this tree should have: every module, the marker of types, and the pack."""
    modules = [tree / name for name in MODULES]
    modules += [path for folder in FOLDERS for path in (tree / folder).rglob("*.py")]
    names = {path.relative_to(tree).as_posix() for path in modules}
    packs = {path.relative_to(tree).as_posix() for path in (tree / MINI).rglob("*") if path.is_file()}
    return names | packs | {"py.typed", "__init__.pyi"}


def test_the_wheel_holds_the_package_and_nothing_else(tree: Path, wheel: Path) -> None:
    info = f"promptbrush-{promptbrush.__version__}.dist-info/"
    found = contents(wheel)
    assert {name for name in found if not name.startswith(info)} == {
        f"promptbrush/{name}" for name in package_files(tree)
    }
    assert found[f"{info}top_level.txt"].split() == [b"promptbrush"]
    assert found[f"{info}entry_points.txt"].decode().split("\n")[:2] == [
        "[console_scripts]",
        "promptbrush = promptbrush.cli:main",
    ]
    assert found[f"{info}licenses/LICENSE"] == (REPO / "LICENSE").read_bytes()
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_wheel_holds_the_files_as_they_are(tree: Path, wheel: Path) -> None:
    found = contents(wheel)
    for name in package_files(tree):
        assert found[f"promptbrush/{name}"] == (tree / name).read_bytes(), name
    assert {f"promptbrush/{MINI}/{name}" for name in (*FAKE_PACK, *FAKE_CLIP)} <= found.keys()


def test_versions_agree(wheel: Path, sdist: Path) -> None:
    stem = f"promptbrush-{promptbrush.__version__}"
    assert wheel.name.startswith(f"{stem}-")
    assert sdist.name == f"{stem}.tar.gz"


def test_no_link_to_a_site_that_does_not_exist(wheel: Path) -> None:
    metadata = contents(wheel)[f"promptbrush-{promptbrush.__version__}.dist-info/METADATA"].decode()
    assert "readthedocs" not in metadata
    assert "License-Expression: Apache-2.0" in metadata


def test_the_sdist_makes_the_same_wheel(unpacked: Path, wheel: Path, tmp_path: Path) -> None:
    again = contents(build(unpacked, "wheel", tmp_path / "out"))
    first = contents(wheel)
    assert again.keys() == first.keys()
    assert [name for name in first if again[name] != first[name]] == []


def test_the_sdist_can_be_tested(tree: Path, unpacked: Path) -> None:
    """All tests, their recorded numbers, and the scripts and the judge that they use.

    Half of them, as setuptools adds by itself, would fail.
    """

    def names(folder: Path) -> set[str]:
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    for folder in TESTED_BESIDE:
        assert names(tree / folder), folder
        assert names(unpacked / folder) == names(tree / folder), folder
    assert not list(unpacked.rglob("*.pyc"))


def test_the_installed_wheel_runs_from_its_own_folder(installed: Path) -> None:
    code = "import promptbrush, promptbrush.cli as c; print(promptbrush.__file__); print(c.__file__)"
    place = run(sys.executable, "-c", code, cwd=installed, PYTHONPATH=str(installed)).splitlines()
    assert [Path(line).relative_to(installed).as_posix() for line in place] == [
        "promptbrush/__init__.py",
        "promptbrush/cli.py",
    ]
    (script,) = [path for path in (installed / "bin").iterdir() if path.stem == "promptbrush"]
    told = run(script, "--version", cwd=installed / "bin", PYTHONPATH=str(installed))
    assert told == f"promptbrush {promptbrush.__version__}\n"


def test_the_installed_wheel_finds_its_pack(tree: Path, installed: Path) -> None:
    code = (
        "from promptbrush.generators.packs import pack, embedded_packs\n"
        "print(embedded_packs(), *sorted(pack._weights(pack.ROOT / 'mini')), sep='\\n')"
    )
    found = run(sys.executable, "-c", code, cwd=installed, PYTHONPATH=str(installed)).splitlines()
    names, files = found[0], found[1:]
    assert names == "['mini']"
    assert set(files) >= {name for name in (*FAKE_PACK, *FAKE_CLIP) if name.endswith((".safetensors", ".gz"))}


def test_the_tests_run_against_this_checkout() -> None:
    """The editable install leads here, from any working folder, by the one name."""
    code = "import promptbrush, promptbrush.guidance as g; print(promptbrush.__file__); print(g.__file__)"
    place = run(sys.executable, "-I", "-c", code, cwd=Path("/")).splitlines()
    found = [Path(line).resolve() for line in (*place, promptbrush.__file__)]
    here = REPO.resolve()
    assert found == [here / "__init__.py", here / "guidance" / "__init__.py", here / "__init__.py"]


def imported(path: Path) -> Iterator[str]:
    """First names of the modules that a file imports, relative imports left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_nothing_imports_the_folders_under_their_bare_names() -> None:
    """From the checkout's top `import guidance` would find the folder: a second copy of every module."""
    bare = {*FOLDERS, *(name.removesuffix(".py") for name in MODULES if name != "__init__.py")}
    files = [REPO / name for name in tracked_files() if name.endswith(".py")]
    assert len(files) > 50
    wrong = [f"{path.relative_to(REPO)}: {name}" for path in files for name in imported(path) if name in bare]
    assert wrong == []


def test_ci_runs_with_the_lowest_version_of_each_requirement() -> None:
    listed = REPO / ".ci" / "lowest.txt"
    if not listed.exists():
        pytest.skip("the sdist has no CI")
    lines = [line for line in listed.read_text().splitlines() if not line.startswith("#")]
    lowest = {name.replace("_", "-"): version for name, version in (line.split("==") for line in lines)}
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for requirement in (*project["dependencies"], *extras["train"], *extras["video"]):
        name, bound = requirement.partition(";")[0].split(">=")
        if name in ("torch", "torchvision", "tomli"):  # as they are; only on Python 3.10
            continue
        found = lowest[name.replace("_", "-")]
        assert f"{found}.".startswith(f"{bound.strip()}."), requirement
