# From signals, probes and losses to tidy figures, one file a topic, then all of them with the published ones beside.
# in:  results/{run}/{model,activations,signals,probes}/*, the tokens' summary
# out: results/{run}/metrics/*.parquet, results/{run}/metrics.parquet


rule evaluate_model:
    input:
        tokens=token_file("summary.json"),
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
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        code=code_hash("evaluate_model.py"),
    message:
        "Collect the language model's figures of {wildcards.run}"
    script:
        "../scripts/evaluate_model.py"


rule evaluate_loss:
    input:
        activations=shards("activations/validation/{shard}.parquet"),
        train=token_file("train.parquet"),
        tokens=token_file("summary.json"),
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
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        settings=settings("seed", "sequences"),
        code=code_hash("evaluate_loss.py"),
    message:
        "Describe the loss distribution of {wildcards.run}"
    script:
        "../scripts/evaluate_loss.py"


rule evaluate_signals:
    input:
        activations=shards("activations/validation/{shard}.parquet"),
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
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
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
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
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
        activations=shards("activations/validation/{shard}.parquet"),
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
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        code=code_hash("evaluate_low_rank.py"),
    message:
        "Measure what low ranks of {wildcards.run} keep"
    script:
        "../scripts/evaluate_low_rank.py"


rule evaluate_fair:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        signals=fair_signals,
        head=with_head("results/{run}/fair/head.json"),
        ceilings=with_head("results/{run}/metrics/fair_ceilings.parquet"),
        costs=with_head(
            "results/{run}/fair/probes.json", "results/{run}/fair/stacks.json"
        ),
    output:
        "results/{run}/metrics/fair_signals.parquet",
    log:
        "results/{run}/logs/evaluate_fair.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_fair.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(60),
    params:
        settings=settings(
            "seed",
            "fair",
            own=("input", "signals"),
            refined=("fair_low_rank", "refined"),
            references=("fair", "references"),
        ),
        code=code_hash("evaluate_fair.py"),
    message:
        "Judge every signal of {wildcards.run} on its test documents"
    script:
        "../scripts/evaluate_fair.py"


rule evaluate_strata:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        signals=stratified_signals,
    output:
        "results/{run}/metrics/fair_strata.parquet",
    log:
        "results/{run}/logs/evaluate_strata.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_strata.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(30),
    params:
        settings=settings(
            "seed",
            own=("input", "signals"),
            main_threshold=("fair", "main_threshold"),
            resamples=("fair", "resamples"),
        ),
        code=code_hash("evaluate_strata.py"),
    message:
        "Judge the signals of {wildcards.run} among tokens that are alike"
    script:
        "../scripts/evaluate_strata.py"


rule evaluate_ceilings:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        signals="results/{run}/signals/fair/head.parquet",
        summary="results/{run}/fair/head.json",
        words="results/{run}/fair/test_words.parquet",
    output:
        "results/{run}/metrics/fair_ceilings.parquet",
    log:
        "results/{run}/logs/evaluate_ceilings.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_ceilings.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        thresholds=lambda wildcards: RUNS[wildcards.run]["fair"]["thresholds"],
        code=code_hash("evaluate_ceilings.py"),
    message:
        "Measure what a calibrated model could reach in {wildcards.run}"
    script:
        "../scripts/evaluate_ceilings.py"


rule evaluate_shape:
    input:
        tokens="results/{run}/fair/tokens.parquet",
    output:
        "results/{run}/metrics/fair_shape.parquet",
    log:
        "results/{run}/logs/evaluate_shape.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_shape.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        seed=settings("seed"),
        code=code_hash("evaluate_shape.py"),
    message:
        "Test the shape of the test losses of {wildcards.run}"
    script:
        "../scripts/evaluate_shape.py"


rule evaluate_fair_low_rank:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        head="results/{run}/signals/fair/head.parquet",
        head_summary="results/{run}/fair/head.json",
        words="results/{run}/fair/test_words.parquet",
        signals=low_rank_kinds("signals/fair/{kind}.parquet"),
        low_words=low_rank_kinds("fair/low_rank/{kind}.parquet"),
        summaries=low_rank_kinds("fair/low_rank/{kind}/000.json"),  # the same in every shard,
    output:
        "results/{run}/metrics/fair_low_rank.parquet",
    log:
        "results/{run}/logs/evaluate_fair_low_rank.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_fair_low_rank.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        code=code_hash("evaluate_fair_low_rank.py"),
    message:
        "Measure what each kind of low rank of {wildcards.run} keeps"
    script:
        "../scripts/evaluate_fair_low_rank.py"


rule evaluate_learning:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        predictions="results/{run}/fair/learning.parquet",
        summary="results/{run}/fair/learning.json",
    output:
        "results/{run}/metrics/fair_learning.parquet",
    log:
        "results/{run}/logs/evaluate_learning.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_learning.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        settings=settings(
            "seed",
            main_threshold=("fair", "main_threshold"),
            resamples=("fair", "resamples"),
        ),
        code=code_hash("evaluate_learning.py"),
    message:
        "Measure how the probes of {wildcards.run} get better with more documents"
    script:
        "../scripts/evaluate_learning.py"


rule gather_metrics:
    input:
        parts=metric_parts,
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
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        code=code_hash("gather_metrics.py"),
    message:
        "Gather the figures of {wildcards.run} beside the published ones"
    script:
        "../scripts/gather_metrics.py"
