# The plots and the report of a run.
# in:  results/{run}/metrics.parquet, what the plots show token by token, and the records of each step
# out: results/{run}/figures/*.{svg,png}, results/{run}/report.md


rule draw_figures:
    input:
        metrics="results/{run}/metrics.parquet",
        curve="results/{run}/model/training_curve.parquet",
        train=token_file("train.parquet"),
        tokens=token_file("summary.json"),
        activations=shards("activations/validation/{shard}.parquet"),
        logit="results/{run}/signals/logit.parquet",
        exit_classifier="results/{run}/signals/exit_classifier.parquet",
        loss_predictions="results/{run}/probes/loss_predictions.parquet",
    output:
        **{name: figure(name) for name in FIGURES},
        png=expand("results/{{run}}/figures/{name}.png", name=FIGURES),
    log:
        "results/{run}/logs/draw_figures.log",
    benchmark:
        "results/{run}/benchmarks/draw_figures.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(10),
    params:
        sequences=settings("sequences"),
        code=code_hash("draw_figures.py"),
    message:
        "Draw the figures of {wildcards.run}"
    script:
        "../scripts/draw_figures.py"


rule draw_fair_figures:
    input:
        metrics="results/{run}/metrics.parquet",
    output:
        **{name: figure(name) for name in figure_names("trained")},
        png=expand("results/{{run}}/figures/{name}.png", name=figure_names("trained")),
    log:
        "results/{run}/logs/draw_fair_figures.log",
    benchmark:
        "results/{run}/benchmarks/draw_fair_figures.tsv"
    wildcard_constraints:
        run=runs_of("trained", "huggingface", "activations"),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        code=code_hash("draw_fair_figures.py"),
    message:
        "Draw the figures of the fair comparison of {wildcards.run}"
    script:
        "../scripts/draw_fair_figures.py"


use rule draw_fair_figures as draw_figures_of_signals with:
    output:
        **{name: figure(name) for name in figure_names("signals")},
        png=expand("results/{{run}}/figures/{name}.png", name=figure_names("signals")),
    log:
        "results/{run}/logs/draw_figures_of_signals.log",
    benchmark:
        "results/{run}/benchmarks/draw_figures_of_signals.tsv"
    wildcard_constraints:
        run=runs_of("signals"),


rule write_report:
    input:
        metrics="results/{run}/metrics.parquet",
        figures=report_figures,
        templates=[
            source_file(f"scripts/easyhard/report/{name}.md.j2")
            for name in ("template", "fair", "published")
        ],
        tokens=with_text(token_file("summary.json")),
        model=with_text("results/{run}/model/summary.json"),
        benchmarks=benchmarks,
    output:
        report=report(
            "results/{run}/report.md",
            caption="../report/report.rst",
            category="{run}",
            labels={"result": "the report (Markdown)"},
        ),
        config="results/{run}/config.json",
    log:
        "results/{run}/logs/write_report.log",
    benchmark:
        "results/{run}/benchmarks/write_report.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        config=lambda wildcards: RUNS[wildcards.run],
        kind=kind,
        code=code_hash("write_report.py"),
    message:
        "Write the report of {wildcards.run}"
    script:
        "../scripts/write_report.py"
