"""The founding author's exits: what is said of the change of text and of the F1 of saying yes; what is missing."""

from dataclasses import replace

import pytest

from easyhard.report import founding_exits
from easyhard.report.metrics import Figures
from easyhard.report.setup import Setup
from easyhard.report.tables import View, make_table
from easyhard.report.words import STRONG

from .conftest import Make, Value
from .test_render import check_form, render

RISE = "makes {} of the rise in loss"


def at_block_0(value: float) -> dict[str, Value]:
    return {"founding_exits/loss/block_0": value}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "From 557.50 at block 0, on held-out train sequences, to 1,055.20 on the validation text is a factor"),
        ({}, "has 1,060.50 on that text, a factor of strong[1.90]: the change of text makes all of the rise in loss."),
        (at_block_0(1000.0), RISE.format("more than half")),
        (at_block_0(700.0), "a factor of strong[1.26]: the change of text makes less than half of the rise in loss."),
        ({"founding_exits/loss/final": 500.0}, "a factor of strong[1.90]. With nobody"),
        ({}, "all tokens through all blocks, it is 903.60, below what leaving gives."),
        ({"founding_exits/loss/nobody": 1100.0}, "1,100.00, above what leaving gives."),
    ],
)  # fmt: skip
def test_the_change_of_text_is_told_from_the_rest(make_fair: Make, changed: dict[str, Value], words: str) -> None:
    said = founding_exits.contribution(make_fair(changed))
    assert words in said.replace(STRONG[0], "strong[").replace(STRONG[1], "]"), said


def gains(signal: str, layers: range, value: Value) -> dict[str, Value]:
    return {f"saturation/8_64/{layer}/f1_gain_{signal}": value for layer in layers}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "By an MLP on the state F1 is above that of calling every token saturated after every layer, by the"),
        ({}, "the cosine with the layer before F1 is above that of calling every token saturated after layer 1 alone"),
        (gains("cosine", range(1, 2), (-0.1, -0.2, -0.05)), "saturated after none of 7 layers, by the interval"),
        (gains("mlp", range(4, 8), (0.1, -0.1, 0.3)), "saturated after layer 1, 2 and 3 alone, of 7, by"),
        (gains("mlp", range(2, 8), None), "calling every token saturated after the one layer, by"),
    ],
)  # fmt: skip
def test_f1_is_held_to_that_of_saying_yes(make_fair: Make, changed: dict[str, Value], words: str) -> None:
    said = " ".join(founding_exits.saturation(make_fair(changed)))
    assert words in said, said


def test_the_difference_is_from_the_label_that_the_run_has(make_fair: Make) -> None:
    names = [f"founding_exits/loss/{metric}" for metric in make_fair().metrics("founding_exits", "loss")]
    figures = make_fair(dict.fromkeys(names) | {"founding_exits/softmax/final": 1200.0})
    assert founding_exits.own_label(make_fair()) == "loss"
    assert founding_exits.own_label(figures) == "softmax"
    row = make_table("founding_exits", View(figures)).rows[0]
    assert row[1:] == ["1,200.00", "-19.52", "1,095.46", "1,071.76", "1,219.52"]


def test_what_was_not_measured_is_not_said(make_fair: Make) -> None:
    figures = make_fair(gains("mlp", range(1, 8), None) | at_block_0(0.0))
    assert len(founding_exits.saturation(figures)) == 2
    assert founding_exits.contribution(make_fair({"founding_exits/loss/block_0": None})) == ""
    gone = tuple(f"founding_exits/{label}/final_first_head" for label in ("distill", "loss", "softmax"))
    rows = make_table("contributions", View(make_fair(without=gone))).rows
    assert len(rows) == len(founding_exits.CHANGES) - 1


@pytest.mark.parametrize(
    ("without", "left"), [("saturation", "Each row changes one thing"), ("founding_exits", "“always yes” calls")]
)
def test_a_run_has_the_part_that_it_was_measured_for(
    make_fair: Make, bare_fair: Figures, run_setup: Setup, without: str, left: str
) -> None:
    text = render(None, make_fair(without=(without,)), replace(run_setup, tokens={}), {})
    check_form(text)
    assert [words in text for words in ("Each row changes one thing", "“always yes” calls", left)].count(True) == 2
    assert left in text
    bare = render(None, bare_fair, replace(run_setup, tokens={}), {})
    assert "founding author" not in bare
