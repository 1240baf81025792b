"""What a person at a terminal sees while a job runs: notes, progress, and where the results are."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .._files import readable
from .job import Listener, Saved

# Without a terminal, a line this often shows that the work goes on.
_EVERY_SECONDS = 10.0


class Terminal(Listener):
    """Tells everything but results.

    Args:
        write: shows a line, on standard error.
        quiet: say nothing at all but errors.
    """

    def __init__(self, write: Callable[[str], None], quiet: bool = False) -> None:
        self.write, self.quiet = write, quiet
        self._handler = _Handler(self)

    def __enter__(self) -> Terminal:
        """Log records become notes from here on."""
        logging.getLogger("promptbrush").addHandler(self._handler)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("promptbrush").removeHandler(self._handler)

    def note(self, text: str) -> None:
        """A remark, on a line of its own."""
        if not self.quiet:
            self.write(text if text.startswith(("models: ", "also ")) else f"note: {text}")

    def begin(self, path: Path, number: int, count: int) -> Sequence[Any]:
        """A progress bar for the result, or lines where there is no terminal."""
        if self.quiet:
            return ()
        from .consumers import Progress

        name = readable(Path(path.name)) if count == 1 else f"{number} of {count} {readable(Path(path.name))}"
        return (Progress(name) if sys.stderr.isatty() else Lines(name, self.write),)

    def result(self, saved: Saved) -> None:
        """What else was written, and how good the result is."""
        described = saved.result.output.described
        also = f"also {', '.join(readable(path) for path in saved.beside)}" if saved.beside else ""
        for text in (also, described):
            if text and not self.quiet:
                self.write(text)

    @staticmethod
    def path(path: Path) -> str:
        """A path as text that any terminal can show."""
        return readable(path)


class Lines:
    """Progress in a log: a line every ten seconds."""

    def __init__(self, name: str, write: Callable[[str], None]) -> None:
        self._write = write
        self._name, self._began, self._told = name, time.monotonic(), time.monotonic()

    def see(self, step: Any) -> None:
        """Tell where the run is, if it is time."""
        now = time.monotonic()
        if now - self._told >= _EVERY_SECONDS:
            self._told = now
            left = (now - self._began) / (step.index + 1) * (step.total - step.index - 1)
            self._write(f"{self._name}: step {step.index + 1} of {step.total}, about {left:.0f} s left")

    def close(self) -> None:
        """Nothing is open."""


class _Handler(logging.Handler):
    """Log records as notes."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(logging.INFO)
        self._terminal = terminal
        logging.getLogger("promptbrush").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        self._terminal.note(record.getMessage())


def show_table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Rows on standard output, as wide as the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)
