"""A hash over a script and everything of this package that it imports, so that an edit reruns what depends on it."""

import ast
import gc
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent


@cache
def code_hash(*scripts: str) -> str:
    """Hash of `scripts` (names of files beside the package, or in it) and of their import closures in the package.

    Comments and formatting do not count: the hash is over the syntax trees.
    """
    digest = hashlib.sha256()
    for path in import_closure(*(SCRIPTS / script for script in scripts)):
        digest.update(f"{path.relative_to(SCRIPTS)}\n".encode())
        digest.update(_parsed(path)[0])
    return digest.hexdigest()[:16]


def import_closure(*scripts: Path) -> list[Path]:
    """`scripts` and the package's files that they import, directly or through others, sorted by path."""
    found: set[Path] = set()
    waiting = list(scripts)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_parsed(path)[1])
    return sorted(found)


@cache
def _parsed(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """The file's syntax as text, and the package's files that it imports.

    Every job of a cluster waits for this: the collector of garbage, which finds none in trees, is kept out of it.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        imports = tuple(file for name in _imported_names(tree) for file in _files_of(name))
        return f"{ast.dump(tree)}\n".encode(), imports
    finally:
        if collects:
            gc.enable()


def _imported_names(tree: ast.AST) -> Iterator[str]:
    """The names that a module imports, at its top or inside any statement."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements, and the statements inside them; expressions, most of a tree, are passed over."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield node
            yield from _statements(node)


@cache
def _files_of(name: str) -> tuple[Path, ...]:
    """The files that `import name` runs: each parent's __init__.py and the module, where they are of this package."""
    parent, _, own = name.rpartition(".")
    files = _files_of(parent) if parent else ()
    if parent and not files:
        return ()
    module = SCRIPTS.joinpath(*parent.split("."), own)
    return files + tuple(file for file in (module / "__init__.py", module.with_suffix(".py")) if file.is_file())
