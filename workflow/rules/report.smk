# The plots and the report of a run.
# in:  results/{run}/metrics.parquet, what the plots show token by token, and the records of each step
# out: results/{run}/figures/*.{svg,png}, results/{run}/report.md


rule draw_figures:
    input:
        metrics="results/{run}/metrics.parquet",
        curve="results/{run}/model/training_curve.parquet",
        train="results/{run}/tokens/train.parquet",
        tokens="results/{run}/tokens/summary.json",
        activations=activation_shards("validation"),
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
        mem_mb=2000,
        runtime=10,
    params:
        sequences=settings("sequences"),
        code=code_hash("draw_figures.py"),
    message:
        "Draw the figures of {wildcards.run}"
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        metrics="results/{run}/metrics.parquet",
        figures=expand("results/{{run}}/figures/{name}.svg", name=FIGURES),
        template=source_file("scripts/easyhard/report/template.md.j2"),
        tokens="results/{run}/tokens/summary.json",
        model="results/{run}/model/summary.json",
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
        mem_mb=1000,
        runtime=10,
    params:
        config=lambda wildcards: RUNS[wildcards.run],
        code=code_hash("write_report.py"),
    message:
        "Write the report of {wildcards.run}"
    script:
        "../scripts/write_report.py"
