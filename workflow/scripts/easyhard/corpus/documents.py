"""Documents of a corpus: the table that every source fills and every tokeniser reads."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from easyhard.errors import InputError
from easyhard.parquet import read_parquet, write_parquet

SPLITS = ("train", "validation", "test")

WHOLE = "whole"
BLANK = re.compile(r"\n(?:[^\S\n]*\n)+")
TITLE = re.compile(r" ?= (?!= ).*\S = ?")
SCHEMA = pa.schema([("document", pa.int32()), ("split", pa.string()), ("title", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Document:
    """One article, file or row: its title (may be empty), its text (is not), and the split that it belongs to."""

    title: str
    text: str
    split: str


@dataclass(frozen=True)
class Corpus:
    """Documents, where they come from and whom to credit; as they are stored, in reading order."""

    documents: list[Document]
    source: str
    credit: str

    @property
    def sha256(self) -> str:
        """SHA-256 over split and text of every document in their order."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(f"{document.split}\0{document.text}\0".encode())
        return digest.hexdigest()


def in_reading_order(documents: Sequence[Document]) -> list[Document]:
    """The documents by split (train, validation, test), otherwise in the order given.

    Raises InputError when a split has no document.
    """
    for split in SPLITS:
        if not any(document.split == split for document in documents):
            raise InputError(f"corpus: the {split} split is empty; at least one document in each split is wanted")
    return sorted(documents, key=lambda document: SPLITS.index(document.split))


def write_documents(path: str | Path, corpus: Corpus) -> None:
    """Write `corpus` to Parquet: document int32, split, title, text; source and credit as schema metadata.

    Rows are in reading order. Raises InputError as `in_reading_order` does, and when `path` cannot be written.
    """
    rows = [{"document": number, **asdict(own)} for number, own in enumerate(in_reading_order(corpus.documents))]
    schema = SCHEMA.with_metadata({"source": corpus.source, "credit": corpus.credit})
    write_parquet(path, pa.Table.from_pylist(rows, schema=schema))


def read_documents(path: str | Path) -> Corpus:
    """Read what `write_documents` wrote. Raises InputError naming `path` when it is missing, truncated or foreign."""
    table = read_table(path, SCHEMA)
    documents = [Document(row["title"], row["text"], row["split"]) for row in table.to_pylist()]
    return Corpus(documents, table.schema.metadata[b"source"].decode(), table.schema.metadata[b"credit"].decode())


def read_table(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read a table with just the columns of `schema`; its metadata comes along.

    Raises InputError naming `path` when it is missing, truncated, not Parquet, or another table.
    """
    table = read_parquet(path)
    if table.schema.remove_metadata() != schema.remove_metadata():
        found = ", ".join(table.schema.names)
        raise InputError(f"{path}: another table (columns {found}); {', '.join(schema.names)} are wanted")
    return table


def divide(name: str, text: str, split: str, documents: str) -> list[Document]:
    """Documents of one text, as DIVISIONS[documents] divides it; `name` is where it comes from.

    Raises InputError in heading mode for a text without any heading.
    """
    return [Document(title, part, split) for title, part in DIVISIONS[documents](name, text) if part.strip()]


def divide_rows(name: str, rows: Sequence[str], split: str, documents: str) -> list[Document]:
    """Documents of rows of text: each row is one if `documents` is `whole`; else they are the lines of one text."""
    texts = rows if documents == WHOLE else ["\n".join(rows)]
    return [document for text in texts for document in divide(name, text, split, documents)]


def _whole(name: str, text: str) -> list[tuple[str, str]]:
    return [(name, text)]


def _lines(name: str, text: str) -> list[tuple[str, str]]:
    return [("", line) for line in text.split("\n")]


def _at_blank_lines(name: str, text: str) -> list[tuple[str, str]]:
    return [("", part) for part in BLANK.split(text)]


def _at_headings(name: str, text: str) -> list[tuple[str, str]]:
    """Title and text of each part; what stands before the first heading has no title."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if TITLE.fullmatch(line) and _stands_alone(lines, number)]
    if not starts:
        raise InputError(
            f"{name}: no line like ' = Title = ' between blank lines, so no document can be told from the next; "
            "corpus.documents: line, blank_line or whole is wanted for text without headings"
        )
    titles = ["", *(lines[start].strip(" =") for start in starts)]
    bounds = pairwise([0, *starts, len(lines)])
    return [(title, "\n".join(lines[start:end])) for title, (start, end) in zip(titles, bounds, strict=True)]


def _stands_alone(lines: list[str], number: int) -> bool:
    """Legends of tables (` = Wins ; L = `) look like titles; only a title has a blank line on both sides."""
    neighbours = lines[max(number - 1, 0) : number] + lines[number + 1 : number + 2]
    return not any(line.strip() for line in neighbours)


DIVISIONS: dict[str, Callable[[str, str], list[tuple[str, str]]]] = {
    "heading": _at_headings,
    WHOLE: _whole,
    "line": _lines,
    "blank_line": _at_blank_lines,
}
"""By the setting corpus.documents: the name of a text and the text, to the title and text of each of its documents."""
