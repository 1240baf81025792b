"""Reading pickles as data: a small interpreter of the opcodes that network files need.

Python's own unpickler calls whatever a file names, and the official StyleGAN2 files even carry source code to
be executed. This one calls nothing: globals are only names, and the few reductions that occur in official
files are computed by the functions of `_REDUCTIONS`. Anything else is refused.
"""

from __future__ import annotations

import io
import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import Tensor

from ..._base import DAMAGE_ERRORS, InputFileError

MAX_OPCODES = 5_000_000
NETWORK_CLASSES = frozenset(
    {
        "AugmentPipe",
        "Conv2dLayer",
        "Discriminator",
        "DiscriminatorBlock",
        "DiscriminatorEpilogue",
        "FullyConnectedLayer",
        "Generator",
        "MappingNetwork",
        "MinibatchStdLayer",
        "SynthesisBlock",
        "SynthesisLayer",
        "SynthesisNetwork",
        "ToRGBLayer",
    }
)


@dataclass(frozen=True)
class Global:
    """A global that the file names; never imported."""

    name: str


@dataclass
class Module:
    """A pickled network module: its class's name and its attributes, without its source code."""

    class_name: str
    state: dict[str, Any]


@dataclass
class NumberType:
    """A numeric NumPy dtype: the struct letter and the byte order."""

    letter: str
    order: str = "<"


@dataclass
class _Machine:
    """The unpickler's stack, the positions of its marks, and its memory."""

    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def refuse(message: str) -> NoReturn:
    """Raise InputFileError; whoever opened the file adds its name."""
    raise InputFileError(message)


def read_pickle(data: bytes) -> Any:
    """The object in a pickle of protocol 2 to 5: plain data, tensors (float32 etc., CPU) and `Module`s.

    Raises:
        InputFileError: damaged, or it names anything that official network files do not need.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            if count > MAX_OPCODES:
                refuse("the pickle has too many parts for a network")
            if opcode.name == "STOP":
                return machine.stack.pop()
            _step(machine, opcode.name, argument)
    except InputFileError:
        raise
    except DAMAGE_ERRORS as error:
        raise InputFileError(
            f"the pickle is damaged or cut short ({_brief(error)}); download the file again"
        ) from error
    refuse("the pickle is cut short; download the file again")


def _brief(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _step(machine: _Machine, name: str, argument: Any) -> None:
    if name in _LITERALS:
        machine.stack.append(argument)
    elif name in _CONSTANTS:
        machine.stack.append(_CONSTANTS[name]())
    elif name in _ACTIONS:
        _ACTIONS[name](machine, argument)
    else:
        refuse(f"the pickle uses the instruction {name}, which network files do not need; refused")


def _skip(_machine: _Machine, _: Any) -> None:
    """The protocol's number and frame sizes do not matter here."""


def _mark(machine: _Machine, _: Any) -> None:
    machine.marks.append(len(machine.stack))


def _tuple(size: int) -> Callable[[_Machine, Any], None]:
    def build(machine: _Machine, _: Any) -> None:
        items = tuple(machine.stack.pop() for _ in range(size))
        machine.stack.append(items[::-1])

    return build


def _put(machine: _Machine, index: int | None) -> None:
    machine.memo[len(machine.memo) if index is None else index] = machine.stack[-1]


def _append(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        refuse("the pickle appends to something that is not a list")
    target.extend(items)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, dict):
        refuse("the pickle stores into something that is not a table")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # Only simple keys: a deeply nested tuple takes exponential time to hash.
        if not isinstance(key, (str, int)):
            refuse(f"a table in the pickle has a key of type {type(key).__name__}")
        target[key] = value


def _names(items: Any) -> set[str]:
    if not all(isinstance(item, str) for item in items):
        refuse("a set in the pickle holds more than names")
    return set(items)


def _add_items(machine: _Machine, _: Any) -> None:
    names = _names(machine.since_mark())
    machine.stack[-1].update(names)


def _global(machine: _Machine, argument: str) -> None:
    machine.stack.append(_known_global(*argument.split(" ", 1)))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_known_global(module, name))


def _known_global(module: Any, name: Any) -> Global:
    if not (isinstance(module, str) and isinstance(name, str)):
        refuse("the pickle names a global by something that is not text")
    found = f"{module}.{name}"
    if found.startswith("dnnlib.tflib."):
        refuse(
            "this is a TensorFlow StyleGAN pickle; convert it with legacy.py of stylegan2-ada-pytorch first"
        )
    if found not in _REDUCTIONS:
        refuse(
            f"the pickle wants to use '{found[:80]}', which network files do not need; refused, nothing was run"
        )
    return Global(found)


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        refuse("the pickle calls something that is not a known function")
    machine.stack.append(_REDUCTIONS[function.name](*arguments))


