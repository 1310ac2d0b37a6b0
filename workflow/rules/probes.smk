# Small models on hidden states, the same rule for every row set, and trees on all signals.
# in:  results/{run}/activations/{rows}/*, results/{run}/signals/{rows}/*, results/{run}/rows/*
# out: results/{run}/signals/{rows}/{probes,exit_classifier,stacks}.parquet, results/{run}/probes/*


rule exit_classifier:
    input:
        train=shards("activations/train/{shard}.parquet"),
        activations=shards("activations/{rows}/{shard}.parquet"),
    output:
        signal="results/{run}/signals/{rows}/exit_classifier.parquet",
        weights="results/{run}/probes/{rows}/exit_classifier.safetensors",
        summary="results/{run}/probes/{rows}/exit_classifier.json",
    log:
        "results/{run}/logs/exit_classifier/{rows}.log",
    benchmark:
        "results/{run}/benchmarks/exit_classifier/{rows}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(30),
    params:
        settings=settings("seed", "exit_classifier"),
        code=code_hash("exit_classifier.py"),
    message:
        "Train the exit classifier of {wildcards.run}"
    script:
        "../scripts/exit_classifier.py"


rule probes:
    input:
        activations=shards("activations/{rows}/{shard}.parquet"),
        head=shards("signals/{rows}/head/{shard}.parquet"),
        rows=parted("results/{run}/rows/documents.parquet"),
        context=parted(shards("signals/documents/context/{shard}.parquet")),
    output:
        signals="results/{run}/signals/{rows}/probes.parquet",
        held_out="results/{run}/probes/{rows}/held_out.parquet",
        summary="results/{run}/probes/{rows}/summary.json",
    log:
        "results/{run}/logs/probes/{rows}.log",
    benchmark:
        "results/{run}/benchmarks/probes/{rows}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: lambda wildcards: 4 if wildcards.rows == DOCUMENTS else 1  # the founding probes are too small for more
    resources:
        gpu=1,
        mem_mb=by_attempt(3000),
        runtime=by_attempt(60),
    params:
        settings=settings(
            "seed",
            "fair_probes",
            "loss_probes",
            "metric_probes",
            main_threshold=("fair", "main_threshold"),
        ),
        code=code_hash("probes.py"),
    message:
        "Fit the probes of {wildcards.run} on {wildcards.rows}"
    script:
        "../scripts/probes.py"


rule stacks:
    input:
        rows="results/{run}/rows/{rows}.parquet",
        head=shards("signals/{rows}/head/{shard}.parquet"),
        hidden=shards("signals/{rows}/hidden/{shard}.parquet"),
        context=shards("signals/{rows}/context/{shard}.parquet"),
        low_rank=shards("signals/{rows}/low_rank/{shard}.parquet"),
        probes="results/{run}/signals/{rows}/probes.parquet",
        held_out="results/{run}/probes/{rows}/held_out.parquet",
        summary="results/{run}/probes/{rows}/summary.json",
        fitted="results/{run}/fitted/head.json",
    output:
        signals="results/{run}/signals/{rows}/stacks.parquet",
        summary="results/{run}/probes/{rows}/stacks.json",
    log:
        "results/{run}/logs/stacks/{rows}.log",
    benchmark:
        "results/{run}/benchmarks/stacks/{rows}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        mem_mb=by_attempt(4000),
        runtime=by_attempt(60),
    params:
        settings=settings(
            "seed",
            "stacks",
            main_threshold=("fair", "main_threshold"),
            refined=("fair_low_rank", "refined"),
            references=("fair", "references"),
        ),
        kind=lambda wildcards: stacked_kind(
            RUNS[wildcards.run]["fair_low_rank"]["kinds"]
        ),
        code=code_hash("stacks.py"),
    message:
        "Grow the stacks of {wildcards.run}, one a cost class"
    script:
        "../scripts/stacks.py"
