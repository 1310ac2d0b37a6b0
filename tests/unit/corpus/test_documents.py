import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from easyhard.corpus.documents import Corpus, Document, in_reading_order, read_documents, write_documents
from easyhard.errors import InputError
from easyhard.parquet import write_parquet

DOCUMENTS = [
    Document("Test", "Grün ist die Heide", "test"),
    Document("", "one\ntwo", "train"),
    Document("Held out", "three", "validation"),
    Document("Last", "four", "train"),
]


def corpus(documents: list[Document] = DOCUMENTS) -> Corpus:
    return Corpus(documents, "four lines", "nobody")


def test_round_trip_is_in_reading_order(tmp_path):
    path = tmp_path / "seed=1" / "documents.parquet"  # a folder name that Parquet readers may take for a column
    write_documents(path, corpus())
    read = read_documents(path)
    assert [document.title for document in read.documents] == ["", "Last", "Held out", "Test"]
    assert read == Corpus(in_reading_order(DOCUMENTS), "four lines", "nobody")
    assert pq.read_table(path)["document"].to_pylist() == [0, 1, 2, 3]
    assert pq.read_schema(path).metadata[b"sha256"].decode() == read.sha256


def test_hash_follows_the_text():
    moved = [Document("", "one\ntwothree", "train"), *DOCUMENTS[2:]]
    assert corpus().sha256 != corpus(moved).sha256
    assert corpus().sha256 == corpus(list(DOCUMENTS)).sha256


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([document for document in DOCUMENTS if document.split != "validation"], "the validation split is empty"),
        ([], "the train split is empty"),
        ([*DOCUMENTS, Document("Blank", " \n", "train")], "'Blank'.*no text"),
        ([*DOCUMENTS, Document("Odd", "text", "valid")], "split 'valid' is none of"),
    ],
)
def test_bad_documents_are_refused(tmp_path, documents, message):
    with pytest.raises(InputError, match=message):
        write_documents(tmp_path / "documents.parquet", corpus(documents))
    assert list(tmp_path.iterdir()) == []


def test_truncated_file_is_named(tmp_path):
    path = tmp_path / "documents.parquet"
    write_documents(path, corpus())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"documents\.parquet: not a readable Parquet file"):
        read_documents(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"documents\.parquet"):
        read_documents(tmp_path / "documents.parquet")


def test_foreign_tables_are_refused(tmp_path):
    path = tmp_path / "documents.parquet"
    write_parquet(path, pa.table({"loss": [1.0]}))
    with pytest.raises(InputError, match=r"documents\.parquet: another table \(columns loss\)"):
        read_documents(path)


def test_text_without_metadata_is_refused(tmp_path):
    path = tmp_path / "documents.parquet"
    write_documents(path, corpus())
    write_parquet(path, pq.read_table(path).replace_schema_metadata(None))
    with pytest.raises(InputError, match="metadata"):
        read_documents(path)


def test_changed_text_is_refused(tmp_path):
    path = tmp_path / "documents.parquet"
    write_documents(path, corpus())
    table = pq.read_table(path)
    changed = table.set_column(3, "text", pa.array(["other", *table["text"].to_pylist()[1:]]))
    write_parquet(path, changed.replace_schema_metadata(table.schema.metadata))
    with pytest.raises(InputError, match="sha256 differs"):
        read_documents(path)


def test_null_text_is_refused(tmp_path):
    path = tmp_path / "documents.parquet"
    write_documents(path, corpus())
    table = pq.read_table(path)
    holed = table.set_column(3, "text", pa.array([None, *table["text"].to_pylist()[1:]], pa.string()))
    write_parquet(path, holed.replace_schema_metadata(table.schema.metadata))
    with pytest.raises(InputError, match="nulls"):
        read_documents(path)
