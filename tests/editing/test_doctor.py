"""The doctor's findings, and which device and precision are chosen."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from promptbrush import _devices
from promptbrush._base import MissingError, UsageError
from promptbrush.editing import doctor
from promptbrush.editing.doctor import report, resolve_device, resolve_precision
from promptbrush.generators.packs import Summary

CPU = torch.device("cpu")


def rows(section):
    return {row.name: row for row in report().rows if row.section == section}


def with_gpu(monkeypatch, count=1, major=8):
    info = SimpleNamespace(name="Test GPU", total_memory=8 * 2**30, major=major)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: info)


def with_mps(monkeypatch, present=True):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: present)


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    with_gpu(monkeypatch, 0)
    with_mps(monkeypatch, False)


def test_versions():
    found = rows("versions")
    assert found["torch"].value == torch.__version__
    assert found["python"].value.startswith(platform.python_version())
    assert {"promptbrush", "torchvision", "open_clip_torch", "diffusers", "nevergrad"} <= set(found)
    assert all(row.ok for row in found.values())


def test_a_missing_package_has_its_command(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in ("nevergrad", "av"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    row = rows("versions")["nevergrad"]
    assert (row.value, row.ok, row.mend) == ("missing", False, "pip install nevergrad")
    extras = rows("extras")
    assert (extras["video"].value, extras["video"].ok) == ("missing: av", False)
    assert extras["video"].mend == "pip install 'promptbrush[video]'"
    assert "av" in extras["test"].value  # through promptbrush[train,video]
    assert not report().healthy


def test_extras_are_spelt_out(monkeypatch):
    monkeypatch.setattr(
        importlib.metadata,
        "requires",
        lambda name: [
            "torch>=2",
            "aaa-x>=1 ; extra == 'one'",
            'promptbrush[one, three]; extra == "two"',
            'bbb[fast]>=2; extra == "two"',
            'promptbrush[two]; extra == "three"',
        ],
    )
    assert doctor._extra_packages() == {"one": ["aaa-x"], "two": ["aaa-x", "bbb"], "three": ["aaa-x", "bbb"]}
    found = rows("extras")
    assert found["two"].value == "missing: aaa-x, bbb"
    assert found["two"].mend == "pip install 'promptbrush[two]'"


def test_extras_do_not_make_it_unhealthy(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["no-such-thing; extra == 'one'"])
    monkeypatch.setattr(doctor, "summaries", list)
    assert not rows("extras")["one"].ok
    assert report().healthy


def test_devices(monkeypatch):
    found = rows("devices")
    assert f"{torch.get_num_threads()} threads" in found["cpu"].value
    assert " GiB" in found["cpu"].value
    assert found["used by default"].value.startswith("cpu, ")
    with_gpu(monkeypatch, 2, major=7)
    found = rows("devices")
    assert found["cuda:1"].value == "Test GPU, 8.0 GiB, no native bfloat16"
    assert found["used by default"].value == "cuda, float16"


def test_the_embedded_packs_are_listed_or_missed(monkeypatch):
    found = [
        Summary("big", "ok", "cartoon faces", 64, 7_340_000),
        Summary("mini", "not built"),
        Summary("odd", "odd/pack.json: is not JSON"),
    ]
    monkeypatch.setattr(doctor, "summaries", lambda: found)
    built, unbuilt, broken = rows("models").values()
    assert (built.name, built.ok, built.mend) == ("big (embedded)", True, "")
    assert built.value == "cartoon faces, 64 px, 7.3 MB"
    assert (unbuilt.ok, unbuilt.value) == (False, "not built")
    assert unbuilt.mend.startswith("promptbrush train")
    assert (broken.ok, broken.value) == (False, "odd/pack.json: is not JSON")
    assert broken.mend.startswith("install promptbrush again")
    assert not report().healthy


def test_auto_takes_cuda_then_mps_then_cpu(monkeypatch):
    assert resolve_device("auto") == CPU
    with_mps(monkeypatch)
    assert resolve_device() == torch.device("mps")
    with_gpu(monkeypatch, 1)
    assert resolve_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "tpu", "", "meta", "cpu:x", "xpu"])
def test_absent_or_unknown_devices(name):
    with pytest.raises(MissingError, match=f"device '{name}' is not here; present: cpu; use --device auto"):
        resolve_device(name)


def test_present_devices(monkeypatch):
    with_gpu(monkeypatch, 2)
    assert resolve_device("cpu") == CPU
    assert resolve_device("CUDA:1") == torch.device("cuda:1")
    with pytest.raises(MissingError, match="present: cuda:0, cuda:1, cpu"):
        resolve_device("cuda:2")


def test_auto_precision(monkeypatch):
    monkeypatch.setattr(_devices, "_known_cpu", lambda: False)
    assert resolve_precision("auto", CPU) == torch.float32
    monkeypatch.setattr(_devices, "_known_cpu", lambda: True)
    assert resolve_precision("auto", CPU) == torch.bfloat16
    assert resolve_precision("auto", torch.device("mps")) == torch.float32
    for major, dtype in ((7, torch.float16), (9, torch.bfloat16)):
        with_gpu(monkeypatch, 1, major)
        assert resolve_precision("auto", torch.device("cuda")) == dtype


def test_a_variable_settles_what_auto_means(monkeypatch):
    monkeypatch.setattr(_devices, "_known_cpu", lambda: True)
    monkeypatch.setenv("PROMPTBRUSH_BFLOAT16", "off")
    assert resolve_precision("auto", CPU) == torch.float32
    monkeypatch.setattr(_devices, "_known_cpu", lambda: False)
    monkeypatch.setenv("PROMPTBRUSH_BFLOAT16", "on")
    assert resolve_precision("auto", CPU) == torch.bfloat16
    assert resolve_precision("float32", CPU) == torch.float32
    monkeypatch.setenv("PROMPTBRUSH_BFLOAT16", "perhaps")
    with pytest.raises(UsageError, match="PROMPTBRUSH_BFLOAT16 is 'perhaps'; set it to on or off"):
        resolve_precision("auto", CPU)


def test_coarse_numbers_are_bfloat16_only_where_that_is_fast(monkeypatch):
    for native, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(_devices, "_known_cpu", lambda native=native: native)
        with _devices.coarse(CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_named_precision():
    assert resolve_precision("float32", torch.device("cuda")) == torch.float32
    assert resolve_precision("float16", torch.device("cuda")) == torch.float16
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16
    with pytest.raises(UsageError, match="not for the CPU"):
        resolve_precision("float16", CPU)
    with pytest.raises(
        UsageError, match=r"precision 'flaot16' is not known \(did you mean 'float16'\?\); known: auto"
    ):
        resolve_precision("flaot16", CPU)


@pytest.mark.parametrize(
    ("text", "native"),
    [
        ("flags : avx2 avx512f avx512_bf16 fma", True),
        ("flags : amx_bf16", True),
        ("Features : fp asimd bf16 i8mm", True),
        ("flags : avx2 avx512f", False),
    ],
)
def test_native_bfloat16_is_read_from_the_cpus_flags(text, native, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(Path, "read_text", lambda self, **kwargs: text)
    assert _devices.cpu_has_bfloat16() is native
