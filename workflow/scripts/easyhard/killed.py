"""Jobs that could not say what ended them: a process that the kernel or Slurm kills, most often for its memory."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FAILED = re.compile(r"^Error in rule (\w+):$.*?^ +log: (\S+) \(check", re.MULTILINE | re.DOTALL)
SAID_WHY = re.compile(r"^\S+ \S+ ERROR ", re.MULTILINE)


def name_killed_jobs(snakemake_logs: Iterable[str | Path]) -> list[str]:
    """A line for each failed job of Snakemake's logs whose own log names no error; the job's log gets the line too."""
    lines = []
    text = "".join(Path(path).read_text(encoding="utf-8") for path in snakemake_logs)
    for rule, log in FAILED.findall(text):
        path = Path(log)
        if not path.exists() or SAID_WHY.search(path.read_text(encoding="utf-8")):
            continue
        lines.append(
            f"error in {rule}: {log} ends without a reason, so its process was killed, most often for want of memory; "
            f"wanted: more mem_mb for it (--set-resources {rule}:mem_mb=…), or more shards"
        )
        with suppress(OSError), path.open("a", encoding="utf-8") as file:
            print(lines[-1], file=file)
    return lines
