"""Text to documents: cut at WikiText's ` = Title = ` lines, or taken whole."""

import re
from collections.abc import Callable

from easyhard.corpus.documents import Document
from easyhard.errors import InputError

TITLE = re.compile(r" ?= (?!= ).*\S = ?")


def divide(name: str, text: str, split: str, documents: str) -> list[Document]:
    """Documents of one text: `documents` is `heading` (cut at ` = Title = ` lines) or `whole` (the text is one).

    `name` is where the text comes from; it is the title of a whole text. Raises InputError for another value of
    `documents`, and in heading mode for a text without any heading.
    """
    if documents not in DIVISIONS:
        raise InputError(f"corpus.documents: {documents!r} is unknown; {' or '.join(DIVISIONS)} is wanted")
    return [Document(title, part, split) for title, part in DIVISIONS[documents](name, text)]


def _at_headings(name: str, text: str) -> list[tuple[str, str]]:
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if TITLE.fullmatch(line) and _stands_alone(lines, number)]
    if not starts:
        raise InputError(
            f"{name}: no line like ' = Title = ' between blank lines, so no document can be told from the next; "
            "corpus.documents: whole is wanted for text without headings"
        )
    titles = [lines[start].strip(" =") for start in starts]
    bounds = [*starts, len(lines)]
    parts = ["\n".join(lines[start:end]) for start, end in zip(starts, bounds[1:], strict=True)]
    before = "\n".join(lines[: starts[0]])
    return [*([("", before)] if before.strip() else []), *zip(titles, parts, strict=True)]


def _stands_alone(lines: list[str], number: int) -> bool:
    """Legends of tables (` = Wins ; L = `) look like titles; only a title has a blank line on both sides."""
    neighbours = lines[max(number - 1, 0) : number] + lines[number + 1 : number + 2]
    return not any(line.strip() for line in neighbours)


def _whole(name: str, text: str) -> list[tuple[str, str]]:
    return [(name, text)] if text.strip() else []


DIVISIONS: dict[str, Callable[[str, str], list[tuple[str, str]]]] = {"heading": _at_headings, "whole": _whole}
