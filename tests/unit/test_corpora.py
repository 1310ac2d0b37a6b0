"""Runs that read the same text in the same way have the same names for it, and no others do."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from easyhard.configuration import overlay
from easyhard.corpora import corpus_name, tokens_name

DEFAULTS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["defaults"]


def name(**corpus: Any) -> str:
    return corpus_name(overlay(DEFAULTS["corpus"], corpus))


@pytest.mark.parametrize(
    "other",
    [{"bundled": {"seed": 43}}, {"source": "hub"}, {"source": "files"}, {"source": "hub", "documents": "whole"}],
)
def test_another_text_has_another_name(other: dict[str, Any]) -> None:
    assert name(**other) != name()
    assert name(source="hub", documents="whole") != name(source="hub")


@pytest.mark.parametrize("unread", [{"documents": "whole"}, {"hub": {"name": "x"}}, {"files": {"path": "x"}}])
def test_settings_of_sources_that_are_not_read_do_not_count(unread: dict[str, Any]) -> None:
    assert name(**unread) == name()


def test_the_order_of_keys_does_not_count_and_every_token_setting_does() -> None:
    tokens = DEFAULTS["tokens"]
    assert tokens_name(dict(reversed(tokens.items()))) == tokens_name(tokens)
    for tokenizer, unread in (("words", "vocabulary_size"), ("bpe", "vocabulary_from")):
        own = tokens | {"tokenizer": tokenizer}
        names = {key: tokens_name(own | {key: "other"}) for key in tokens}
        assert names.pop(unread) == tokens_name(own)
        assert len({*names.values(), tokens_name(own)}) == len(tokens)
