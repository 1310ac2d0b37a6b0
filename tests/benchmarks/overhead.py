"""What a run costs beside its work: dry runs, and of each rule's jobs the time between start and first line of work.

Makes the small run of the workflow's tests in a folder of its own, with two cores: it has as many jobs as any run.
Work is the time from "starts" to "ends" in a job's log, that is without imports; what Snakemake measures of a job
includes them. Overhead is the wall time in which no job is at work.
"""

import csv
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parents[2] / "workflow" / "scripts"), str(Path(__file__).parents[1] / "workflow")]

from repository import Repository, fresh  # noqa: E402

TIME = "%Y-%m-%d %H:%M:%S,%f"
TIMES = 3


class Job(NamedTuple):
    """From when to when a job was at work, and what its process took."""

    start: float
    end: float
    process: float


def dry_run(repository: Repository) -> str:
    """Seconds of a dry run, the fastest of a few, and of a core, which other work on the machine changes less."""
    wall, core = min(_timed(repository, "--dry-run") for _ in range(TIMES))
    return f"{wall:.1f} s ({core:.1f} s of a core)"


def _timed(repository: Repository, *arguments: str) -> tuple[float, float]:
    start, before = time.perf_counter(), os.times()
    repository.snakemake("results/small/report.md", "--cores", "2", "--resources", "gpu=1", *arguments)
    after = os.times()
    core = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, core


def jobs(root: Path) -> dict[str, list[Job]]:
    """By rule, of each job from when to when it was at work, and the seconds of its process that Snakemake measured."""
    found: dict[str, list[Job]] = defaultdict(list)
    for log in root.glob("results/**/logs/**/*.log"):
        lines = log.read_text(encoding="utf-8").splitlines()
        started = re.search(r"INFO (\w+) .*starts", lines[0])
        if started is None or not lines[-1].endswith("ends"):
            raise SystemExit(f"{log}: no log of a finished job")
        start, end = (datetime.strptime(line[:23], TIME).timestamp() for line in (lines[0], lines[-1]))
        measured = Path(log.as_posix().replace("/logs/", "/benchmarks/")).with_suffix(".tsv")
        with measured.open(newline="") as rows:
            seconds = sum(float(row["s"]) for row in csv.DictReader(rows, delimiter="\t"))
        found[started[1]].append(Job(start, end, seconds))
    return found


def covered(every: list[Job]) -> float:
    """Seconds in which at least one of the jobs is at work."""
    total, reached = 0.0, float("-inf")
    for job in sorted(every):
        total += max(job.end - max(job.start, reached), 0.0)
        reached = max(reached, job.end)
    return total


def at_work(some: list[Job]) -> float:
    return sum(job.end - job.start for job in some)


def processes(some: list[Job]) -> float:
    return sum(job.process for job in some)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = fresh(Path(folder) / "repository")
        before = dry_run(repository)
        wall, core = _timed(repository)
        after = dry_run(repository)
        by_rule = jobs(repository.root)
    print("| rule | jobs | work s | process s | start-up a job s |\n|---|---:|---:|---:|---:|")
    for rule, own in sorted(by_rule.items(), key=lambda item: -processes(item[1])):
        work, process = at_work(own), processes(own)
        print(f"| {rule} | {len(own)} | {work:.1f} | {process:.1f} | {(process - work) / len(own):.1f} |")
    every = [job for own in by_rule.values() for job in own]
    print(f"\ndry run: {before} before the run, {after} after it")
    print(f"run: {wall:.1f} s ({core:.1f} s of a core), {len(every)} jobs with two at a time")
    overhead = wall - covered(every)
    print(f"work {at_work(every):.1f} s, processes {processes(every):.1f} s, overhead {overhead:.1f} s")


if __name__ == "__main__":
    main()
