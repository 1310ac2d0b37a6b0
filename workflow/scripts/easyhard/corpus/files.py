"""Corpus from a folder of files of text, one or more for each split."""

from collections.abc import Mapping
from pathlib import Path

from easyhard.corpus.documents import SPLITS, Corpus, Document, divide, divide_rows
from easyhard.errors import InputError
from easyhard.tables.columns import TEXT
from easyhard.tables.files import matching_files
from easyhard.tables.plain import other_encoding, unpacked
from easyhard.tables.table import is_table, open_table

BYTE_ORDER_MARK = "\ufeff"


def load_files(settings: Mapping[str, str], documents: str, text_column: str) -> Corpus:
    """Read the files in folder `path` that match each split's pattern, in order of their names.

    `settings` has path, train, validation and test; a folder that matches stands for its files. Files are UTF-8 text,
    divided as `documents` says (see `divide`), or tables, whose column `text_column` has the text (see `divide_rows`);
    either may be compressed. Raises InputError naming the folder, pattern or file when the folder is missing, a pattern
    matches nothing, a file matches two splits, is empty, is not UTF-8 text, or has no such column.
    """
    folder = Path(settings["path"])
    if not folder.is_dir():
        raise InputError(f"corpus.files.path: {settings['path']!r} is not a folder; a folder with text files is wanted")
    split_of: dict[Path, str] = {}
    found: list[Document] = []
    for split in SPLITS:
        for file in _matching(folder, split, settings[split]):
            other = split_of.setdefault(file, split)
            if other != split:
                raise InputError(
                    f"corpus.files: {file} matches both {other} and {split}; patterns that tell them apart are wanted"
                )
            if is_table(file):
                found.extend(divide_rows(str(file), read_rows(file, text_column), split, documents))
            else:
                found.extend(divide(str(file), read_text(file), split, documents))
    source = f"files in {folder.name or folder.resolve().name}: {', '.join(file.name for file in split_of)}"
    return Corpus(found, source, "text files given by the user; their licence is the user's to know")


def read_text(file: Path) -> str:
    """The file's text, line ends as `\\n`. Raises InputError naming file and byte when it is not UTF-8, its
    encoding where a byte-order mark tells another, or a file without text."""
    try:
        content = unpacked(file).read_bytes()
        if other := other_encoding(content):
            raise InputError(f"{file}: {other} by its byte-order mark; UTF-8 text is wanted")
        text = content.decode("utf-8")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); a readable text file is wanted") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8 at byte {error.start} ({error.reason}); UTF-8 text is wanted") from error
    if "\0" in text:
        offset = len(text[: text.index("\0")].encode())
        raise InputError(f"{file}: a zero byte at byte {offset}, so not text; UTF-8 text is wanted")
    if not text.strip().strip(BYTE_ORDER_MARK):
        raise InputError(f"{file}: no text; a file with at least one word is wanted")
    return text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")


def read_rows(file: Path, column: str) -> list[str]:
    """The text of each row of a table. Raises InputError naming the file where it has no such column of text."""
    table = open_table(file)
    if column not in table.columns:
        raise InputError(
            f"{file}: no column {column!r}, only {', '.join(table.columns)}; the one of the text is wanted as "
            "corpus.text_column"
        )
    if table.columns[column].kind != TEXT:
        raise InputError(f"{file}: {column} is of type {table.columns[column].dtype}; a column of text is wanted")
    rows = [text for batch in table.batches([column]) for text in batch[column].tolist()]
    for number, text in enumerate(rows):
        if "\0" in text:
            raise InputError(f"{file}: {column} has a zero byte in row {number}, so is no text; UTF-8 text is wanted")
    return rows


def _matching(folder: Path, split: str, pattern: str) -> list[Path]:
    key = f"corpus.files.{split}"
    try:
        files = matching_files(folder, pattern)
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{key}: {pattern!r} is no pattern ({error}); one relative to the folder is wanted") from error
    if not files:
        raise InputError(f"{key}: no file in {folder} matches {pattern!r}; at least one is wanted")
    return files
