# Train the language model and dump its activations.
# in:  results/corpora/{corpus}/{tokens}/*
# out: results/{run}/model/*, results/{run}/activations/{split}/*.parquet


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
        settings=settings("seed", "sequences", "model", "training"),
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
        weights="results/{run}/model/weights.safetensors",
        tokens=token_file("{split}.parquet"),
        summary=token_file("summary.json"),
    output:
        "results/{run}/activations/{split}/{shard}.parquet",
    log:
        "results/{run}/logs/dump_activations/{split}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/dump_activations/{split}/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(3000),
        runtime=by_attempt(60),
    params:
        settings=settings("sequences", "model", "activations"),
        code=code_hash("dump_activations.py"),
    message:
        "Dump the activations of {wildcards.run}, {wildcards.split} shard {wildcards.shard}"
    script:
        "../scripts/dump_activations.py"
