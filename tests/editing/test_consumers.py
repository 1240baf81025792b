"""Consumers see every step, are closed whatever happens, and leave whole files or none."""

from __future__ import annotations

import errno
import importlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from promptbrush._base import InputFileError, MissingError, UsageError
from promptbrush.editing.consumers import Frames, Gif, Latest, Mp4, Progress, Trace, watch
from rich.console import Console


@dataclass(frozen=True)
class FakeStep:
    index: int
    total: int
    losses: dict[str, torch.Tensor]
    best: torch.Tensor
    size: tuple[int, int] = (20, 30)

    def image(self) -> torch.Tensor:
        """Brightness follows the index; the second sample is red only."""
        images = torch.full((2, 3, *self.size), self.index / 10)
        images[1, 1:] = 0
        return images


def steps(count=7, total=None, size=(20, 30), stop=None):
    for index in range(count):
        if stop is not None and index == 4:
            raise stop
        losses = {"clip": torch.tensor([1.0 - index / 10, 0.5]), "l2": torch.tensor([float("nan"), 2.0])}
        yield FakeStep(index, total or count, losses, torch.tensor([index, 0]), size)


class Recorder:
    def __init__(self, fail_at=None, error=None, fail_close=None):
        self.seen, self.closed = [], 0
        self.fail_at, self.error, self.fail_close = fail_at, error, fail_close

    def see(self, step):
        self.seen.append(step.index)
        if step.index == self.fail_at:
            raise self.error

    def close(self):
        self.closed += 1
        if self.fail_close:
            raise self.fail_close


def test_watch_shows_every_step_to_all_and_returns_the_last():
    recorders = [Recorder(), Recorder()]
    assert watch(steps(5), recorders).index == 4
    assert [recorder.seen for recorder in recorders] == [[0, 1, 2, 3, 4]] * 2
    assert [recorder.closed for recorder in recorders] == [1, 1]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("boom")])
def test_watch_closes_and_raises_again(stop):
    recorder, latest = Recorder(), Latest()
    with pytest.raises(type(stop)):
        watch(steps(7, stop=stop), [recorder, latest])
    assert (recorder.seen, recorder.closed) == ([0, 1, 2, 3], 1)
    assert latest.step.index == 3


def test_a_failing_consumer_does_not_end_the_run():
    broken, second = Recorder(2, InputFileError("disk")), Recorder(fail_close=InputFileError("late"))
    latest = Latest()
    with pytest.raises(InputFileError, match="disk"):
        watch(steps(6), [broken, second, latest])
    assert (broken.seen, broken.closed) == ([0, 1, 2], 1)
    assert (second.seen, second.closed) == ([0, 1, 2, 3, 4, 5], 1)
    assert latest.step.index == 5


def test_a_failing_close_is_raised_after_all_are_closed():
    first, second = Recorder(fail_close=InputFileError("late")), Recorder()
    with pytest.raises(InputFileError, match="late"):
        watch(steps(3), [first, second])
    assert second.closed == 1


def test_a_programming_error_in_a_consumer_is_not_hidden():
    broken, other = Recorder(1, ZeroDivisionError()), Recorder()
    with pytest.raises(ZeroDivisionError):
        watch(steps(5), [broken, other])
    assert (broken.closed, other.closed) == (1, 1)


def test_no_steps():
    with pytest.raises(UsageError, match="--steps"):
        watch(steps(0), [])


def test_progress_shows_count_and_mean_losses():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    watch(steps(7), [Progress("painting [x]", console=console)])
    text = screen.getvalue()
    assert "painting [x]" in text
    assert "7/7" in text
    assert "clip 0.45" in text  # mean of 0.4 and 0.5


def test_progress_of_an_interrupted_run_leaves_the_terminal_usable():
    screen = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        watch(
            steps(7, stop=KeyboardInterrupt()), [Progress(console=Console(file=screen, force_terminal=True))]
        )
    assert screen.getvalue().rstrip().endswith("\x1b[?25h")  # the cursor is shown again


