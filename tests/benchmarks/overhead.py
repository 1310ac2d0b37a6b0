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

sys.path[:0] = [str(Path(__file__).parents[2] / "workflow" / "scripts"), str(Path(__file__).parents[1] / "workflow")]

from repository import Repository, fresh  # noqa: E402

TIME = "%Y-%m-%d %H:%M:%S,%f"
TIMES = 3
Span = tuple[float, float]


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


def work(root: Path) -> dict[str, list[Span]]:
    """By rule, from when to when each of its jobs was at work."""
    found: dict[str, list[Span]] = defaultdict(list)
    for log in root.glob("results/**/logs/**/*.log"):
        lines = log.read_text(encoding="utf-8").splitlines()
        started = re.search(r"INFO (\w+) .*starts", lines[0])
        if started is None or not lines[-1].endswith("ends"):
            raise SystemExit(f"{log}: no log of a finished job")
        start, end = (datetime.strptime(line[:23], TIME).timestamp() for line in (lines[0], lines[-1]))
        found[started[1]].append((start, end))
    return found


def measured(root: Path) -> dict[str, float]:
    """By rule, the seconds that Snakemake measured of all its jobs' processes."""
    found: dict[str, float] = defaultdict(float)
    for path in root.glob("results/**/benchmarks/**/*.tsv"):
        with path.open(newline="") as lines:
            rule = path.as_posix().partition("/benchmarks/")[2].removesuffix(".tsv").partition("/")[0]
            found[rule] += sum(float(row["s"]) for row in csv.DictReader(lines, delimiter="\t"))
    return found


def covered(spans: list[Span]) -> float:
    """Seconds in which at least one of the spans is under way."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(end - max(start, reached), 0.0)
        reached = max(reached, end)
    return total


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = fresh(Path(folder) / "repository")
        before = dry_run(repository)
        wall, core = _timed(repository)
        after = dry_run(repository)
        at_work, processes = work(repository.root), measured(repository.root)
        print("| rule | jobs | work s | process s | start-up a job s |\n|---|---:|---:|---:|---:|")
        for rule, spans in sorted(at_work.items(), key=lambda item: -processes[item[0]]):
            seconds = sum(end - start for start, end in spans)
            beside = (processes[rule] - seconds) / len(spans)
            print(f"| {rule} | {len(spans)} | {seconds:.1f} | {processes[rule]:.1f} | {beside:.1f} |")
        every = [span for spans in at_work.values() for span in spans]
        at_once = sum(end - start for start, end in every)
        print(f"\ndry run: {before} before the run, {after} after it")
        print(f"run: {wall:.1f} s ({core:.1f} s of a core), {len(every)} jobs with two at a time")
        print(
            f"work {at_once:.1f} s, processes {sum(processes.values()):.1f} s, overhead {wall - covered(every):.1f} s"
        )


if __name__ == "__main__":
    main()
