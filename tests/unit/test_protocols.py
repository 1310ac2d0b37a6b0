"""A protocol is data: which families a row set gets, with which settings."""

from easyhard.protocols import DOCUMENTS, VALIDATION, low_rank_families

SETTINGS = {"low_rank": {"ranks": [1]}, "fair_low_rank": {"kinds": ["plain", "centred"], "ranks": [2], "refined": 8}}


def test_a_row_set_has_the_low_ranks_of_its_protocol_and_fit_tokens_of_what_stacks_read() -> None:
    of_documents = {"kinds": ["plain", "centred"], "ranks": [2], "refined": 8, "fit_too": ["centred"]}
    assert low_rank_families(DOCUMENTS, SETTINGS) == {"low_rank": of_documents}
    of_validation = {"kinds": ["plain"], "ranks": [1], "refined": 0, "fit_too": ["plain"]}
    assert low_rank_families(VALIDATION, SETTINGS) == {"low_rank": of_validation}
