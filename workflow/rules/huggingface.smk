# A model that was trained elsewhere and that transformers loads: its tokens, its head, its hidden states.
# in:  results/corpora/{corpus}/documents.parquet, the model's files
# out: results/{run}/tokens/*, results/{run}/activations/*


rule tokenize_huggingface:
    input:
        model_files,
        documents=documents,
    output:
        train="results/{run}/tokens/train.parquet",
        validation="results/{run}/tokens/validation.parquet",
        test="results/{run}/tokens/test.parquet",
        sizes="results/{run}/tokens/sizes.parquet",
        vocabulary="results/{run}/tokens/vocabulary.parquet",
        summary="results/{run}/tokens/summary.json",
    log:
        "results/{run}/logs/tokenize_huggingface.log",
    benchmark:
        "results/{run}/benchmarks/tokenize_huggingface.tsv"
    wildcard_constraints:
        run=runs_of("huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(60),
    params:
        model=settings(
            path=("model", "path"),
            revision=("model", "revision"),
            window=("model", "window"),
        ),
        code=code_hash("tokenize_huggingface.py"),
    message:
        "Tokenise the documents of {wildcards.run} as its model does"
    script:
        "../scripts/tokenize_huggingface.py"


rule huggingface_head:
    input:
        model_files,
    output:
        head="results/{run}/activations/head.safetensors",
        summary="results/{run}/model/summary.json",
    log:
        "results/{run}/logs/huggingface_head.log",
    benchmark:
        "results/{run}/benchmarks/huggingface_head.tsv"
    wildcard_constraints:
        run=runs_of("huggingface"),
    priority: 100  # a model that is refused is refused before its text is read
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=model_gpu,
        mem_mb=model_memory,
        runtime=by_attempt(60),
    params:
        model=settings(
            path=("model", "path"),
            revision=("model", "revision"),
            dtype=("model", "dtype"),
            device=("model", "device"),
        ),
        code=code_hash("huggingface_head.py"),
    message:
        "Take the output head of the model of {wildcards.run}"
    script:
        "../scripts/huggingface_head.py"


rule dump_huggingface:
    input:
        model_files,
        checked="results/{run}/model/summary.json",  # no shard of a model that is refused
        validation="results/{run}/tokens/validation.parquet",
        test="results/{run}/tokens/test.parquet",
        summary="results/{run}/tokens/summary.json",
    output:
        "results/{run}/activations/documents/{shard}.parquet",
    log:
        "results/{run}/logs/dump_huggingface/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/dump_huggingface/{shard}.tsv"
    wildcard_constraints:
        run=runs_of("huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=model_gpu,
        mem_mb=model_memory,
        runtime=by_attempt(240),
    params:
        settings=settings(
            "model", shards=("activations", "shards"), tokens=("fair", "tokens")
        ),
        code=code_hash("dump_huggingface.py"),
    message:
        "Run the model of {wildcards.run} over all validation and test documents, shard {wildcards.shard}"
    script:
        "../scripts/dump_huggingface.py"
