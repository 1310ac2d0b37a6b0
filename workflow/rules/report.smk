# The figures and the report of a run.
# in:  results/{run}/metrics.parquet, what is shown token by token, and the records of each step
# out: results/{run}/report.{html,md}, results/{run}/{summary,config}.json, results/{run}/{figures,tables}/*


rule report:
    input:
        unpack(reported),
        metrics="results/{run}/metrics.parquet",
        policy=policy_folder,
        templates=[
            source_file(f"scripts/easyhard/report/{name}")
            for name in ("report.md.j2", "page.html.j2")
        ],
        looks=[source_file(f"scripts/easyhard/report/{name}") for name in PAGE_PARTS],
        benchmarks=benchmarks,
    output:
        report=report(
            "results/{run}/report.md",
            caption="../report/report.rst",
            category="{run}",
            labels={"result": "the report (Markdown)"},
        ),
        page=report(
            "results/{run}/report.html",
            caption="../report/report.rst",
            category="{run}",
            labels={"result": "the report (one page)"},
        ),
        tables=directory("results/{run}/tables"),
        summary="results/{run}/summary.json",
        config="results/{run}/config.json",
        figures=report(
            directory("results/{run}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="{run}",
            subcategory="Figures",
            labels={"result": "{figure}"},
        ),
    log:
        "results/{run}/logs/report.log",
    benchmark:
        "results/{run}/benchmarks/report.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        config=lambda wildcards: RUNS[wildcards.run],
        kind=kind,
        sequences=settings("sequences"),
        code=code_hash("report.py"),
    message:
        "Draw the figures of {wildcards.run} and write its report"
    script:
        "../scripts/report.py"
