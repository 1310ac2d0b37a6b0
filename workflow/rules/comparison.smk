# Groups of runs that differ in their seed, side by side.
# in:  results/{run}/metrics.parquet of every run of the comparison
# out: results/comparisons/{comparison}/*


rule compare_runs:
    input:
        metrics=lambda wildcards: [
            f"results/{run}/metrics.parquet"
            for runs in compared(wildcards).values()
            for run in runs
        ],
        template=source_file("scripts/easyhard/report/comparison.md.j2"),
        page=source_file("scripts/easyhard/report/comparison.html.j2"),
        looks=[source_file(f"scripts/easyhard/report/{name}") for name in PAGE_PARTS],
    output:
        report=report(
            "results/comparisons/{comparison}/report.md",
            caption="../report/comparison.rst",
            category="comparison {comparison}",
            labels={"result": "the report (Markdown)"},
        ),
        page=report(
            "results/comparisons/{comparison}/report.html",
            caption="../report/comparison.rst",
            category="comparison {comparison}",
            labels={"result": "the report (one page)"},
        ),
        metrics="results/comparisons/{comparison}/metrics.parquet",
        figures=report(
            directory("results/comparisons/{comparison}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/comparison.rst",
            category="comparison {comparison}",
            labels={"result": "{figure}"},
        ),
    log:
        "results/comparisons/{comparison}/logs/compare_runs.log",
    benchmark:
        "results/comparisons/{comparison}/benchmarks/compare_runs.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        groups=compared,
        code=code_hash("compare_runs.py"),
    message:
        "Compare the runs of {wildcards.comparison}"
    script:
        "../scripts/compare_runs.py"
