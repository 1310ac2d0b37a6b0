"""The hash of a script covers what Python really imports for it, and nothing else."""

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
except NameError as error:
    assert error.name == "snakemake", error
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
    assert all("corpus" in path.parts or path.name.startswith("triton_") for path in lazily), lazily
