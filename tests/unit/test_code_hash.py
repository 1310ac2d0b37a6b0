"""The hash of a script covers what Python really imports for it, and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from easyhard.code_hash import SCRIPTS, import_closure

SCRIPT_FILES = sorted(path.name for path in SCRIPTS.glob("*.py"))

LIST_IMPORTS = """
import importlib, pathlib, runpy, sys
sys.path.insert(0, {scripts!r})
spec = importlib.util.spec_from_file_location("script", {script!r})
module = importlib.util.module_from_spec(spec)
try:
    spec.loader.exec_module(module)
except KeyError as error:
    assert error.args == ("snakemake",), error
print("\\n".join(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "easyhard"))
"""


@pytest.mark.parametrize("name", SCRIPT_FILES)
def test_closure_is_what_python_imports(name: str) -> None:
    code = LIST_IMPORTS.format(scripts=str(SCRIPTS), script=str(SCRIPTS / name))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {Path(line) for line in run.stdout.split()} | {SCRIPTS / name}
    closure = set(import_closure(SCRIPTS / name))
    assert imported <= closure  # nothing that is imported escapes the hash
    lazily = closure - imported
    # sources and kernels are imported when they are asked for
    assert all("corpus" in path.parts or path.name.startswith("triton_") or "formulas" in path.name for path in lazily)


def imported_by(program: str) -> set[str]:
    """The names of all modules that are loaded after a program, which finds the package."""
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); {program}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


HEAVY = {"torch", "numpy", "scipy", "sklearn", "pandas", "polars", "pyarrow", "altair"}
WITHOUT_TORCH = [
    name
    for name in SCRIPT_FILES
    if name.startswith(("evaluate", "report", "compare_", "load_", "tokenize_", "import_signals"))
]


def test_what_the_snakefile_imports_stays_light() -> None:
    """Every job of a cluster reads the Snakefile again."""
    common = (SCRIPTS.parent / "rules" / "common.smk").read_text(encoding="utf-8")
    imports = [node for node in ast.parse(common.partition("\ntry:")[0]).body if isinstance(node, ast.ImportFrom)]
    lines = [ast.unparse(node) for node in imports if str(node.module).startswith("easyhard")]
    assert len(lines) > 3
    assert not HEAVY & imported_by("; ".join(lines))


def test_evaluation_and_report_do_not_wait_for_torch() -> None:
    assert len(WITHOUT_TORCH) > 6
    closures = {path for name in WITHOUT_TORCH for path in import_closure(SCRIPTS / name)}
    modules = sorted(".".join(path.relative_to(SCRIPTS).with_suffix("").parts) for path in closures - _scripts())
    assert "torch" not in imported_by(f"import {', '.join(modules)}")


def _scripts() -> set[Path]:
    return {SCRIPTS / name for name in SCRIPT_FILES}
