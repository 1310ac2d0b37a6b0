"""Layer by layer: sentences, tables and the figure say what the figures say, and recommend nothing that is guessing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from easyhard.report import exits
from easyhard.report.metrics import Figures
from easyhard.report.words import STRONG, strong

from .conftest import Make, Value
from .test_tables import cells, has

NEAR_CHANCE = (0.51, 0.49, 0.53)
CASES = yaml.safe_load(Path(__file__).with_name("exits.yaml").read_text(encoding="utf-8"))
SAYERS: dict[str, Callable[[Figures], str]] = {
    "head_pass": exits.head_pass,
    "outcomes": lambda figures: " ".join(exits.outcomes(figures)),
    "left_out": exits.left_out,
    "stays": lambda figures: " ".join(exits.recommendations(figures, "stays")),
    "fails": lambda figures: " ".join(exits.recommendations(figures, "fails")),
    "depths": exits.depths,
}


@pytest.mark.parametrize(
    ("name", "changed", "words"), [(name, *case) for name, own in CASES["sentences"].items() for case in own]
)
def test_sentences_follow_the_figures(make_fair: Make, name: str, changed: dict[str, Value], words: str) -> None:
    figures = {key: tuple(value) if isinstance(value, list) else value for key, value in changed.items()}
    said = SAYERS[name](make_fair(figures))
    assert words in said.replace(STRONG[0], "strong[").replace(STRONG[1], "]"), said


def test_nothing_is_recommended_where_every_signal_is_near_chance(make_fair: Make) -> None:
    items = make_fair().items("exit_signals")
    guesses = make_fair({f"exit_signals/{item}/auroc_{label}": NEAR_CHANCE for item in items for label in exits.LABELS})
    said = [sentence for label in exits.LABELS for sentence in exits.recommendations(guesses, label)]
    assert len(said) == 6 * len(exits.LABELS)
    assert not any(" use " in sentence.replace("use none", "") for sentence in said)


def test_what_was_not_measured_is_not_said(make_fair: Make) -> None:
    figures = make_fair({f"exits/{item}/mean_excess": (0.1, 0.05, 0.15) for item in exits.early_exits(make_fair())})
    assert not any("to agree with" in sentence for sentence in exits.outcomes(figures))
    assert exits.head_pass(make_fair({"exits/model/layers_per_head_pass": None})) == ""
    without = tuple(f"exits/{layer}/left_out_perplexity" for layer in range(1, 5))
    assert exits.left_out(make_fair(without=without)) == ""
    no_signals = make_fair(without=("exit_signals",))
    assert exits.known_labels(no_signals) == []
    of_fails = tuple(f"exit_signals/{item}/auroc_fails" for item in make_fair().items("exit_signals"))
    assert exits.known_labels(make_fair(without=of_fails)) == ["stays", "agrees", "near", "right"]


@pytest.mark.parametrize(
    ("name", "about", "row"), [(name, *case) for name, own in CASES["cells"].items() for case in own]
)
def test_tables(make_fair: Make, name: str, about: str, row: list[str]) -> None:
    rows = cells(make_fair(), name, about)
    assert has(rows, row), rows


def test_the_best_of_a_class_is_select_s_choice(make_fair: Make) -> None:
    other = {"exit_signals/1/state_norm/class_layers": 1.0, "exit_signals/1/state_norm/select_auroc_stays": 0.9}
    other |= {"exit_signals/1/state_norm/auroc_stays": (0.4, 0.3, 0.5)}
    rows = cells(make_fair(other), "exit_signals", "stays")
    assert [row[2] for row in rows[1:3]] == [strong("state_norm"), "MLP of agrees"]
