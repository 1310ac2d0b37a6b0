# The passes over the vocabulary: the full-rank metrics and every low rank of the output head.
# in:  results/{run}/activations/validation/*.parquet, results/{run}/activations/head.safetensors
# out: results/{run}/signals/logit.parquet, results/{run}/signals/low_rank.{parquet,json}


rule logit_statistics:
    input:
        activations=activation_shards("validation"),
        head="results/{run}/activations/head.safetensors",
    output:
        "results/{run}/signals/logit.parquet",
    log:
        "results/{run}/logs/logit_statistics.log",
    benchmark:
        "results/{run}/benchmarks/logit_statistics.tsv"
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
        "Compute the logit metrics of {wildcards.run} in one pass over the vocabulary"
    script:
        "../scripts/logit_statistics.py"


rule low_rank:
    input:
        activations=activation_shards("validation"),
        head="results/{run}/activations/head.safetensors",
    output:
        signals="results/{run}/signals/low_rank.parquet",
        fidelity="results/{run}/signals/low_rank.json",
    log:
        "results/{run}/logs/low_rank.log",
    benchmark:
        "results/{run}/benchmarks/low_rank.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=by_attempt(2000),
        runtime=by_attempt(60),
    params:
        ranks=lambda wildcards: RUNS[wildcards.run]["low_rank"]["ranks"],
        code=code_hash("low_rank.py"),
    message:
        "Compute the logit metrics of {wildcards.run} at every low rank in one sweep"
    script:
        "../scripts/low_rank.py"
