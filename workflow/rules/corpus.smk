# From a source of text to documents, and from documents to token ids and a vocabulary.
# in:  the corpus that the settings name (bundled, hub, files)
# out: results/{run}/corpus/documents.parquet, results/{run}/tokens/*


rule load_corpus:
    output:
        "results/{run}/corpus/documents.parquet",
    log:
        "results/{run}/logs/load_corpus.log",
    benchmark:
        "results/{run}/benchmarks/load_corpus.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        corpus=corpus_settings,
        code=code_hash("load_corpus.py"),
    message:
        "Load the corpus of {wildcards.run}"
    script:
        "../scripts/load_corpus.py"


rule tokenize:
    input:
        "results/{run}/corpus/documents.parquet",
    output:
        train="results/{run}/tokens/train.parquet",
        validation="results/{run}/tokens/validation.parquet",
        test="results/{run}/tokens/test.parquet",
        vocabulary="results/{run}/tokens/vocabulary.parquet",
        summary="results/{run}/tokens/summary.json",
    log:
        "results/{run}/logs/tokenize.log",
    benchmark:
        "results/{run}/benchmarks/tokenize.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        tokens=settings("tokens"),
        code=code_hash("tokenize_documents.py"),
    message:
        "Tokenize the documents of {wildcards.run}"
    script:
        "../scripts/tokenize_documents.py"
