"""The pins are the same wherever they stand."""

import re
from pathlib import Path

import yaml

ENVS = Path(__file__).parents[2] / "envs"


def pins(text: str) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[^\s;]+(?:; .*)?$", text, re.MULTILINE))


def test_conda_has_the_pins_of_pip() -> None:
    requirements = pins((ENVS / "requirements.txt").read_text())
    conda = yaml.safe_load((ENVS / "environment.yaml").read_text())
    [pip] = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    assert set(pip) == requirements
    assert len(requirements) > 50


def test_everything_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-test.txt"):
        lines = (ENVS / name).read_text().splitlines()
        wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
        assert len(pins("\n".join(wanted))) == len(wanted)
