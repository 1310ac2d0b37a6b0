"""Where to stop: the advice and what else is said follow the figures, and tables have every policy once."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from easyhard.report import policies
from easyhard.report.metrics import Figures
from easyhard.report.tables import View, make_table
from easyhard.report.words import STRONG

from . import made_up
from .conftest import Make, Value

CASES = yaml.safe_load(Path(__file__).with_name("policies.yaml").read_text(encoding="utf-8"))
SAYERS: dict[str, Callable[[Figures], str]] = {
    "advice": lambda figures: policies.advice(figures, "perplexity_1"),
    "lower_losses": policies.lower_losses,
    "simulation": policies.simulation,
    "guarantees": policies.guarantees,
    "drafts": policies.drafts,
}


@pytest.mark.parametrize(
    ("name", "changed", "words"), [(name, *case) for name, own in CASES["sentences"].items() for case in own]
)
def test_sentences_follow_the_figures(make_fair: Make, name: str, changed: dict[str, Value], words: str) -> None:
    figures = {key: tuple(value) if isinstance(value, list) else value for key, value in changed.items()}
    said = SAYERS[name](make_fair(figures)).replace(STRONG[0], "strong[").replace(STRONG[1], "]")
    assert words in said if words else not said, said


def test_tables_have_every_policy_and_what_it_stands_for(make_fair: Make) -> None:
    figures = make_fair()
    of = {name: make_table(name, View(figures)).rows for name in ("chosen_policies", "policies", "guarantees", "draft")}
    assert [row[0] for row in of["chosen_policies"]] == list(policies.ROLES.values())
    assert len(of["policies"]) == len(made_up.POLICIES)
    assert of["policies"][0][0].strip("".join(STRONG)) == "linear_excess: one threshold"
    assert of["policies"][-1][0].strip("".join(STRONG)) == "patience: one threshold"
    assert [row[1:3] for row in of["guarantees"][:2]] == [
        ["disagreement", "Learn then Test, with probability 1 − δ"],
        ["excess", "conformal risk control, in expectation"],
    ]
    assert of["draft"][-1][0] == "3 (translated)"
    depths = make_table("policy_depths", View(figures))
    assert depths.header[2:] == [f"after layer {layer} (%)" for layer in range(1, 5)]
