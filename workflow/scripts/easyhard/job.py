"""What every job of the workflow shares: its log, and errors that a user can read."""

import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from easyhard.errors import InputError
from easyhard.stale_locks import hold

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

logger = logging.getLogger("easyhard")

NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "bad allocation")  # as libraries say it


class _Terminated(BaseException):
    """SIGTERM has come: a cluster's, at the end of a job's time, or a user's."""


EXIT_CODES = {KeyboardInterrupt: 130, _Terminated: 143}  # as shells have it: 128 and the signal's number


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


class _LogFile(logging.FileHandler):
    """A rule's log. When it cannot be written, say, on a full disk, the terminal says so once, and the job goes on."""

    complained = False

    def handleError(self, record: logging.LogRecord) -> None:
        if not self.complained:
            self.complained = True
            print(f"{self.baseFilename}: the log cannot be written ({sys.exc_info()[1]})", file=sys.stderr)


def _terminal(record: logging.LogRecord) -> bool:
    """In a terminal, progress draws its own line; in a pipe it is logged like the rest."""
    return not (getattr(record, "progress", False) and sys.stderr.isatty())


def run(main: Callable[["Snakemake"], None]) -> None:
    """Run a rule's script: `main` is given the object that Snakemake has put into it.

    Messages go to the terminal and to the rule's log. An InputError, or too little memory, ends the job with exit code
    1 and one line in the terminal; the log has that line and the traceback. An interrupt ends it with exit code 130,
    SIGTERM with 143.
    """
    snakemake: Snakemake = vars(sys.modules["__main__"])["snakemake"]
    signal.signal(signal.SIGTERM, _terminate)
    _alive = hold(Path(".snakemake"))  # until this function ends
    try:
        to_file: logging.Handler = _LogFile(snakemake.log[0], mode="w", encoding="utf-8")
    except OSError as error:
        print(f"error in {snakemake.rule}: {snakemake.log[0]}: cannot be written ({error.strerror})", file=sys.stderr)
        sys.exit(1)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setFormatter(logging.Formatter(f"[{snakemake.rule}] %(message)s"))
    to_terminal.addFilter(_terminal)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(to_file)
    logger.addHandler(to_file)
    logger.setLevel(logging.INFO)
    logger.info("%s %s starts", snakemake.rule, dict(snakemake.wildcards))
    logger.addHandler(to_terminal)
    try:
        main(snakemake)
    except BaseException as error:
        logger.removeHandler(to_terminal)
        line = _one_line(error, snakemake)
        if line is None:
            logger.exception("unexpected error")
            raise
        logger.exception("error: %s", line)
        print(f"error in {snakemake.rule}: {line}", file=sys.stderr)
        sys.exit(EXIT_CODES.get(type(error), 1))
    logger.removeHandler(to_terminal)
    logger.info("%s ends", snakemake.rule)


def _one_line(error: BaseException, snakemake: "Snakemake") -> str | None:
    """What a user needs to know of an error that is no fault of the code; None of one that may be."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; give the same command again to go on"
    if isinstance(error, _Terminated):
        return (
            "terminated from outside (SIGTERM), as clusters do when a job's time is up; give the same command again to "
            "go on, there with more time (--set-resources RULE:runtime=…)"
        )
    said = (str(error).splitlines() or [""])[0]
    if isinstance(error, MemoryError) or any(word in said.lower() for word in NO_MEMORY):
        return (
            f"out of memory ({said or type(error).__name__}); wanted: more than this rule's "
            f"{snakemake.resources.get('mem_mb')} MB (--set-resources RULE:mem_mb=…), or less at a time: "
            "more shards, smaller batches"
        )
    return None
