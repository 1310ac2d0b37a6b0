"""Take the output head out of a model, and hold its logits against the model's own."""

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.device import describe
from easyhard.huggingface.causality import check_causal
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.layers import model_costs
from easyhard.huggingface.model import check_head, load_model, output_head, wanted_device
from easyhard.job import run
from easyhard.model.store import write_head


def main(snakemake: Snakemake) -> None:
    settings = snakemake.params.model
    device = wanted_device(settings["device"], snakemake.threads, snakemake.resources.get("gpu", 0))
    model = load_model(find_model(settings["path"], settings["revision"]), settings["dtype"], device)
    head = output_head(model)
    apart, ahead = check_head(model, head), check_causal(model)
    write_head(snakemake.output.head, head.matrix, head.softcap, {"run": snakemake.wildcards.run})
    words, dim = head.weight.shape
    summary = {"words": words, "dim": dim, "bias": head.bias is not None, "softcap": head.softcap}
    name = type(model.network).__name__
    write_json(
        snakemake.output.summary,
        {
            "architecture": name,
            **summary,
            "largest_difference": apart,
            "looks_ahead": ahead,
            "costs": model_costs(model, head),
            "device": describe(device),
        },
    )


run(main)
