# From signals, probes and losses to tidy figures, one file a topic, then all of them with the published ones beside.
# in:  results/{run}/{tokens,model,activations,signals,probes}/*
# out: results/{run}/metrics/*.parquet, results/{run}/metrics.parquet


rule evaluate_model:
    input:
        tokens="results/{run}/tokens/summary.json",
        model="results/{run}/model/summary.json",
    output:
        "results/{run}/metrics/model.parquet",
    log:
        "results/{run}/logs/evaluate_model.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_model.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_hash("evaluate_model.py"),
    message:
        "Collect the language model's figures of {wildcards.run}"
    script:
        "../scripts/evaluate_model.py"


rule evaluate_loss:
    input:
        activations=activation_shards("validation"),
        train="results/{run}/tokens/train.parquet",
        tokens="results/{run}/tokens/summary.json",
    output:
        "results/{run}/metrics/loss.parquet",
    log:
        "results/{run}/logs/evaluate_loss.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_loss.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("seed", "sequences"),
        code=code_hash("evaluate_loss.py"),
    message:
        "Describe the loss distribution of {wildcards.run}"
    script:
        "../scripts/evaluate_loss.py"


rule evaluate_signals:
    input:
        activations=activation_shards("validation"),
        logit="results/{run}/signals/logit.parquet",
        exit_classifier="results/{run}/signals/exit_classifier.parquet",
        exit_summary="results/{run}/probes/exit_classifier.json",
    output:
        "results/{run}/metrics/signals.parquet",
    log:
        "results/{run}/logs/evaluate_signals.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_signals.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_hash("evaluate_signals.py"),
    message:
        "Measure how each signal of {wildcards.run} separates easy from hard tokens"
    script:
        "../scripts/evaluate_signals.py"


rule evaluate_probes:
    input:
        loss="results/{run}/probes/loss_predictions.parquet",
        metrics="results/{run}/probes/metric_predictions.parquet",
    output:
        "results/{run}/metrics/probes.parquet",
    log:
        "results/{run}/logs/evaluate_probes.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_probes.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        easy_threshold=lambda wildcards: RUNS[wildcards.run]["loss_probes"][
            "easy_threshold"
        ],
        code=code_hash("evaluate_probes.py"),
    message:
        "Measure the probes of {wildcards.run} on their test tokens"
    script:
        "../scripts/evaluate_probes.py"


rule evaluate_low_rank:
    input:
        activations=activation_shards("validation"),
        logit="results/{run}/signals/logit.parquet",
        low_rank="results/{run}/signals/low_rank.parquet",
        fidelity="results/{run}/signals/low_rank.json",
    output:
        "results/{run}/metrics/low_rank.parquet",
    log:
        "results/{run}/logs/evaluate_low_rank.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_low_rank.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_hash("evaluate_low_rank.py"),
    message:
        "Measure what low ranks of {wildcards.run} keep"
    script:
        "../scripts/evaluate_low_rank.py"


rule gather_metrics:
    input:
        parts=expand(
            "results/{{run}}/metrics/{part}.parquet",
            part=["model", "loss", "signals", "probes", "low_rank"],
        ),
        tokens="results/{run}/tokens/summary.json",
        published=source_file("resources/published.csv"),
        bands=source_file("resources/bands.csv"),
    output:
        report(
            "results/{run}/metrics.parquet",
            caption="../report/metrics.rst",
            category="{run}",
            labels={"result": "all figures (Parquet)"},
        ),
    log:
        "results/{run}/logs/gather_metrics.log",
    benchmark:
        "results/{run}/benchmarks/gather_metrics.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_hash("gather_metrics.py"),
    message:
        "Gather the figures of {wildcards.run} beside the published ones"
    script:
        "../scripts/gather_metrics.py"
