"""A hash over a script and everything of this package that it imports, so that an edit reruns what depends on it."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent


def code_hash(script: str) -> str:
    """Hash of `script` (a file name beside the package) and of its import closure inside the package.

    Comments and formatting do not count: the hash is over the syntax trees.
    """
    digest = hashlib.sha256()
    for path in import_closure(SCRIPTS / script):
        digest.update(f"{path.relative_to(SCRIPTS)}\n{_syntax(path)}\n".encode())
    return digest.hexdigest()[:16]


def import_closure(script: Path) -> list[Path]:
    """`script` and the package's files that it imports, directly or through others, sorted by path."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(path))
    return sorted(found)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _syntax(path: Path) -> str:
    return ast.dump(_tree(path))


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    return tuple(file for name in _imported_names(_tree(path)) for file in _files_of(name))


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(name: str) -> Iterator[Path]:
    """The files that `import name` runs: each parent's __init__.py and the module, where they are of this package."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        module = SCRIPTS.joinpath(*parts[:length])
        for file in (module / "__init__.py", module.with_suffix(".py")):
            if file.is_file():
                yield file
