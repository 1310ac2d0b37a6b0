"""Progress says how far, how fast and how long, and not too often."""

import logging

import pytest

from easyhard import progress
from easyhard.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_rate_and_time_left(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "easyhard")
    work = Progress("work", 100, "steps")
    work.update(0)
    clock[0] += 20
    work.update(40, loss=1.25)
    assert caplog.messages[-1] == "work: 40/100 steps, 2.0 steps/s, 0:30 left, loss 1.250"


def test_the_log_gets_a_line_every_ten_seconds_and_the_last(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "easyhard")
    work = Progress("work", 100, "steps")
    for done in range(1, 101):
        clock[0] += 0.5
        work.update(done)
    assert len(caplog.messages) == 6
    assert caplog.messages[-1].startswith("work: 100/100 steps")


def test_a_terminal_gets_a_line_at_most_once_a_second(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    work = Progress("work", 1000, "steps")
    for done in range(1, 1001):
        clock[0] += 0.01
        work.update(done)
    shown = capsys.readouterr().err
    assert 9 <= shown.count("\r") <= 12
    assert shown.endswith("\n")
