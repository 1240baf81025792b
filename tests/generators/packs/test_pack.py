"""Packs: what a manifest may say, what is refused with which words, and what `verify` finds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promptbrush import InputFileError, MissingError, UsageError
from promptbrush.cli import app
from promptbrush.generators.packs import embedded_packs, load_pack, pack, summaries, write_manifest
from pydantic import ValidationError
from typer.testing import CliRunner

CONTENT = {
    "stylegan2.safetensors": b"generator",
    "encoder.safetensors": b"encoder",
    "clip/clip.json": b"{}",
    "clip/clip.safetensors": b"clip",
    "clip/bpe.txt.gz": b"merges",
}
FIELDS = {
    "name": "toons",
    "version": "1",
    "about": "Small models of drawn faces.",
    "domain": "cartoon faces",
    "source": "a cartoon face",
    "resolution": 64,
    "generator": "stylegan2.safetensors",
    "clip": "clip",
    "encoder": "encoder.safetensors",
    "licence": "CC-BY-4.0",
    "attribution": ["An artist"],
}


def fill(folder: Path) -> Path:
    for name, content in CONTENT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def build(folder: Path, **changes):
    return write_manifest(fill(folder), **{**FIELDS, **changes})


def manifest_with(where: Path, **changes) -> Path:
    """A folder whose manifest was changed after it was written; None takes a field away."""
    build(where)
    path = where / "pack.json"
    data = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))
    return where


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Two embedded packs: `toons` is built, `heads` is not."""
    for name in ("toons", "heads"):
        (tmp_path / "root" / name).mkdir(parents=True)
        (tmp_path / "root" / name / "__init__.py").touch()
    build(tmp_path / "root" / "toons")
    monkeypatch.setattr(pack, "ROOT", tmp_path / "root")
    return tmp_path / "root"


# Reading


