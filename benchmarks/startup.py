"""How long `promptbrush` takes to say what it can do, and that it does not wait for torch.

python benchmarks/startup.py         # median of whole processes, beside an empty Python
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from promptbrush.editing.methods import METHODS

RUNS = 9


def seconds(*command: str) -> float:
    """Median seconds of a whole process."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "promptbrush --version": ("promptbrush", "--version"),
        "promptbrush --help": ("promptbrush", "--help"),
        **{f"promptbrush {name} --help": ("promptbrush", name, "--help") for name in METHODS.names()},
        "python -c 'import torch'": (sys.executable, "-c", "import torch"),
    }
    for name, command in commands.items():
        print(f"{name:26s} {seconds(*command):.2f} s", flush=True)


if __name__ == "__main__":
    main()
