"""No checkpoint can run code, exhaust memory or end in anything but InputFileError."""

import io
import json
import os
import pickle
import pickletools
import random
import struct
import zipfile

import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.stylegan2 import (
    import_checkpoint,
    load_discriminator,
    load_generator,
    read_metadata,
    save_generator,
)
from promptbrush.generators.stylegan2.pickles import read_pickle
from safetensors.torch import load_file, save_file

PROTOCOL, STOP = b"\x80\x02", b"."


def value(thing) -> bytes:
    """The opcodes of plain data."""
    return pickletools.optimize(pickle.dumps(thing, 2))[2:-1]


def call(module, name, *arguments) -> bytes:
    """The opcodes that call a global; arguments that are bytes are opcodes themselves."""
    pushed = b"".join(a if isinstance(a, bytes) else value(a) for a in arguments)
    return f"c{module}\n{name}\n".encode() + b"(" + pushed + b"tR"


def table(**entries) -> bytes:
    return (
        b"}("
        + b"".join(value(k) + (v if isinstance(v, bytes) else value(v)) for k, v in entries.items())
        + b"u"
    )


def module(
    class_name, modules=b"}", version=6, source="", kind="class", parameters=b"}", **attributes
) -> bytes:
    state = table(_modules=modules, _parameters=parameters, _buffers={}, **attributes)
    meta = table(type=kind, version=version, module_src=source, class_name=class_name, state=state)
    return call("torch_utils.persistence", "_reconstruct_persistent_obj", meta)


def official_file(network) -> bytes:
    return PROTOCOL + table(G=None, D=None, G_ema=network) + STOP


