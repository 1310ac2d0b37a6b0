# What may be said at every exit of a model: its states after several layers, read as they stream by.
# in:  the model or the user's own states, results/{run}/rows/documents.parquet, results/{run}/fitted/*
# out: results/{run}/exits/*, results/{run}/signals/documents/{exits/*,exit_probes}.parquet, results/{run}/{policies/*,policy}


rule fit_exits:
    input:
        unpack(exit_inputs),
    output:
        "results/{run}/fitted/exits.safetensors",
    log:
        "results/{run}/logs/fit_exits.log",
    benchmark:
        "results/{run}/benchmarks/fit_exits.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface", "activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=exit_gpu,
        mem_mb=exit_memory,
        runtime=by_attempt(60),
    params:
        settings=exit_settings("translators"),
        code=code_hash("fit_exits.py"),
    message:
        "Fit the translated heads of the exits of {wildcards.run}"
    script:
        "../scripts/fit_exits.py"


rule exit_signals:
    input:
        unpack(exit_inputs),
        unpack(exit_fitted),
    output:
        signals="results/{run}/signals/documents/exits/{shard}.parquet",
        outcomes="results/{run}/exits/outcomes/{shard}.parquet",
        states="results/{run}/exits/states/{shard}.parquet",
    log:
        "results/{run}/logs/exit_signals/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/exit_signals/{shard}.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface", "activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=exit_gpu,
        mem_mb=exit_memory,
        runtime=by_attempt(240),
    params:
        settings=exit_settings("heads", "rank", "tokens", "states"),
        code=code_hash("exit_signals.py"),
    message:
        "Compute the signals of every exit of {wildcards.run}, shard {wildcards.shard}"
    script:
        "../scripts/exit_signals.py"


rule exit_probes:
    input:
        unpack(exit_inputs),
        outcomes=shards("exits/outcomes/{shard}.parquet"),
        states=shards("exits/states/{shard}.parquet"),
    output:
        signals="results/{run}/signals/documents/exit_probes.parquet",
        weights="results/{run}/probes/documents/exits.safetensors",
        summary="results/{run}/probes/documents/exits.json",
    log:
        "results/{run}/logs/exit_probes.log",
    benchmark:
        "results/{run}/benchmarks/exit_probes.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface", "activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=exit_gpu,
        mem_mb=exit_memory,
        runtime=by_attempt(120),
    params:
        settings=exit_settings("tokens", "probes"),
        code=code_hash("exit_probes.py"),
    message:
        "Fit probes on the states of every exit of {wildcards.run}"
    script:
        "../scripts/exit_probes.py"


rule leave_out_layers:
    input:
        unpack(exit_inputs),
    output:
        "results/{run}/exits/left_out.parquet",
    log:
        "results/{run}/logs/leave_out_layers.log",
    benchmark:
        "results/{run}/benchmarks/leave_out_layers.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=exit_gpu,
        mem_mb=exit_memory,
        runtime=by_attempt(240),
    params:
        settings=exit_settings("left_out_tokens"),
        code=code_hash("leave_out_layers.py"),
    message:
        "Run {wildcards.run} with each layer alone left out"
    script:
        "../scripts/leave_out_layers.py"


rule choose_policies:
    input:
        unpack(exit_tables),
    output:
        "results/{run}/policies/chosen.json",
    log:
        "results/{run}/logs/choose_policies.log",
    benchmark:
        "results/{run}/benchmarks/choose_policies.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(60),
    params:
        settings=settings("seed", "fair", "fair_low_rank", **CHOOSING),
        code=code_hash("choose_policies.py"),
    message:
        "Choose the exit policies of {wildcards.run}"
    script:
        "../scripts/choose_policies.py"


rule true_exits:
    input:
        unpack(exit_inputs),
        unpack(exit_fitted),
        probes="results/{run}/probes/documents/exits.safetensors",
        policies="results/{run}/policies/chosen.json",
    output:
        "results/{run}/policies/true.parquet",
    log:
        "results/{run}/logs/true_exits.log",
    benchmark:
        "results/{run}/benchmarks/true_exits.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=exit_gpu,
        mem_mb=exit_memory,
        runtime=by_attempt(240),
    params:
        settings=exit_settings("heads", "rank", "true_tokens"),
        code=code_hash("true_exits.py"),
    message:
        "Let tokens of {wildcards.run} leave by its exit policies"
    script:
        "../scripts/true_exits.py"


rule take_away:
    input:
        policies="results/{run}/policies/chosen.json",
        weights="results/{run}/probes/documents/exits.safetensors",
        summary="results/{run}/probes/documents/exits.json",
    output:
        directory("results/{run}/policy"),
    log:
        "results/{run}/logs/take_away.log",
    benchmark:
        "results/{run}/benchmarks/take_away.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        settings=settings_hash,
        code=code_hash("take_away.py"),
    message:
        "Put the exit policy of {wildcards.run} into a folder to copy"
    script:
        "../scripts/take_away.py"
