"""Names of probes, and what they stand for."""

import subprocess
import sys

import pytest

from easyhard.errors import InputError
from easyhard.signals.catalogue import FAMILIES, PROBES, TASKS, family_and_task


def test_every_probe_is_found_by_its_name() -> None:
    for name, (family, task) in PROBES.items():
        assert name == f"{family}_{task}"
        assert task in TASKS
        assert family_and_task(name) == (FAMILIES[family], task)


def test_no_two_names_collide() -> None:
    assert len(PROBES) == sum(len(family.tasks) for family in FAMILIES.values())
    assert family_and_task("mlp_context_easy")[0].reads_context
    assert not family_and_task("mlp_easy")[0].reads_context


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="probe 'mlp_ease' is not known; wanted one of linear_loss, "):
        family_and_task("mlp_ease")


def test_reading_the_names_takes_no_torch() -> None:
    code = "import sys; import easyhard.signals.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
