# All validation and test documents, parted by document into fit, select and test, and every signal on their tokens.
# in:  results/corpora/{corpus}/{tokens}/*, results/{run}/model/*, results/{run}/activations/*
# out: results/{run}/activations/fair/*.parquet, results/{run}/fair/*, results/{run}/signals/fair/*


rule dump_fair:
    input:
        weights="results/{run}/model/weights.safetensors",
        validation=token_file("validation.parquet"),
        test=token_file("test.parquet"),
        summary=token_file("summary.json"),
    output:
        "results/{run}/activations/fair/{shard}.parquet",
    log:
        "results/{run}/logs/dump_fair/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/dump_fair/{shard}.tsv"
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
        code=code_hash("dump_fair.py"),
    message:
        "Dump the activations of all validation and test documents of {wildcards.run}, shard {wildcards.shard}"
    script:
        "../scripts/dump_fair.py"


rule fair_tokens:
    input:
        rows=fair_shards,
        train=token_file("train.parquet"),
        validation=token_file("validation.parquet"),
        summary=token_file("summary.json"),
    output:
        tokens="results/{run}/fair/tokens.parquet",
        counts="results/{run}/fair/train_counts.parquet",
    log:
        "results/{run}/logs/fair_tokens.log",
    benchmark:
        "results/{run}/benchmarks/fair_tokens.tsv"
    wildcard_constraints:
        run=runs_of("trained"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        settings=settings(
            "seed", "sequences", fit=("fair", "fit"), select=("fair", "select")
        ),
        code=code_hash("fair_tokens.py"),
    message:
        "Part the documents of {wildcards.run} into fit, select and test"
    script:
        "../scripts/fair_tokens.py"


rule fit_temperature:
    input:
        activations=fair_shards,
        head="results/{run}/activations/head.safetensors",
        tokens="results/{run}/fair/tokens.parquet",
    output:
        "results/{run}/fair/head.json",
    log:
        "results/{run}/logs/fit_temperature.log",
    benchmark:
        "results/{run}/benchmarks/fit_temperature.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        code=code_hash("fit_temperature.py"),
    message:
        "Fit the temperature of {wildcards.run}"
    script:
        "../scripts/fit_temperature.py"


rule head_signals:
    input:
        activations="results/{run}/activations/fair/{shard}.parquet",
        head="results/{run}/activations/head.safetensors",
        summary="results/{run}/fair/head.json",
        counts=with_text("results/{run}/fair/train_counts.parquet"),
    output:
        "results/{run}/signals/fair/head/{shard}.parquet",
    log:
        "results/{run}/logs/head_signals/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/head_signals/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(60),
    params:
        code=code_hash("head_signals.py"),
    message:
        "Compute the signals of the logits of {wildcards.run}, shard {wildcards.shard}"
    script:
        "../scripts/head_signals.py"


rule fit_references:
    input:
        activations=reference_shards,
        tokens=reference_tokens,
    output:
        "results/{run}/fair/references.safetensors",
    log:
        "results/{run}/logs/fit_references.log",
    benchmark:
        "results/{run}/benchmarks/fit_references.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        settings=settings("seed", references=("fair", "references")),
        code=code_hash("fit_references.py"),
    message:
        "Draw the hidden states of {wildcards.run} that distances are measured to"
    script:
        "../scripts/fit_references.py"


rule hidden_signals:
    input:
        activations="results/{run}/activations/fair/{shard}.parquet",
        head="results/{run}/activations/head.safetensors",
        references="results/{run}/fair/references.safetensors",
    output:
        "results/{run}/signals/fair/hidden/{shard}.parquet",
    log:
        "results/{run}/logs/hidden_signals/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/hidden_signals/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(30),
    params:
        code=code_hash("hidden_signals.py"),
    message:
        "Compute the signals of the hidden states of {wildcards.run}, shard {wildcards.shard}"
    script:
        "../scripts/hidden_signals.py"


rule context_signals:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        counts=with_text("results/{run}/fair/train_counts.parquet"),
    output:
        "results/{run}/signals/fair/context.parquet",
    log:
        "results/{run}/logs/context_signals.log",
    benchmark:
        "results/{run}/benchmarks/context_signals.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        code=code_hash("context_signals.py"),
    message:
        "Compute the signals of earlier tokens of {wildcards.run}"
    script:
        "../scripts/context_signals.py"


rule fit_moments:
    input:
        activations=fair_shards,
        tokens="results/{run}/fair/tokens.parquet",
    output:
        "results/{run}/fair/moments.safetensors",
    log:
        "results/{run}/logs/fit_moments.log",
    benchmark:
        "results/{run}/benchmarks/fit_moments.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        code=code_hash("fit_moments.py"),
    message:
        "Measure the moments of the hidden states of the fit documents of {wildcards.run}"
    script:
        "../scripts/fit_moments.py"


rule fair_low_rank:
    input:
        activations="results/{run}/activations/fair/{shard}.parquet",
        before=shards_before,
        head="results/{run}/activations/head.safetensors",
        tokens="results/{run}/fair/tokens.parquet",
        moments=low_rank_weights,
    output:
        signals="results/{run}/signals/fair/{kind}/{shard}.parquet",
        words="results/{run}/fair/low_rank/{kind}/{shard}.parquet",
        summary="results/{run}/fair/low_rank/{kind}/{shard}.json",
    log:
        "results/{run}/logs/fair_low_rank/{kind}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/fair_low_rank/{kind}/{shard}.tsv"
    wildcard_constraints:
        kind="plain|centred|weighted",
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(60),
    params:
        settings=low_rank_settings,
        code=code_hash("fair_low_rank.py"),
    message:
        "Compute the signals of {wildcards.run} at every {wildcards.kind} low rank in one sweep, shard {wildcards.shard}"
    script:
        "../scripts/fair_low_rank.py"


rule test_words:
    input:
        activations="results/{run}/activations/fair/{shard}.parquet",
        before=shards_before,
        head="results/{run}/activations/head.safetensors",
        tokens="results/{run}/fair/tokens.parquet",
    output:
        "results/{run}/fair/test_words/{shard}.parquet",
    log:
        "results/{run}/logs/test_words/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/test_words/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(60),
    params:
        settings=settings("seed", draws=("fair", "draws")),
        code=code_hash("test_words.py"),
    message:
        "Draw targets of {wildcards.run} from the model itself, and find its most probable words, shard {wildcards.shard}"
    script:
        "../scripts/test_words.py"


rule fair_probes:
    input:
        activations=fair_shards,
        tokens="results/{run}/fair/tokens.parquet",
        head="results/{run}/signals/fair/head.parquet",
        context="results/{run}/signals/fair/context.parquet",
    output:
        signals="results/{run}/signals/fair/probes.parquet",
        out_of_fold="results/{run}/fair/out_of_fold.parquet",
        costs="results/{run}/fair/probes.json",
        summary="results/{run}/fair/probes_summary.json",
    log:
        "results/{run}/logs/fair_probes.log",
    benchmark:
        "results/{run}/benchmarks/fair_probes.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(3000),
        runtime=by_attempt(60),
    params:
        settings=settings(
            "seed", "fair_probes", main_threshold=("fair", "main_threshold")
        ),
        code=code_hash("fair_probes.py"),
    message:
        "Fit the probes of {wildcards.run} on its fit documents"
    script:
        "../scripts/fair_probes.py"


rule learning_curve:
    input:
        activations=fair_shards,
        tokens="results/{run}/fair/tokens.parquet",
        head="results/{run}/signals/fair/head.parquet",
        context="results/{run}/signals/fair/context.parquet",
    output:
        predictions="results/{run}/fair/learning.parquet",
        summary="results/{run}/fair/learning.json",
    log:
        "results/{run}/logs/learning_curve.log",
    benchmark:
        "results/{run}/benchmarks/learning_curve.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(3000),
        runtime=by_attempt(60),
    params:
        settings=settings(
            "seed", "fair_probes", main_threshold=("fair", "main_threshold")
        ),
        code=code_hash("learning_curve.py"),
    message:
        "Fit probes of {wildcards.run} on ever more documents"
    script:
        "../scripts/learning_curve.py"


rule fair_stacks:
    input:
        tokens="results/{run}/fair/tokens.parquet",
        signals=stack_signals,
        probes="results/{run}/signals/fair/probes.parquet",
        out_of_fold="results/{run}/fair/out_of_fold.parquet",
        costs="results/{run}/fair/probes.json",
        head="results/{run}/fair/head.json",
    output:
        signals="results/{run}/signals/fair/stacks.parquet",
        costs="results/{run}/fair/stacks.json",
        metrics="results/{run}/metrics/fair_stacks.parquet",
    log:
        "results/{run}/logs/fair_stacks.log",
    benchmark:
        "results/{run}/benchmarks/fair_stacks.tsv"
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
        code=code_hash("fair_stacks.py"),
    message:
        "Grow the stacks of {wildcards.run}, one a cost class"
    script:
        "../scripts/fair_stacks.py"
