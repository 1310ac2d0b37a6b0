# Small models on hidden states: of the loss, of easy against hard, of the logit metrics. Each is trained once.
# in:  results/{run}/activations/{split}/*.parquet, results/{run}/signals/logit.parquet
# out: results/{run}/signals/exit_classifier.parquet, results/{run}/probes/*


rule exit_classifier:
    input:
        train=shards("activations/train/{shard}.parquet"),
        validation=shards("activations/validation/{shard}.parquet"),
    output:
        signal="results/{run}/signals/exit_classifier.parquet",
        weights="results/{run}/probes/exit_classifier.safetensors",
        summary="results/{run}/probes/exit_classifier.json",
    log:
        "results/{run}/logs/exit_classifier.log",
    benchmark:
        "results/{run}/benchmarks/exit_classifier.tsv"
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


rule loss_probes:
    input:
        activations=shards("activations/validation/{shard}.parquet"),
    output:
        predictions="results/{run}/probes/loss_predictions.parquet",
        summary="results/{run}/probes/loss_probes.json",
    log:
        "results/{run}/logs/loss_probes.log",
    benchmark:
        "results/{run}/benchmarks/loss_probes.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        settings=settings("seed", "loss_probes"),
        code=code_hash("loss_probes.py"),
    message:
        "Train the four regressions of the loss and the four classifiers of {wildcards.run}"
    script:
        "../scripts/loss_probes.py"


rule metric_probes:
    input:
        activations=shards("activations/validation/{shard}.parquet"),
        logit="results/{run}/signals/logit.parquet",
    output:
        predictions="results/{run}/probes/metric_predictions.parquet",
        summary="results/{run}/probes/metric_probes.json",
    log:
        "results/{run}/logs/metric_probes.log",
    benchmark:
        "results/{run}/benchmarks/metric_probes.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        settings=settings("seed", "metric_probes"),
        code=code_hash("metric_probes.py"),
    message:
        "Train the probes of the logit metrics of {wildcards.run}"
    script:
        "../scripts/metric_probes.py"
