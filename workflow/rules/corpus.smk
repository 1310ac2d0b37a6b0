# From a source of text to documents, and from documents to token ids and a vocabulary.
# in:  the corpus that the settings name (bundled, hub, files)
# out: results/corpora/{corpus}/documents.parquet, results/corpora/{corpus}/{tokens}/*, shared by all runs of that text


rule load_corpus:
    input:
        text_inputs,
    output:
        "results/corpora/{corpus}/documents.parquet",
    log:
        "results/corpora/{corpus}/logs/load_corpus.log",
    benchmark:
        "results/corpora/{corpus}/benchmarks/load_corpus.tsv"
    cache: CACHED
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        corpus=lambda wildcards: CORPORA[wildcards.corpus],
        code=code_hash("load_corpus.py"),
    message:
        "Load the corpus {wildcards.corpus}"
    script:
        "../scripts/load_corpus.py"


rule tokenize:
    input:
        "results/corpora/{corpus}/documents.parquet",
    output:
        train="results/corpora/{corpus}/{tokens}/train.parquet",
        validation="results/corpora/{corpus}/{tokens}/validation.parquet",
        test="results/corpora/{corpus}/{tokens}/test.parquet",
        sizes="results/corpora/{corpus}/{tokens}/sizes.parquet",
        vocabulary="results/corpora/{corpus}/{tokens}/vocabulary.parquet",
        summary="results/corpora/{corpus}/{tokens}/summary.json",
    log:
        "results/corpora/{corpus}/logs/tokenize/{tokens}.log",
    benchmark:
        "results/corpora/{corpus}/benchmarks/tokenize/{tokens}.tsv"
    cache: CACHED
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        tokens=lambda wildcards: TOKENS[wildcards.tokens],
        code=code_hash("tokenize_documents.py"),
    message:
        "Tokenize the documents of {wildcards.corpus} by {wildcards.tokens}"
    script:
        "../scripts/tokenize_documents.py"
