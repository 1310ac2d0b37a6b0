"""Documents of a corpus: the table that every source fills and every tokeniser reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from easyhard.corpus.tables import read_table
from easyhard.errors import InputError
from easyhard.parquet import write_parquet

SPLITS = ("train", "validation", "test")

SCHEMA = pa.schema([("document", pa.int32()), ("split", pa.string()), ("title", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Document:
    """One article, file or row: its title (may be empty), its text, and the split that it belongs to."""

    title: str
    text: str
    split: str


@dataclass(frozen=True)
class Corpus:
    """Documents in reading order (train, then validation, then test), where they come from and whom to credit."""

    documents: list[Document]
    source: str
    credit: str

    @property
    def sha256(self) -> str:
        """SHA-256 over split and text of every document in reading order."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(f"{document.split}\0{document.text}\0".encode())
        return digest.hexdigest()


def in_reading_order(documents: Sequence[Document]) -> list[Document]:
    """The documents by split (train, validation, test), otherwise in the order given.

    Raises InputError when a document has no text or an unknown split, or when a split has no document.
    """
    for document in documents:
        if document.split not in SPLITS:
            raise InputError(f"document {document.title!r}: split {document.split!r} is none of {', '.join(SPLITS)}")
        if not document.text.strip():
            raise InputError(f"document {document.title!r} ({document.split}): no text; at least one word is wanted")
    by_split = {split: [document for document in documents if document.split == split] for split in SPLITS}
    for split, members in by_split.items():
        if not members:
            raise InputError(f"corpus: the {split} split is empty; at least one document in each split is wanted")
    return [document for members in by_split.values() for document in members]


def write_documents(path: str | Path, corpus: Corpus) -> None:
    """Write `corpus` to Parquet: document int32, split, title, text; source, credit and sha256 as schema metadata.

    Raises InputError as `in_reading_order` does, and when `path` cannot be written.
    """
    documents = in_reading_order(corpus.documents)
    stored = Corpus(documents, corpus.source, corpus.credit)
    columns = [
        pa.array(range(len(documents)), pa.int32()),
        *(pa.array([getattr(document, name) for document in documents], pa.string()) for name in SCHEMA.names[1:]),
    ]
    metadata = {"source": stored.source, "credit": stored.credit, "sha256": stored.sha256}
    write_parquet(path, pa.table(columns, schema=SCHEMA.with_metadata(metadata)))


def read_documents(path: str | Path) -> Corpus:
    """Read what `write_documents` wrote.

    Raises InputError naming `path` when it is missing, truncated, foreign, or its text is not the text that was hashed.
    """
    table = read_table(path, SCHEMA)
    metadata = table.schema.metadata or {}
    if not {b"source", b"credit", b"sha256"} <= metadata.keys():
        raise InputError(f"{path}: source, credit or sha256 is not in the file's metadata; delete it and rerun")
    documents = [Document(row["title"], row["text"], row["split"]) for row in table.to_pylist()]
    corpus = Corpus(in_reading_order(documents), metadata[b"source"].decode(), metadata[b"credit"].decode())
    if corpus.sha256 != metadata[b"sha256"].decode():
        raise InputError(f"{path}: the text is not what was written (sha256 differs); delete it and rerun")
    return corpus
