"""Corpus from the Hugging Face Hub, its local cache, or a local dataset folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyhard.corpus.documents import SPLITS, Corpus, Document, divide_rows
from easyhard.errors import InputError
from easyhard.hub import REQUEST_SECONDS, first_line, hub_failure

OTHER_SOURCES = "corpus.source: bundled (needs no network) or files (a folder of text files) is wanted instead"
CREDITS = {
    "Salesforce/wikitext": "WikiText (Merity, Xiong, Bradbury and Socher 2016, arXiv 1609.07843): articles of English "
    "Wikipedia by its contributors, CC BY-SA",
}


def load_hub(name: str, config: str | None, documents: str, text_column: str = "text") -> Corpus:
    """Read dataset `name` (owner/name, or a local folder), configuration `config`, column `text_column`.

    A copy in the local cache is used as it is; without one the Hub is asked, for at most `PROBE_SECONDS`, whether it
    answers. `documents` is as of `divide_rows`.
    Raises InputError naming `name` when there is neither network nor copy, or when a split or the column is missing.
    """
    dataset = None if Path(name).is_dir() else _cached(name, config)
    if dataset is None:
        dataset = _fetch(name, config)
    found: list[Document] = []
    for split in SPLITS:
        label = f"dataset {name} ({split})"
        found.extend(divide_rows(label, _rows(dataset, label, split, text_column), split, documents))
    source = f"dataset {name}, {config}" if config else f"dataset {name}"
    return Corpus(found, source, CREDITS.get(name, f"{name}: licence as its dataset card states"))


def _cached(name: str, config: str | None) -> Mapping[str, Any] | None:
    """The copy that an earlier `load_dataset` left in the local cache, or None."""
    from datasets.packaged_modules.cache.cache import Cache

    try:
        builder = Cache(
            repo_id=name, dataset_name=name.rpartition("/")[2], config_name=config, version="auto", hash="auto"
        )
        dataset: Mapping[str, Any] = builder.as_dataset()
    except (ValueError, OSError):  # nothing cached, several configurations to choose from, or half a download
        return None
    return dataset


def _fetch(name: str, config: str | None) -> Mapping[str, Any]:
    """The dataset from its folder, or from the Hub, once it is known to answer."""
    import datasets

    if not Path(name).is_dir():
        _require_hub(name)
    try:
        dataset: Mapping[str, Any] = datasets.load_dataset(name, config)
    except Exception as error:  # the loader raises whatever its file readers and its client raise
        raise InputError(
            f"corpus.hub: dataset {name!r}, config {config!r} cannot be loaded ({first_line(error)}); {OTHER_SOURCES}"
        ) from error
    return dataset


def _require_hub(name: str) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    failure = hub_failure(lambda: HfApi().dataset_info(name, timeout=REQUEST_SECONDS))
    if isinstance(failure, RepositoryNotFoundError):
        raise InputError(
            f"corpus.hub.name: the Hub has no public dataset {name!r}; an existing one is wanted"
        ) from failure
    if failure is not None:
        raise InputError(
            f"corpus.hub.name: dataset {name!r} is not in the local cache and the Hub cannot be reached "
            f"({first_line(failure)}); {OTHER_SOURCES}"
        ) from failure


def _rows(dataset: Mapping[str, Any], label: str, split: str, column: str) -> list[str]:
    if split not in dataset:
        raise InputError(f"{label}: no such split, only {', '.join(dataset)}; {', '.join(SPLITS)} are wanted")
    if column not in dataset[split].column_names:
        columns = ", ".join(dataset[split].column_names)
        raise InputError(f"{label}: no column {column}, only {columns}; one of text is wanted as corpus.text_column")
    rows = []
    for number, row in enumerate(dataset[split][column]):
        if not isinstance(row, str):
            raise InputError(f"{label}: row {number} of column {column} is {type(row).__name__}; a string is wanted")
        rows.append(row.removesuffix("\n"))
    return rows
