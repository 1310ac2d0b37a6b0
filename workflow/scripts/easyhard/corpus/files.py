"""Corpus from a folder of text files, one or more for each split."""

from collections.abc import Mapping
from pathlib import Path

from easyhard.corpus.documents import SPLITS, Corpus, Document, divide
from easyhard.errors import InputError

BYTE_ORDER_MARK = "\ufeff"


def load_files(settings: Mapping[str, str], documents: str) -> Corpus:
    """Read the UTF-8 files in folder `path` that match each split's glob, in order of their names.

    `settings` has path, train, validation and test. `documents` is `heading` or `whole` (one document a file). Raises
    InputError naming the folder, pattern or file when the folder is missing, a pattern matches nothing, a file matches
    two splits, is empty, or is not UTF-8 text.
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
            found.extend(divide(str(file), read_text(file), split, documents))
    source = f"files in {folder.name or folder.resolve().name}: {', '.join(file.name for file in split_of)}"
    return Corpus(found, source, "text files given by the user; their licence is the user's to know")


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