def test_a_written_manifest_is_read_back(tmp_path):
    written = build(tmp_path)
    assert load_pack(tmp_path) == load_pack(str(tmp_path)) == load_pack(tmp_path / "pack.json") == written
    assert {name: getattr(written, name) for name in FIELDS} == {**FIELDS, "attribution": ("An artist",)}
    assert written.files == {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    assert written.size == sum(map(len, CONTENT.values()))
    assert written.hashes["clip/clip.json"] == hashlib.sha256(b"{}").hexdigest()[:12]


def test_the_manifest_on_disk_does_not_hold_its_folder_and_is_the_same_every_time(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    build(one)
    build(two)
    assert (one / "pack.json").read_bytes() == (two / "pack.json").read_bytes()
    assert str(tmp_path).encode() not in (one / "pack.json").read_bytes()
    assert list(one.glob(".*")) == []


def test_a_pack_cannot_be_changed(tmp_path):
    with pytest.raises(ValidationError, match="frozen"):
        build(tmp_path).resolution = 8


def test_paths_of_roles(tmp_path):
    made = build(tmp_path)
    assert made.path("generator") == tmp_path / "stylegan2.safetensors"
    assert made.path("encoder") == tmp_path / "encoder.safetensors"
    assert made.path("clip") == made.clip_spec == tmp_path / "clip"
    with pytest.raises(MissingError, match="pack 'toons' has no face_encoder"):
        made.path("face_encoder")
    with pytest.raises(UsageError, match=r"no role is called 'decoder' \(did you mean 'encoder'\?\)"):
        made.path("decoder")


@pytest.mark.parametrize(
    "spec", ["ViT-B-32/openai", "hf-hub:laion/CLIP-ViT-B-32", "ViT-B-32-quickgelu/metaclip_400m"]
)
def test_published_weights_as_clip(tmp_path, spec):
    made = build(tmp_path, clip=spec)
    assert made.clip_spec == spec
    with pytest.raises(UsageError, match=f"clip of pack 'toons' is not a path of the pack but '{spec}'"):
        made.path("clip")


def test_an_architecture_with_a_file_of_the_pack(tmp_path):
    made = build(tmp_path, clip="RN50=clip/clip.safetensors")
    assert made.clip_spec == f"RN50={tmp_path / 'clip/clip.safetensors'}"
    (tmp_path / "clip/clip.safetensors").unlink()
    with pytest.raises(MissingError, match="clip.safetensors: is missing"):
        made.clip_spec  # noqa: B018


@pytest.mark.parametrize(
    ("role", "file"), [("generator", "stylegan2.safetensors"), ("clip", "clip/bpe.txt.gz")]
)
def test_a_role_whose_file_is_gone_is_a_missing_model(tmp_path, role, file):
    made = build(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(MissingError, match=f"pack 'toons' is incomplete: {tmp_path / file}: is missing"):
        made.path(role)


def test_clip_spec_opens_with_the_perceptor_s_finder(tmp_path):
    from promptbrush.guidance import clip_models

    (fill(tmp_path) / "clip/clip.json").write_text('{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {}}')
    source = clip_models.find(str(write_manifest(tmp_path, **FIELDS).clip_spec))
    assert source.weights == tmp_path / "clip/clip.safetensors"
    assert source.bpe == tmp_path / "clip/bpe.txt.gz"


# Names


def test_embedded_packs_by_name(root):
    assert embedded_packs() == ["heads", "toons"]
    assert load_pack("toons").folder == root / "toons"


def test_the_name_wins_over_a_folder_of_the_same_name(root, tmp_path, monkeypatch):
    build(tmp_path / "here" / "toons", domain="others")
    monkeypatch.chdir(tmp_path / "here")
    assert load_pack("toons").domain == "cartoon faces"
    assert load_pack("./toons").domain == load_pack(Path("toons")).domain == "others"


def test_the_package_has_mini():
    assert embedded_packs() == ["mini"]


def test_an_embedded_pack_without_weights_says_how_to_get_them(root):
    with pytest.raises(MissingError, match=r"pack 'heads' has no weights.*promptbrush train --help"):
        load_pack("heads")


def test_an_unknown_name(root):
    with pytest.raises(
        UsageError, match=r"no pack is called 'toon' \(did you mean 'toons'\?\); known: heads, toons"
    ):
        load_pack("toon")
    for wrong in ("", " ", "x" * 5000, "a\0b"):
        with pytest.raises(UsageError, match="no pack is called"):
            load_pack(wrong)


def test_paths_without_a_manifest(root, tmp_path):
    (tmp_path / "weights.pkl").touch()
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "nowhere", tmp_path / "weights.pkl", "no/where", Path("toon")):
        with pytest.raises(InputFileError, match="is not a folder with a pack.json"):
            load_pack(wrong)
    for wrong in (tmp_path / "empty", tmp_path / "empty" / "pack.json", "pack.json"):
        with pytest.raises(InputFileError, match=r"pack\.json: not found"):
            load_pack(wrong)


# Broken and hostile manifests


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not JSON"),
        (b"{'name': 1}", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"resolution": ' + b"9" * 10_000 + b"}", "pack.json: "),
        (b"[]", "must be a JSON object, not list"),
        (b"null", "must be a JSON object, not NoneType"),
        (b'{"a": "' + b"x" * 2**20 + b'"}', "over 1 MiB"),
        (b'{"format": 2, "mirrors": []}', "its format is newer than 1.*update promptbrush"),
        (b'{"format": 1' + b"0" * 400 + b"}", "its format is newer than 1"),
        (b"{}", "field 'name' is missing; add it"),
    ],
)
def test_what_is_no_manifest(tmp_path, raw, words):
    (tmp_path / "pack.json").write_bytes(raw)
    with pytest.raises(InputFileError, match=words) as caught:
        load_pack(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'pack.json'}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generatr": "x"}, r"field 'generatr' is unknown \(did you mean 'generator'\?\); known: format, name"),
        ({"folder": "/etc"}, "field 'folder' is unknown"),
        ({"_folder": "/etc"}, "field '_folder' is unknown"),
        ({"a\nb\x1b[31m" * 100: 1}, r"field 'a\\nb\\x1b\[31m"),
        ({"domain": None}, "field 'domain' is missing"),
        ({"domain": 7}, "field 'domain': Input should be a valid string"),
        ({"domain": ""}, "field 'domain': must be one line of text"),
        ({"about": "two\nlines"}, "field 'about': must be one line of text"),
        ({"source": "\x1b]0;title\x07"}, "field 'source': must be one line of text"),
        ({"name": "../mini"}, "field 'name'"),
        ({"name": "a b"}, "field 'name'"),
        ({"version": []}, "field 'version': Input should be a valid string"),
        ({"format": "1"}, "field 'format': Input should be a valid integer"),
        ({"format": True}, "field 'format': Input should be a valid integer"),
        ({"format": 0}, "field 'format': Input should be greater than 0"),
        ({"resolution": "64"}, "field 'resolution': Input should be a valid integer"),
        ({"resolution": 64.0}, "field 'resolution': Input should be a valid integer"),
        ({"resolution": -64}, "field 'resolution': Input should be greater than 0"),
        ({"resolution": 2**40}, "field 'resolution': Input should be less than or equal to 16384"),
        ({"attribution": "An artist"}, "field 'attribution': Input should be a valid tuple"),
        ({"attribution": [1]}, "field 'attribution.0': Input should be a valid string"),
        ({"files": []}, "field 'files': Input should be a valid dictionary"),
        ({"files": {}}, "generator 'stylegan2.safetensors' is not among the files"),
        ({"files": {"stylegan2.safetensors": "abc"}}, "field 'files.stylegan2.safetensors'"),
        ({"generator": "other.pkl"}, "generator 'other.pkl' is not among the files"),
        ({"encoder": "../x"}, r"encoder '\.\./x' is not among the files"),
        ({"face_encoder": "/etc/passwd"}, "face_encoder '/etc/passwd' is not among the files"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit(tmp_path, changes, words):
    manifest_with(tmp_path, **changes)
    with pytest.raises(InputFileError, match=words) as caught:
        load_pack(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'pack.json'}: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "a/..", "..", "/etc/passwd", "//host/x", "C:/x", "C:x", "\\\\host\\x", "a\\..\\..\\x",
     "", ".", "./a", "a//b", "a/", "a\0b", "a\nb"],
)  # fmt: skip
def test_files_stay_in_the_folder(tmp_path, path):
    build(tmp_path / "in")
    data = json.loads((tmp_path / "in/pack.json").read_text())
    data["files"][path] = "0" * 64
    (tmp_path / "in/pack.json").write_text(json.dumps(data))
    with pytest.raises(InputFileError, match=r"field 'files\..*must (be a relative path inside|use '/')"):
        load_pack(tmp_path / "in")


