# What is fitted before a pass over the states, and the passes: each goes once through the states of a shard and yields
# families of signals, as easyhard.protocols says for the row set.
# in:  results/{run}/activations/*, results/{run}/rows/*
# out: results/{run}/fitted/*, results/{run}/signals/{rows}/*, results/{run}/words/{rows}/*


rule check_rows:
    input:
        rows="results/{run}/rows/documents.parquet",
        head="results/{run}/activations/head.safetensors",
    output:
        "results/{run}/rows/checks.json",
    log:
        "results/{run}/logs/check_rows.log",
    benchmark:
        "results/{run}/benchmarks/check_rows.tsv"
    priority: 100  # before all that it may spare: a run that fails here starts nothing more
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        settings=check_settings,
        code=code_hash("check_rows.py"),
    message:
        "See whether what is to be computed of {wildcards.run} can be"
    script:
        "../scripts/check_rows.py"


rule fit_statistics:
    input:
        activations=shards("activations/documents/{shard}.parquet"),
        train=reference_shards,
        head="results/{run}/activations/head.safetensors",
        tokens="results/{run}/rows/documents.parquet",
    output:
        head="results/{run}/fitted/head.json",
        moments="results/{run}/fitted/moments.safetensors",
        references="results/{run}/fitted/references.safetensors",
    log:
        "results/{run}/logs/fit_statistics.log",
    benchmark:
        "results/{run}/benchmarks/fit_statistics.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        settings=settings("seed", references=("fair", "references")),
        code=code_hash("fit_statistics.py"),
    message:
        "Fit temperature, moments and reference states of {wildcards.run}"
    script:
        "../scripts/fit_statistics.py"


rule head_signals:
    input:
        activations="results/{run}/activations/{rows}/{shard}.parquet",
        shards=parted("results/{run}/rows/shards.json"),
        head="results/{run}/activations/head.safetensors",
        tokens=parted("results/{run}/rows/documents.parquet"),
        fitted=parted("results/{run}/fitted/head.json"),
        counts=parted(with_text("results/{run}/rows/word_counts.parquet")),
    output:
        signals="results/{run}/signals/{rows}/head/{shard}.parquet",
        words="results/{run}/words/{rows}/head/{shard}.parquet",
    log:
        "results/{run}/logs/head_signals/{rows}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/head_signals/{rows}/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(60),
    params:
        families=families(head_families),
        code=code_hash("compute_signals.py", *family_modules("head", "words")),
    message:
        "Compute the signals of the logits of {wildcards.run}, {wildcards.rows} shard {wildcards.shard}"
    script:
        "../scripts/compute_signals.py"


rule hidden_signals:
    input:
        activations="results/{run}/activations/{rows}/{shard}.parquet",
        shards=parted("results/{run}/rows/shards.json"),
        head="results/{run}/activations/head.safetensors",
        tokens="results/{run}/rows/{rows}.parquet",
        references="results/{run}/fitted/references.safetensors",
        counts=with_text("results/{run}/rows/word_counts.parquet"),
    output:
        hidden="results/{run}/signals/{rows}/hidden/{shard}.parquet",
        context="results/{run}/signals/{rows}/context/{shard}.parquet",
    log:
        "results/{run}/logs/hidden_signals/{rows}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/hidden_signals/{rows}/{shard}.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface", "activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(30),
    params:
        families={"hidden": {}, "context": {}},
        code=code_hash("compute_signals.py", *family_modules("hidden", "context")),
    message:
        "Compute the signals of hidden states and earlier tokens of {wildcards.run}, shard {wildcards.shard}"
    script:
        "../scripts/compute_signals.py"


rule low_rank:
    input:
        activations="results/{run}/activations/{rows}/{shard}.parquet",
        shards=parted("results/{run}/rows/shards.json"),
        head="results/{run}/activations/head.safetensors",
        tokens=parted("results/{run}/rows/documents.parquet"),
        moments=parted("results/{run}/fitted/moments.safetensors"),
    output:
        signals="results/{run}/signals/{rows}/low_rank/{shard}.parquet",
        words="results/{run}/words/{rows}/low_rank/{shard}.parquet",
        summary="results/{run}/signals/{rows}/low_rank/{shard}.json",
    log:
        "results/{run}/logs/low_rank/{rows}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/low_rank/{rows}/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(60),
    params:
        families=families(low_rank_families),
        code=code_hash("compute_signals.py", *family_modules("low_rank")),
    message:
        "Compute the signals of {wildcards.run} at every low rank, {wildcards.rows} shard {wildcards.shard}"
    script:
        "../scripts/compute_signals.py"
