# Train the language model and dump its activations on any row set.
# in:  results/corpora/{corpus}/{tokens}/*
# out: results/{run}/model/*, results/{run}/activations/{rows}/*.parquet


rule train:
    input:
        train=token_file("train.parquet"),
        validation=token_file("validation.parquet"),
        summary=token_file("summary.json"),
    output:
        weights="results/{run}/model/weights.safetensors",
        head="results/{run}/activations/head.safetensors",
        curve="results/{run}/model/training_curve.parquet",
        summary="results/{run}/model/summary.json",
    log:
        "results/{run}/logs/train.log",
    benchmark:
        "results/{run}/benchmarks/train.tsv"
    wildcard_constraints:
        run=runs_of("trained"),
    cache: CACHED
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(3000),
        runtime=by_attempt(120),
    params:
        settings=train_settings,
        code=code_hash("train.py"),
        checkpoint=lambda wildcards, output: str(
            Path(output.weights).with_name("checkpoint.pt")
        ),
    message:
        "Train the language model of {wildcards.run}"
    script:
        "../scripts/train.py"


rule dump_activations:
    input:
        unpack(row_streams),
        weights="results/{run}/model/weights.safetensors",
        summary=token_file("summary.json"),
    output:
        "results/{run}/activations/{rows}/{shard}.parquet",
    log:
        "results/{run}/logs/dump_activations/{rows}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/dump_activations/{rows}/{shard}.tsv"
    wildcard_constraints:
        run=runs_of("trained"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(3000),
        runtime=by_attempt(60),
    params:
        settings=settings(
            "sequences", "model", "activations", tokens=("fair", "tokens")
        ),
        code=code_hash("dump_activations.py"),
    message:
        "Dump the activations of {wildcards.run}, {wildcards.rows} shard {wildcards.shard}"
    script:
        "../scripts/dump_activations.py"


rule part_documents:
    input:
        activations=shards("activations/documents/{shard}.parquet"),
        train=token_file("train.parquet"),
        validation=token_file("validation.parquet"),
        test=token_file("test.parquet"),
        sizes=token_file("sizes.parquet"),
        summary=word_summary,
    output:
        tokens="results/{run}/rows/documents.parquet",
        shards="results/{run}/rows/shards.json",
        counts="results/{run}/rows/word_counts.parquet",
    log:
        "results/{run}/logs/part_documents.log",
    benchmark:
        "results/{run}/benchmarks/part_documents.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        settings=settings(
            "seed",
            "sequences",
            measured=("fair", "tokens"),
            fit=("fair", "fit"),
            select=("fair", "select"),
        ),
        kind=kind,
        code=code_hash("part_documents.py"),
    message:
        "Part the documents of {wildcards.run} into fit, select and test"
    script:
        "../scripts/part_documents.py"
