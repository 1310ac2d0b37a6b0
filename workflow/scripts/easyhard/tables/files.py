"""The files that a setting names: one, a folder's, those that match a pattern, or a list of these."""

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from easyhard.errors import InputError

Given = str | Path | Sequence[str]
"""A file, a folder, a pattern such as `scores/*.parquet`, or a list of these."""

HIDDEN = (".", "_")  # as Spark, Hadoop and others mark what is no data: _SUCCESS, .part-0.crc
MAGIC = re.compile(r"[*?[]")
NUMBER = re.compile(r"(\d+)")


def given_files(given: Given) -> list[Path]:
    """The files that `given` names, in the order of a list, and of names where a folder or a pattern has several.

    Numbers in names count as such, so part-10 comes after part-9. A folder's folders are gone through too; names that
    start with a dot or an underscore are passed over unless they are named. A file that is not there is returned all
    the same. Raises InputError naming a folder without files, or a pattern that nothing matches.
    """
    paths = [given] if isinstance(given, str | Path) else given
    return [file for path in paths for file in _files_of(Path(path).expanduser())]


def there(given: Given) -> list[str]:
    """The files of `given_files`; none where it raises."""
    try:
        return [str(file) for file in given_files(given)]
    except InputError:
        return []


def label_of(given: Given) -> str:
    """How errors call what is given."""
    return str(given) if isinstance(given, str | Path) else ", ".join(given)


def in_order(files: Iterable[Path]) -> list[Path]:
    """Files by name, numbers in them as numbers."""
    return sorted(files, key=lambda file: [int(part) if part.isdigit() else part for part in NUMBER.split(str(file))])


def visible_files(folder: Path) -> list[Path]:
    """The files in a folder and in its folders, in order, without those that are hidden or in a hidden folder."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return in_order(
        file for file in found if not any(part.startswith(HIDDEN) for part in file.relative_to(folder).parts)
    )


def matching_files(folder: Path, pattern: str) -> list[Path]:
    """The files in `folder` that a pattern matches, and those in the folders that it matches, in the order of names;
    hidden ones are passed over. Raises ValueError or NotImplementedError for what is no pattern."""
    matching = in_order(match for match in folder.glob(pattern) if not match.name.startswith("."))
    files = [file for match in matching for file in (visible_files(match) if match.is_dir() else [match])]
    return list(dict.fromkeys(file for file in files if file.is_file()))


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        files = visible_files(path)
        if not files:
            raise InputError(f"{path}: a folder without files; at least one that is not hidden is wanted")
        return files
    if path.exists() or not MAGIC.search(str(path)):
        return [path]
    matching = in_order(match for match in map(Path, glob.glob(str(path), recursive=True)) if not _hidden(match, path))
    files = [file for match in matching for file in (visible_files(match) if match.is_dir() else [match])]
    if not files:
        raise InputError(f"{path}: no file matches; at least one is wanted")
    return list(dict.fromkeys(files))


def _hidden(match: Path, pattern: Path) -> bool:
    """Whether a match of a pattern has a hidden name that the pattern does not begin with."""
    asked = [part for part in pattern.parts if part.startswith(HIDDEN)]
    return any(part.startswith(HIDDEN) and not asked for part in match.parts if part not in pattern.parts)
