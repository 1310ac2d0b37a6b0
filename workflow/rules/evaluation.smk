# From the rows of each protocol, signals and probes to all figures of a run, with the published ones beside.
# in:  results/{run}/{model,activations,rows,fitted,signals,words,probes}/*
# out: results/{run}/metrics.parquet


rule evaluate:
    input:
        unpack(measured),
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
        "results/{run}/logs/evaluate.log",
    benchmark:
        "results/{run}/benchmarks/evaluate.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 4
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(60),
    params:
        settings=evaluate_settings,
        code=code_hash("evaluate.py"),
    message:
        "Measure all figures of {wildcards.run}"
    script:
        "../scripts/evaluate.py"
