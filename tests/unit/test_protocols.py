"""A protocol is data: which families a row set gets, with which settings."""

from easyhard.protocols import DOCUMENTS, ROW_SETS, TRAIN, VALIDATION, head_families, low_rank_families, protocol_of

SETTINGS = {
    "seed": 3,
    "fair": {"draws": 5},
    "low_rank": {"ranks": [1, 64]},
    "fair_low_rank": {"kinds": ["plain", "centred"], "ranks": [2], "refined": 8},
}


def test_founding_rows_get_the_founding_signals_alone() -> None:
    founding = ("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy")
    assert head_families(VALIDATION, SETTINGS) == {"head": {"only": founding}}
    low_rank = {"kinds": ["plain"], "ranks": [1, 64], "refined": 0, "fit_too": ["plain"]}
    assert low_rank_families(VALIDATION, SETTINGS) == {"low_rank": low_rank}


def test_documents_get_all_signals_words_and_their_own_low_ranks() -> None:
    assert head_families(DOCUMENTS, SETTINGS) == {"head": {}, "words": {"draws": 5, "seed": 3}}
    low_rank = {"kinds": ["plain", "centred"], "ranks": [2], "refined": 8, "fit_too": ["centred"]}
    assert low_rank_families(DOCUMENTS, SETTINGS) == {"low_rank": low_rank}


def test_each_measured_row_set_has_one_protocol() -> None:
    assert [protocol_of(rows).name for rows in ROW_SETS if rows != TRAIN] == ["published", "fair"]