def _build(machine: _Machine, _: Any) -> None:
    state, target = machine.stack.pop(), machine.stack[-1]
    # Only NumPy dtypes set a state in network files: (version, byte order, ...).
    if (
        not isinstance(target, NumberType)
        or not isinstance(state, tuple)
        or state[1] not in ("<", ">", "|", "=")
    ):
        refuse("the pickle sets the state of an object that has none")
    target.order = "<" if state[1] == "|" else state[1]


def _module(meta: Any) -> Module:
    if not isinstance(meta, dict) or meta.get("type") != "class" or not isinstance(meta.get("state"), dict):
        refuse("a network module in the pickle has an unexpected structure")
    if meta.get("version") != 6:
        refuse(
            f"a network module has the format version {meta.get('version')!r}; only version 6 is supported"
        )
    name = meta.get("class_name")
    if name == "SynthesisInput":
        refuse("this is a StyleGAN3 (alias-free) network; only StyleGAN2 is supported")
    if not isinstance(name, str) or name not in NETWORK_CLASSES:
        refuse(f"the pickle holds a network module '{str(name)[:80]}', which is not one of StyleGAN2")
    return Module(name, meta["state"])


def _dict(items: Any = ()) -> dict[str, Any]:
    pairs = list(items.items() if isinstance(items, dict) else items)
    if not all(isinstance(key, str) for key, _ in pairs):
        refuse("a table in the pickle has keys that are not names")
    return dict(pairs)


def _storage(data: Any) -> Tensor:
    # torch's own function of this name unpickles without any restriction.
    if not isinstance(data, bytes):
        refuse("a tensor's data in the pickle are not bytes")
    if data[:2] == b"PK":
        refuse("a tensor's data in the pickle are in an unknown format")
    try:
        storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except DAMAGE_ERRORS as error:
        raise InputFileError(
            "a tensor's data in the pickle are damaged or hostile; nothing was run"
        ) from error
    if not isinstance(storage, torch.storage.TypedStorage):
        refuse("a tensor's data in the pickle hold something else")
    return torch.empty(0, dtype=storage.dtype).set_(storage)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    if not isinstance(storage, Tensor) or storage.ndim != 1:
        refuse("a tensor in the pickle has no data")
    shape, steps = [_natural(n) for n in size], [_natural(n) for n in stride]
    count = 1
    for n in shape:
        count *= n
    if count > storage.numel():
        refuse("a tensor in the pickle is larger than its data")
    return storage.as_strided(shape, steps, _natural(offset))


def _natural(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**40:
        refuse(f"a tensor in the pickle has the size or step {value!r}")
    return value


def _parameter(data: Any, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        refuse("a parameter in the pickle is not a tensor")
    return data


def _number_type(name: Any, *_: Any) -> NumberType:
    letters = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "b1": "?"}
    if not isinstance(name, str) or name.lstrip("<>|=") not in letters:
        refuse(f"the pickle holds a NumPy value of type {str(name)[:40]!r}, not a number")
    return NumberType(letters[name.lstrip("<>|=")])


def _number(kind: Any, data: Any) -> float | int:
    if not isinstance(kind, NumberType) or not isinstance(data, bytes):
        refuse("the pickle holds a NumPy value that is not a number")
    value: float | int = struct.unpack(kind.order + kind.letter, data)[0]
    return value


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        refuse("the pickle encodes text in an unexpected way")
    return text.encode("latin1")


_LITERALS = frozenset(
    {
        "BINBYTES",
        "BINBYTES8",
        "BINFLOAT",
        "BININT",
        "BININT1",
        "BININT2",
        "BINUNICODE",
        "BINUNICODE8",
        "LONG1",
        "SHORT_BINBYTES",
        "SHORT_BINUNICODE",
    }
)

_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_SET": set,
    "EMPTY_TUPLE": tuple,
}

_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _skip,
    "FRAME": _skip,
    "MARK": _mark,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "MEMOIZE": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "APPEND": lambda machine, _: _append(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.since_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, [machine.stack.pop() for _ in range(2)][::-1]),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.since_mark()),
    "ADDITEMS": _add_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "BUILD": _build,
}

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "torch_utils.persistence._reconstruct_persistent_obj": _module,
    "dnnlib.util.EasyDict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.set": _names,
    "__builtin__.set": _names,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.storage._load_from_bytes": _storage,
    "numpy.core.multiarray.scalar": _number,
    "numpy._core.multiarray.scalar": _number,
    "numpy.dtype": _number_type,
    "_codecs.encode": _encode,
}