@given(st.text(alphabet="./\\aC: \0", max_size=8))
def test_no_accepted_path_leads_out(path):
    try:
        accepted = pack._inside(path)
    except ValueError:
        return
    base = Path("/base/folder")
    assert base in Path(os.path.normpath(base / accepted)).parents


@pytest.mark.parametrize(
    "clip",
    ["", "..", "../mini", "/clip", "./clip", "clip/../..", "a/b/c", "RN50=../w.pt", "RN50=/w.pt", "x.json",
     "a,b", "http://host/w.pt", "hf-hub:../x", "~/clip", "RN50=missing.pt", "clip.j\nson"],
)  # fmt: skip
def test_a_clip_that_is_neither_here_nor_published(tmp_path, clip):
    manifest_with(tmp_path, clip=clip)
    with pytest.raises(
        InputFileError, match="is neither among the files nor published|is not among the files"
    ):
        load_pack(tmp_path)


def test_a_manifest_that_is_no_ordinary_file_is_not_waited_for(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(tmp_path / "pack.json")
    with pytest.raises(InputFileError, match="not found"):
        load_pack(tmp_path)


# Writing


def test_what_is_hashed_and_what_is_not(tmp_path):
    for name in ("README.md", "__init__.py", ".hidden", ".cache/x", "__pycache__/a.pyc", "pack.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("beside")
    made = build(tmp_path, version=3)
    assert list(made.files) == sorted(CONTENT)
    assert made.version == "3"
    assert made.verify() == []


def test_a_wrong_field_leaves_the_old_manifest(tmp_path):
    build(tmp_path)
    before = (tmp_path / "pack.json").read_bytes()
    with pytest.raises(InputFileError, match="field 'resolution'"):
        build(tmp_path, resolution=0)
    assert (tmp_path / "pack.json").read_bytes() == before
    assert list(tmp_path.glob(".*")) == []


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path):
    with pytest.raises(InputFileError, match="is not among the files"):
        write_manifest(tmp_path / "nowhere", **FIELDS)
    assert not (tmp_path / "nowhere").exists()


def test_a_failing_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputFileError, match=r"pack\.json: cannot be written .*No space left"):
        build(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clip",
        "encoder.safetensors",
        "stylegan2.safetensors",
    ]


