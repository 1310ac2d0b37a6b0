# easyhard: which cheap signal, read off a language model, tells easy tokens from hard ones.
from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.current_basedir.join("config.yaml").get_path_or_uri(secret_free=False)


include: "workflow/rules/common.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/signals.smk"
include: "workflow/rules/imports.smk"
include: "workflow/rules/huggingface.smk"
include: "workflow/rules/probes.smk"
include: "workflow/rules/exits.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/cache.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        expand("results/{run}/report.md", run=config["default_runs"]),
