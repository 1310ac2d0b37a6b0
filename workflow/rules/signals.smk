# The passes over the vocabulary: the full-rank metrics and every low rank of the output head.
# in:  results/{run}/activations/validation/*.parquet, results/{run}/activations/head.safetensors
# out: results/{run}/signals/logit.parquet, results/{run}/signals/low_rank.{parquet,json}; and every table whose shards
#      are jobs, put together


rule logit_statistics:
    input:
        activations="results/{run}/activations/validation/{shard}.parquet",
        head="results/{run}/activations/head.safetensors",
    output:
        "results/{run}/signals/logit/{shard}.parquet",
    log:
        "results/{run}/logs/logit_statistics/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/logit_statistics/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(60),
    params:
        code=code_hash("logit_statistics.py"),
    message:
        "Compute the logit metrics of {wildcards.run} in one pass over the vocabulary, shard {wildcards.shard}"
    script:
        "../scripts/logit_statistics.py"


rule low_rank:
    input:
        activations="results/{run}/activations/validation/{shard}.parquet",
        head="results/{run}/activations/head.safetensors",
    output:
        signals="results/{run}/signals/low_rank/{shard}.parquet",
        seconds="results/{run}/signals/low_rank/{shard}.json",
    log:
        "results/{run}/logs/low_rank/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/low_rank/{shard}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2500),
        runtime=by_attempt(60),
    params:
        ranks=lambda wildcards: RUNS[wildcards.run]["low_rank"]["ranks"],
        code=code_hash("low_rank.py"),
    message:
        "Compute the logit metrics of {wildcards.run} at every low rank in one sweep, shard {wildcards.shard}"
    script:
        "../scripts/low_rank.py"


rule low_rank_fidelity:
    input:
        activations=shards("activations/validation/{shard}.parquet"),
        head="results/{run}/activations/head.safetensors",
        seconds=shards("signals/low_rank/{shard}.json"),
    output:
        "results/{run}/signals/low_rank.json",
    log:
        "results/{run}/logs/low_rank_fidelity.log",
    benchmark:
        "results/{run}/benchmarks/low_rank_fidelity.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        ranks=lambda wildcards: RUNS[wildcards.run]["low_rank"]["ranks"],
        code=code_hash("low_rank_fidelity.py"),
    message:
        "Measure what low ranks keep of the head of {wildcards.run}"
    script:
        "../scripts/low_rank_fidelity.py"


rule merge_shards:
    input:
        shards("{table}/{shard}.parquet"),
    output:
        "results/{run}/{table}.parquet",
    log:
        "results/{run}/logs/merge_shards/{table}.log",
    benchmark:
        "results/{run}/benchmarks/merge_shards/{table}.tsv"
    wildcard_constraints:
        table="signals/(logit|low_rank|fair/(head|hidden|plain|centred|weighted))|fair/(test_words|low_rank/(plain|centred|weighted))",
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(30),
    params:
        code=code_hash("merge_shards.py"),
    message:
        "Put the shards of {wildcards.table} of {wildcards.run} together"
    script:
        "../scripts/merge_shards.py"
