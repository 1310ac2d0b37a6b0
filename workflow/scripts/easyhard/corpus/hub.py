"""Corpus from the Hugging Face Hub, its local cache, or a local dataset folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyhard.corpus.documents import SPLITS, Corpus, Document, divide
from easyhard.errors import InputError
from easyhard.hub import REQUEST_SECONDS, first_line, hub_failure

OTHER_SOURCES = "corpus.source: bundled (needs no network) or files (a folder of text files) is wanted instead"
CREDITS = {
    "Salesforce/wikitext": "WikiText (Merity, Xiong, Bradbury and Socher 2016, arXiv 1609.07843): articles of English "
    "Wikipedia by its contributors, CC BY-SA",
}


def load_hub(name: str, config: str | None, documents: str) -> Corpus:
    """Read dataset `name` (owner/name, or a local folder), configuration `config`, column `text`.

    A copy in the local cache is used as it is; without one the Hub is asked, for at most `PROBE_SECONDS`, whether it
    answers. `documents` is `heading` (a split's rows are the lines of one text) or `whole` (one document a row).
    Raises InputError naming `name` when there is neither network nor copy, or when a split or the column is missing.
    """
    dataset = None if Path(name).is_dir() else _cached(name, config)
    if dataset is None:
        dataset = _fetch(name, config)
    found: list[Document] = []
    for split in SPLITS:
        label = f"dataset {name} ({split})"
        rows = _rows(dataset, label, split)
        texts = ["\n".join(rows)] if documents == "heading" else rows
        found.extend(document for text in texts for document in divide(label, text, split, documents))
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


def _rows(dataset: Mapping[str, Any], label: str, split: str) -> list[str]:
    if split not in dataset:
        raise InputError(f"{label}: no such split, only {', '.join(dataset)}; {', '.join(SPLITS)} are wanted")
    if "text" not in dataset[split].column_names:
        columns = ", ".join(dataset[split].column_names)
        raise InputError(f"{label}: no column text, only {columns}; a column text of strings is wanted")
    rows = []
    for number, row in enumerate(dataset[split]["text"]):
        if not isinstance(row, str):
            raise InputError(f"{label}: row {number} of column text is {type(row).__name__}; a string is wanted")
        rows.append(row.removesuffix("\n"))
    return rows