def test_trace_has_a_json_line_a_step(tmp_path):
    watch(steps(3), [Trace(tmp_path / "logs" / "trace.jsonl")])
    lines = [json.loads(line) for line in (tmp_path / "logs" / "trace.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert lines[2]["losses"]["clip"] == pytest.approx([0.8, 0.5])
    assert lines[0]["losses"]["l2"] == [None, 2.0]
    seconds = [line["seconds"] for line in lines]
    assert 0 <= seconds[0] <= seconds[1] <= seconds[2] < 60


def test_trace_can_be_followed_while_it_runs(tmp_path):
    with Trace(tmp_path / "t.jsonl") as trace:
        trace.see(next(steps(1)))
        assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 1


def test_frames_are_every_nth_and_the_last(tmp_path):
    watch(steps(8), [Frames(tmp_path / "frames", every=3)])
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["00000.png", "00003.png", "00006.png", "00007.png"]
    pixels = np.array(Image.open(tmp_path / "frames" / "00003.png"))
    assert pixels.shape == (20, 60, 3)  # two samples side by side
    assert pixels[0, 0].tolist() == [76, 76, 76]
    assert pixels[0, 59].tolist() == [76, 0, 0]


def test_frames_of_a_run_that_stops_early_hold_its_last_step(tmp_path):
    watch(steps(5, total=100), [Frames(tmp_path, every=3)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000.png", "00003.png", "00004.png"]


def test_a_rerun_takes_away_the_frames_of_the_former_run_only(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "00007.png")
    (tmp_path / "00009.png").write_text("a letter")
    (tmp_path / "00009.txt").write_text("a letter")
    watch(steps(6), [Frames(tmp_path, every=2)])
    again = Frames(tmp_path, every=2)
    assert (tmp_path / "00005.png").exists()  # nothing is lost before there is anything new
    watch(steps(2), [again])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["00000.png", "00001.png", "00007.png", "00009.png", "00009.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), UsageError("the loss is not finite")])
def test_a_run_without_a_step_leaves_nothing(stop, tmp_path):
    def fail():
        raise stop
        yield

    out = tmp_path / "new" / "folder"
    everyone = [Trace(out / "t.jsonl"), Frames(out / "f"), Gif(out / "a.gif"), Mp4(out / "a.mp4"), Progress()]
    with pytest.raises(type(stop)):
        watch(fail(), everyone)
    assert list(tmp_path.iterdir()) == []
    watch(steps(2), [Trace(out / "t.jsonl"), Frames(out / "f"), Gif(out / "a.gif"), Mp4(out / "a.mp4")])
    assert sorted(path.name for path in out.iterdir()) == ["a.gif", "a.mp4", "f", "t.jsonl"]


def test_gif(tmp_path):
    watch(steps(6), [Gif(tmp_path / "a.gif", every=2, fps=10)])
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (4, (60, 20), 0)
        durations, greys = [], []
        for frame in range(film.n_frames):
            film.seek(frame)
            durations.append(film.info["duration"])
            greys.append(film.convert("RGB").getpixel((0, 0))[0])
    assert durations == [100, 100, 100, 1000]
    np.testing.assert_allclose(greys, [0, 51, 102, 127.5], atol=2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_large_pictures_are_shrunk_in_a_gif(tmp_path):
    watch(steps(2, size=(80, 40)), [Gif(tmp_path / "a.gif", max_side=20)])
    with Image.open(tmp_path / "a.gif") as film:
        assert film.size == (20, 20)  # two samples of 10x20


@pytest.mark.parametrize("size", [(20, 30), (33, 35)])
def test_mp4(size, tmp_path):
    watch(steps(6, size=size), [Mp4(tmp_path / "a.mp4", fps=10)])
    with av.open(str(tmp_path / "a.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert float(film.streams.video[0].average_rate) == 10
    assert len(frames) == 6 + 10  # the last one stays for a second
    assert frames[0].shape == (size[0] + size[0] % 2, 2 * size[1] + 2 * size[1] % 2, 3)
    np.testing.assert_allclose([frame[4, 4].mean() for frame in frames[:6]], np.arange(6) * 25.5, atol=6)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("kind", [Gif, Mp4])
def test_an_interrupted_run_still_gets_its_film(kind, tmp_path):
    path = tmp_path / f"a.{kind.__name__.lower()}"
    with pytest.raises(KeyboardInterrupt):
        watch(steps(7, stop=KeyboardInterrupt()), [kind(path)])
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) >= 4
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [Gif, Mp4])
def test_no_step_no_film(kind, tmp_path):
    with pytest.raises(UsageError):
        watch(steps(0), [kind(tmp_path / f"a.{kind.__name__.lower()}")])
    assert list(tmp_path.iterdir()) == []


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_loses_the_gif_only(tmp_path, monkeypatch):
    latest, recorder = Latest(), Recorder()
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(InputFileError, match=r"a\.gif: cannot be written \(No space left on device\)"):
        watch(steps(5), [Gif(tmp_path / "a.gif"), recorder, latest])
    assert latest.step.index == 4
    assert recorder.closed == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["_mux", "_begin", "_end"])
def test_full_disk_loses_the_mp4_only(method, tmp_path, monkeypatch):
    latest = Latest()
    monkeypatch.setattr(Mp4, method, full)
    with pytest.raises(InputFileError, match=r"a\.mp4: the film cannot be written \(No space left"):
        watch(steps(5), [Mp4(tmp_path / "a.mp4"), latest])
    assert latest.step.index == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_device_is_reported_by_trace(tmp_path):
    latest = Latest()
    with pytest.raises(InputFileError, match="/dev/full: cannot be written"):
        watch(steps(3), [Trace("/dev/full"), latest])
    assert latest.step.index == 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: Gif(p / "a.png"), UsageError, r"ends in \.gif"),
        (lambda p: Mp4(p / "a.gif"), UsageError, r"ends in \.mp4"),
        (lambda p: Gif(p / "a.gif", every=0), UsageError, "every 0 steps"),
        (lambda p: Gif(p / "a.gif", fps=0), UsageError, "frames per second"),
        (lambda p: Gif(p / "file" / "a.gif"), InputFileError, "this is a file"),
        (lambda p: Mp4(p / "file" / "a.mp4"), InputFileError, "this is a file"),
        (lambda p: Frames(p / "file"), InputFileError, "this is a file"),
        (lambda p: Trace(p / "file" / "t.jsonl"), InputFileError, "this is a file"),
        (lambda p: Trace(p), InputFileError, "this is a folder; add a file name"),
        (lambda p: Trace(p / ("x" * 300)), InputFileError, "cannot be written .File name too long"),
        (lambda p: Frames(p / ("x" * 300)), InputFileError, "cannot be written .File name too long"),
    ],
)
def test_wrong_outputs_are_refused_before_the_run(make, error, message, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(error, match=message):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_mp4_without_pyav_names_the_command(tmp_path, monkeypatch):
    real = importlib.import_module

    def without_av(name, *args):
        if name == "av":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", without_av)
    with pytest.raises(MissingError, match=r"MP4 needs av.*pip install 'promptbrush\[video\]'"):
        Mp4(tmp_path / "a.mp4")
