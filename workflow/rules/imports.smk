# What another program has measured, brought into the form of parted documents.
# in:  the files that the settings name under input
# out: results/{run}/rows/*, results/{run}/signals/documents/*, or results/{run}/activations/*


rule import_signals:
    input:
        own_files,
    output:
        tokens="results/{run}/rows/documents.parquet",
        summary="results/{run}/rows/summary.json",
        signals="results/{run}/signals/documents/own.parquet",
        context="results/{run}/signals/documents/context/000.parquet",
    log:
        "results/{run}/logs/import_signals.log",
    benchmark:
        "results/{run}/benchmarks/import_signals.tsv"
    wildcard_constraints:
        run=runs_of("signals"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(30),
    params:
        settings=imported_settings,
        code=code_hash("import_signals.py"),
    message:
        "Read the losses and signals of {wildcards.run}"
    script:
        "../scripts/import_signals.py"


rule import_head:
    input:
        own_files,
    output:
        "results/{run}/activations/head.safetensors",
    log:
        "results/{run}/logs/import_head.log",
    benchmark:
        "results/{run}/benchmarks/import_head.tsv"
    wildcard_constraints:
        run=runs_of("activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(4000),
        runtime=by_attempt(30),
    params:
        settings=imported_settings,
        code=code_hash("import_head.py"),
    message:
        "Read the output head of {wildcards.run}"
    script:
        "../scripts/import_head.py"


rule import_activations:
    input:
        own_files,
        head="results/{run}/activations/head.safetensors",
    output:
        "results/{run}/activations/documents/{shard}.parquet",
    log:
        "results/{run}/logs/import_activations/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/import_activations/{shard}.tsv"
    wildcard_constraints:
        run=runs_of("activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(60),
    params:
        settings=imported_settings,
        code=code_hash("import_activations.py"),
    message:
        "Read the activations of {wildcards.run}, shard {wildcards.shard}"
    script:
        "../scripts/import_activations.py"


rule part_imported:
    input:
        own_files,
        activations=shards("activations/documents/{shard}.parquet"),
    output:
        tokens="results/{run}/rows/documents.parquet",
        shards="results/{run}/rows/shards.json",
        summary="results/{run}/rows/summary.json",
    log:
        "results/{run}/logs/part_imported.log",
    benchmark:
        "results/{run}/benchmarks/part_imported.tsv"
    wildcard_constraints:
        run=runs_of("activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        settings=imported_settings,
        code=code_hash("part_imported.py"),
    message:
        "Part the documents of {wildcards.run} into fit, select and test"
    script:
        "../scripts/part_imported.py"