# Verifying


def test_verify_names_each_file_and_what_is_wrong(tmp_path):
    made = build(tmp_path)
    assert made.verify() == []
    (tmp_path / "encoder.safetensors").write_bytes(b"encodes")  # as long as before
    (tmp_path / "clip/clip.json").unlink()
    (tmp_path / "clip/new.bin").touch()
    (tmp_path / "README.md").write_text("a card may change")
    found = [(fault.file, fault.kind) for fault in made.verify()]
    assert found == [
        (tmp_path / "clip/clip.json", "missing"),
        (tmp_path / "encoder.safetensors", "changed"),
        (tmp_path / "clip/new.bin", "extra"),
    ]
    assert str(made.verify()[1]).startswith(f"{tmp_path / 'encoder.safetensors'}: has changed")


def test_a_folder_in_a_file_s_place_is_missing_and_an_unreadable_file_is_told(tmp_path, monkeypatch):
    made = build(tmp_path)
    (tmp_path / "encoder.safetensors").unlink()
    (tmp_path / "encoder.safetensors").mkdir()

    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pack, "sha256_of", refused)
    kinds = {fault.file.name: fault.kind for fault in made.verify()}
    assert (kinds["encoder.safetensors"], kinds["stylegan2.safetensors"]) == ("missing", "unreadable")


# Summaries and commands


def invoke(*words: str):
    return CliRunner().invoke(app, ["models", *words])


def test_summaries_of_every_state(root):
    size = sum(map(len, CONTENT.values()))
    heads, toons = summaries()
    assert (heads.name, heads.state, heads.ok) == ("heads", "not built", False)
    assert (toons.domain, toons.resolution, toons.size, toons.ok) == ("cartoon faces", 64, size, True)
    (root / "toons/clip/clip.json").unlink()
    assert "clip.json: is missing" in summaries()[1].state
    (root / "toons/pack.json").write_text("?")
    assert "is not JSON" in summaries()[1].state


def test_models_list(root):
    done = invoke("list")
    assert done.exit_code == 0
    heads, toons = done.output.splitlines()[1:]
    assert heads.split() == ["heads", "not", "built"]
    assert toons.split() == ["toons", "cartoon", "faces", "64", "px", "0.0", "MB", "ok"]


def test_models_verify(root, tmp_path):
    done = invoke("verify", "toons")
    assert (done.exit_code, done.output) == (0, "toons: 5 files, all as the manifest says\n")
    build(tmp_path / "own", name="own")
    assert invoke("verify", str(tmp_path / "own")).output.startswith("own: 5 files")


def test_models_verify_has_a_line_for_each_wrong_file(root):
    (root / "toons/clip/clip.json").unlink()
    (root / "toons/encoder.safetensors").write_bytes(b"other")
    done = invoke("verify", "toons")
    assert done.exit_code == 3
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        str(root / "toons/clip/clip.json"),
        str(root / "toons/encoder.safetensors"),
    ]


def test_models_verify_without_a_name_takes_every_embedded_pack(root):
    assert isinstance(invoke("verify").exception, MissingError)  # heads is not built
    (root / "heads/__init__.py").unlink()
    assert invoke("verify").output.startswith("toons: 5 files")


@pytest.mark.parametrize(("words", "code"), [(["list"], 0), (["verify", "mimi"], 2)])
def test_the_commands_do_not_import_torch(words, code):
    script = (
        f"import sys; sys.argv = ['promptbrush', 'models', *{words}]\n"
        "from promptbrush.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (code, "False"), done.stderr
