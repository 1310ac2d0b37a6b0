"""The README's examples run as they stand."""

import re
from pathlib import Path
from typing import Any

import torch
import yaml

from easyhard.configuration import load_runs
from easyhard.signals.declare import REGISTERED
from easyhard.signals.head_batch import head_signals
from easyhard.signals.registry import find

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_added_signal_is_computed_and_known_by_name() -> None:
    [code] = blocks("python")
    assert len(code.strip().splitlines()) <= 10
    own: dict[str, Any] = {}
    try:
        exec(code, own)
        [name] = [name for name, value in own.items() if callable(value) and name in REGISTERED]
        hidden, head = torch.randn(5, 8), torch.randn(50, 8)
        column = head_signals(hidden, head)[name]
        p = (hidden @ head.T).softmax(1).amax(1)
        assert torch.allclose(column, (p / (1 - p)).log(), atol=1e-4)
        assert find(name).needs == "head"
    finally:
        REGISTERED.pop(own.get("name", "log_odds"), None)


def test_every_overlay_is_valid() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    overlays = [yaml.safe_load(block) for block in blocks("yaml")]
    assert len(overlays) >= 3
    for overlay in overlays:
        runs = {**config["runs"], **overlay.get("runs", {})}
        load_runs({**config, "runs": runs}, ROOT / "workflow" / "schemas" / "config.schema.yaml")
