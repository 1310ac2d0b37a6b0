"""Corpus from a folder of text files, one or more for each split."""

from collections.abc import Mapping
from pathlib import Path

from easyhard.corpus.documents import SPLITS, Corpus, Document, in_reading_order
from easyhard.corpus.headings import divide
from easyhard.errors import InputError

BYTE_ORDER_MARK = "\ufeff"


def load_files(path: str | Path, patterns: Mapping[str, str], documents: str) -> Corpus:
    """Read the UTF-8 files in folder `path` that match `patterns` (one glob for each split), in order of their names.

    `documents` is `heading` or `whole` (one document a file). Raises InputError naming the folder, pattern or file when
    the folder is missing, a pattern matches nothing, a file matches two splits, is empty, or is not UTF-8 text.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"corpus.files.path: {str(path)!r} is not a folder; a folder with text files is wanted")
    matches = {split: _matching(folder, split, patterns[split]) for split in SPLITS}
    _refuse_shared(matches)
    found: list[Document] = []
    for split, files in matches.items():
        for file in files:
            found.extend(divide(str(file), read_text(file), split, documents))
    names = ", ".join(file.name for files in matches.values() for file in files)
    credit = "text files given by the user; their licence is the user's to know"
    return Corpus(in_reading_order(found), f"files in {folder.name or folder.resolve().name}: {names}", credit)


def read_text(file: Path) -> str:
    """The file's text, line ends as `\\n`. Raises InputError naming file and byte when it is not UTF-8, or empty."""
    try:
        text = file.read_bytes().decode("utf-8")
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


def _matching(folder: Path, split: str, pattern: str) -> list[Path]:
    key = f"corpus.files.{split}"
    try:
        files = sorted(file for file in folder.glob(pattern) if file.is_file() and not file.name.startswith("."))
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{key}: {pattern!r} is no pattern ({error}); one relative to the folder is wanted") from error
    if not files:
        raise InputError(f"{key}: no file in {folder} matches {pattern!r}; at least one is wanted")
    return files


def _refuse_shared(matches: Mapping[str, list[Path]]) -> None:
    split_of: dict[Path, str] = {}
    for split, files in matches.items():
        for file in files:
            other = split_of.setdefault(file, split)
            if other != split:
                raise InputError(
                    f"corpus.files: {file} matches both {other} and {split}; patterns that tell them apart are wanted"
                )
