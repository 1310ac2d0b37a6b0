"""What every job of the workflow shares: its log, and errors that a user can read."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from easyhard.errors import InputError

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

logger = logging.getLogger("easyhard")


def _terminal(record: logging.LogRecord) -> bool:
    """In a terminal, progress draws its own line; in a pipe it is logged like the rest."""
    return not (getattr(record, "progress", False) and sys.stderr.isatty())


@contextmanager
def job(snakemake: "Snakemake") -> Iterator[None]:
    """Run the body of a rule's script: messages go to the terminal and to the rule's log.

    An InputError ends the job with exit code 1 and its one line in the terminal; the log has the traceback.
    """
    to_file = logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8")
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
        yield
    except InputError as error:
        logger.removeHandler(to_terminal)
        logger.exception("error: %s", error)
        print(f"error in {snakemake.rule}: {error}", file=sys.stderr)
        sys.exit(1)
    except BaseException:
        logger.removeHandler(to_terminal)
        logger.exception("unexpected error")
        raise
    logger.removeHandler(to_terminal)
    logger.info("%s ends", snakemake.rule)