def binary(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


class Command:
    """Pickles into a call of os.system."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "executed"


@pytest.fixture
def refuse(tmp_path, marker):
    """Write bytes to a file, expect every way to open it to be refused in one line, and nothing to happen."""

    def check(data: bytes, match: str = "", name: str = "network.pkl") -> str:
        path, target = tmp_path / name, tmp_path / "imported.safetensors"
        path.write_bytes(data)
        with pytest.raises(InputFileError, match=match or None) as caught:
            load_generator(path)
        for opener in (load_discriminator, lambda p: import_checkpoint(p, target)):
            with pytest.raises(InputFileError):
                opener(path)
        assert not marker.exists(), "the file ran code"
        assert [p.name for p in tmp_path.iterdir()] == [name], "the file wrote something"
        message = str(caught.value)
        assert str(path) in message
        assert "\n" not in message
        return message

    return check


CALLS = [
    ("os", "system", "touch {}"),
    ("posix", "system", "touch {}"),
    ("builtins", "eval", "open('{}','w')"),
    ("builtins", "exec", "open('{}','w')"),
    ("builtins", "open", "{}", "w"),
    ("subprocess", "call", ["touch", "{}"]),
    ("importlib", "import_module", "antigravity"),
    ("functools", "partial", "x"),
    ("builtins", "getattr", "x", "y"),
    ("torch", "load", "{}"),
    ("torch._utils", "_rebuild_wrapper_subclass", "x"),
    ("numpy", "load", "{}"),
    ("numpy.core.multiarray", "_reconstruct", "x"),
    ("pathlib", "Path", "{}"),
    ("collections", "defaultdict", "x"),
    ("torch.storage", "_load_from_bytes.__globals__", "x"),
    ("torch_utils.persistence", "import_hooks", "x"),
]


@pytest.mark.parametrize("where", ["top", "state", "key"])
@pytest.mark.parametrize("call_", CALLS, ids=lambda c: f"{c[0]}.{c[1]}")
def test_unknown_globals_are_refused(refuse, marker, call_, where):
    text = json.loads(json.dumps(call_[2:]).replace("{}", str(marker)))
    evil = call(call_[0], call_[1], *text)
    data = {
        "top": PROTOCOL + evil + STOP,
        "state": official_file(module("Generator", extra=evil)),
        "key": PROTOCOL + b"}" + evil + b"Nsc__main__\nx\n" + STOP,
    }[where]
    refuse(data, f"{call_[0]}.{call_[1]}")


def test_unpicklers_own_pickles_are_refused(refuse, marker):
    for protocol in range(6):
        refuse(pickle.dumps({"G_ema": Command(f"touch {marker}")}, protocol))


def with_source(data: bytes, source: str) -> bytes:
    """An official pickle of protocol 3 whose empty `module_src` is replaced."""
    operations = list(pickletools.genops(data))
    after = next(i for i, (_, argument, _) in enumerate(operations) if argument == "module_src")
    at = next(position for code, argument, position in operations[after:] if argument == "")
    return data[:at] + b"X" + struct.pack("<I", len(source)) + source.encode() + data[at + 5 :]


def test_embedded_source_is_never_executed(golden_folder, tmp_path, marker):
    # A real, complete file: it must load, and its source must stay text.
    data = (golden_folder / "ada_tiny.pkl").read_bytes()
    hostile = with_source(data, f"open({str(marker)!r}, 'w').close()\nclass Generator: pass\n")
    assert str(marker).encode() in hostile
    path = tmp_path / "network.pkl"
    path.write_bytes(hostile)
    model, original = load_generator(path), load_generator(golden_folder / "ada_tiny.pkl")
    load_discriminator(path)
    assert torch.equal(model.w_avg, original.w_avg)
    assert not marker.exists()


def nested_payloads(command):
    legacy, archive = io.BytesIO(), io.BytesIO()
    torch.save(Command(command), legacy, _use_new_zipfile_serialization=False)
    torch.save(Command(command), archive)
    return [
        pickle.dumps(Command(command)),
        legacy.getvalue(),
        archive.getvalue(),
        b"",
        b"PK\x03\x04",
        b"\x80\x02N.",
    ]


@pytest.mark.parametrize("index", range(6))
def test_nested_storage_loader_is_closed(refuse, marker, index):
    payload = nested_payloads(f"touch {marker}")[index]
    storage = call("torch.storage", "_load_from_bytes", binary(payload))
    refuse(official_file(module("Generator", parameters=table(weight=storage))), "a tensor's data")


@pytest.mark.parametrize(
    "arguments", [("O", b""), ("O8", b"payload"), ("V8", b"12345678"), ("f8", b"short"), (1, 2)]
)
def test_numpy_scalars_are_only_numbers(refuse, marker, arguments):
    kind, data = arguments
    dtype = call("numpy", "dtype", kind, 0, 1)
    content = pickle.dumps(Command(f"touch {marker}")) if data == b"payload" else data
    pushed = binary(content) if isinstance(content, bytes) else content
    refuse(official_file(module("Generator", gain=call("numpy.core.multiarray", "scalar", dtype, pushed))))


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_the_allowed_parts_are_read_as_data():
    # Guards the tests around this one: what they build is refused for its content, not for its form.
    storage = call("torch.storage", "_load_from_bytes", storage_bytes(4))
    tensor = call("torch._utils", "_rebuild_tensor_v2", storage, 1, (3,), (1,), False, None)
    gain = call(
        "numpy.core.multiarray", "scalar", call("numpy", "dtype", "f8", 0, 1), binary(struct.pack("<d", 0.5))
    )
    network = module("Generator", parameters=table(weight=tensor), gain=gain)
    read = read_pickle(official_file(network))["G_ema"]
    assert (read.class_name, read.state["gain"]) == ("Generator", 0.5)
    assert torch.equal(read.state["_parameters"]["weight"], torch.tensor([1.0, 2.0, 3.0]))


def storage_bytes(count) -> bytes:
    stream = io.BytesIO()
    torch.save(torch.arange(float(count)).storage(), stream, _use_new_zipfile_serialization=False)
    return binary(stream.getvalue())


@pytest.mark.filterwarnings("ignore:TypedStorage")
@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((10**6, 10**6), (0, 0), 0),
        ((5,), (1,), 0),
        ((2, 2), (100, 1), 0),
        ((4,), (1,), 1),
        ((4,), (1,), 10**9),
        ((-1,), (1,), 0),
        ((2,), (-1,), 3),
        ((2**62, 2**62), (1, 1), 0),
        (("4",), (1,), 0),
    ],
)
def test_tensors_stay_inside_their_storage(refuse, size, stride, offset):
    storage = call("torch.storage", "_load_from_bytes", storage_bytes(4))
    tensor = call("torch._utils", "_rebuild_tensor_v2", storage, offset, size, stride, False, None)
    refuse(official_file(module("Generator", parameters=table(weight=tensor))))


@pytest.mark.parametrize(
    "opcodes",
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n}X\x0c\x00\x00\x00__defaults__)sb",
        b"ccollections\nOrderedDict\nN}X\x08\x00\x00\x00__init__Nsb",
        b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsNsb",
        b"(cos\nsystem\nX\x04\x00\x00\x00trueo",
        b"(X\x04\x00\x00\x00trueios\nsystem\n",
        b"\x82\x01",
        b"X\x01\x00\x00\x00aQ",
        b"Pid\n",
        b"r\xff\xff\xff\x7f",
        b"h\x09",
        b"t" * 10,
        b"0" * 10,
        b"NN\x85R",
        b"}((NtNu",
        b"Ns",
        b"]Nu",
    ],
)
def test_other_tricks_of_the_format(refuse, opcodes):
    before = torch._utils._rebuild_tensor_v2.__defaults__
    refuse(PROTOCOL + opcodes + STOP)
    assert torch._utils._rebuild_tensor_v2.__defaults__ == before


def test_keys_that_take_forever_to_hash(refuse):
    nested = b"N" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60))
    refuse(PROTOCOL + b"}" + nested + b"Ns" + STOP, "key of type tuple")


def test_modules_that_contain_each_other_many_times(refuse):
    inner = module("SynthesisLayer")
    for depth in range(7):
        again = b"".join(value(f"c{i}") + b"h" + bytes([depth]) for i in range(60))
        inner = module("SynthesisLayer", b"}(" + value("c") + inner + b"q" + bytes([depth]) + again + b"u")
    refuse(official_file(module("Generator", table(synthesis=inner))), "too many layers")


def test_module_that_contains_itself(refuse):
    loop = b"}q\x00" + value("again") + module("Generator", b"h\x00") + b"s"
    refuse(official_file(module("Generator", loop)), "nested too deeply")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (official_file(module("Generator", version=5)), "version 5"),
        (official_file(module("Generator", version="6")), "version '6'"),
        (official_file(module("Generator", kind="function")), "unexpected structure"),
        (official_file(module("Backdoor")), "'Backdoor'"),
        (official_file(module("Discriminator")), "not a Generator"),
        (official_file(module("Generator")), "lacks"),
        (official_file(module("Generator", table(synthesis=module("SynthesisInput")))), "StyleGAN3"),
        (PROTOCOL + value({"G": None}) + STOP, "no network 'G_ema'"),
        (PROTOCOL + value([1, 2]) + STOP, "no network 'G_ema'"),
        (PROTOCOL + call("dnnlib.tflib.network", "Network") + STOP, "TensorFlow .*convert"),
        (b"", "empty"),
        (b"hello, I am a text file\n", "not a StyleGAN2 checkpoint"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a StyleGAN2 checkpoint"),
        (b"\x80\x04", "cut short"),
        (b"PK\x03\x04", "damaged"),
    ],
)
def test_wrong_files_say_what_is_wrong(refuse, data, match):
    refuse(data, match)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputFileError, match=r"no\.pkl.*No such file"):
        load_generator(tmp_path / "no.pkl")
    with pytest.raises(InputFileError, match="this is a folder, a device or a pipe; name an ordinary file"):
        load_generator(tmp_path)
    with pytest.raises(InputFileError, match=r"cannot be read \(.*null.*\); check the path"):
        load_generator(tmp_path / "no\0.pkl")


@pytest.mark.parametrize("legacy", [True, False])
def test_torch_checkpoints_run_nothing(refuse, marker, legacy):
    stream = io.BytesIO()
    torch.save({"g_ema": Command(f"touch {marker}")}, stream, _use_new_zipfile_serialization=not legacy)
    refuse(stream.getvalue(), "nothing in it was run", "network.pt")


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"g_ema": 3},
        {"g_ema": {}},
        {"state_dict": {"decoder.x": 1}},
        {"g_ema": {"style.1.weight": "no"}},
    ],
)
def test_torch_checkpoints_of_something_else(refuse, content):
    stream = io.BytesIO()
    torch.save(content, stream)
    refuse(stream.getvalue(), name="network.pt")


def test_archives_that_unpack_to_more_than_their_size(refuse):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(50_000_000))
    refuse(stream.getvalue(), "unpacks to more", "network.pt")


def test_random_bytes(refuse):
    random_ = random.Random(0)
    for head in (b"", b"\x80\x03", b"\x80\x04\x95", b"PK\x03\x04", bytes(8) + b"{"):
        for length in (1, 9, 40, 3000):
            refuse(head + random_.randbytes(length))


@pytest.mark.parametrize("name", ["ada_tiny.pkl", "sg3_tiny.pkl", "rosinality_tiny.pt"])
def test_truncated_files(golden_folder, tmp_path, name):
    data = (golden_folder / name).read_bytes()
    path = tmp_path / name
    random_ = random.Random(1)
    lengths = [1, 2, 3, 16, 100, 1000, len(data) - 1, len(data) // 2, *random_.sample(range(len(data)), 20)]
    for length in lengths:
        path.write_bytes(data[:length])
        with pytest.raises(InputFileError):
            load_generator(path)


@pytest.mark.parametrize(
    "name", ["ada_cond_tiny.pkl", "sg3_tiny.pkl", "rosinality_tiny.pt", "ours.safetensors"]
)
def test_damaged_bytes_are_refused_or_harmless(golden_folder, tmp_path, make_generator, name):
    path = tmp_path / name
    if name == "ours.safetensors":
        save_generator(make_generator(), path)
        data = path.read_bytes()
    else:
        data = (golden_folder / name).read_bytes()
    random_ = random.Random(2)
    for _ in range(30):
        damaged = bytearray(data)
        for position in random_.sample(range(min(len(data), 40_000)), 3):
            damaged[position] = random_.randrange(256)
        path.write_bytes(damaged)
        try:
            load_generator(path)
        except InputFileError as error:
            assert str(path) in str(error)


def rewritten(path, header=None, config=None, drop="", add="") -> None:
    """Change a safetensors file of ours, keeping the format valid."""
    tensors = load_file(path)
    metadata = {**read_metadata(path), **(header or {})}
    if config:
        metadata["config"] = json.dumps({**json.loads(metadata["config"]), **config})
    if drop:
        del tensors[drop]
    if add:
        tensors[add] = torch.zeros(2)
    save_file(tensors, path, {k: v for k, v in metadata.items() if v is not None})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"header": {"kind": "clip"}}, "kind 'clip'"),
        ({"header": {"kind": None}}, "kind 'None'"),
        ({"header": {"config": None}}, "configuration is not usable"),
        ({"header": {"config": "{"}}, "configuration is not usable"),
        ({"header": {"config": "[" * 100_000}}, "configuration is not usable"),
        ({"config": {"resolution": 2**20}}, "resolution"),
        ({"config": {"resolution": 24}}, "power of two"),
        ({"config": {"resolution": "16"}}, "resolution"),
        ({"config": {"z_dim": -1}}, "z_dim"),
        ({"config": {"w_dim": 8192, "z_dim": 8192}}, "shape"),
        ({"config": {"mapping_layers": 10**9}}, "mapping_layers"),
        ({"config": {"mapping_layers": 60}}, "lacks 'mapping.fc10"),
        ({"config": {"channels": {"4": 10**9, "8": 1, "16": 1}}}, "channels"),
        ({"config": {"channels": {"4": 8192, "8": 8192, "16": 8192}}}, "shape"),
        ({"config": {"channels": {"a": 1}}}, "configuration"),
        ({"config": {"channels": [1, 2]}}, "configuration"),
        ({"config": {"conv_clamp": float("nan")}}, "conv_clamp"),
        ({"config": {"architecture": "other"}}, "architecture"),
        ({"config": {"surprise": 1}}, "surprise"),
        ({"drop": "synthesis.b8.conv0.bias"}, r"lacks 'synthesis\.b8\.conv0\.bias'"),
        ({"add": "synthesis.b8.conv9.bias"}, "does not have"),
    ],
)
def test_safetensors_with_untrue_headers(tmp_path, make_generator, change, match):
    path = tmp_path / "network.safetensors"
    save_generator(make_generator(), path)
    rewritten(path, **change)
    with pytest.raises(InputFileError, match=match):
        load_generator(path)


def test_safetensors_cut_short(tmp_path, make_generator):
    path = tmp_path / "network.safetensors"
    save_generator(make_generator(), path)
    data = path.read_bytes()
    for length in (1, 8, 9, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputFileError):
            load_generator(path)


def test_weights_that_are_not_numbers(tmp_path, make_generator):
    model = make_generator()
    model.synthesis.b8.conv0.weight.data[0, 0, 0, 0] = float("nan")
    save_generator(model, tmp_path / "nan.safetensors")
    with pytest.raises(InputFileError, match=r"synthesis\.b8\.conv0\.weight.*not finite"):
        load_generator(tmp_path / "nan.safetensors")
