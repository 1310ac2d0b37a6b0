"""Put the policy that reads states alone into a folder that its user copies."""

from snakemake.iocontainers import Snakemake

from easyhard.atomic import read_json
from easyhard.job import run
from easyhard.policies.policy import Policy
from easyhard.policies.take_away import write_policy, write_reason
from easyhard.probes.exits import ExitProbes


def main(snakemake: Snakemake) -> None:
    taken, layers = read_json(snakemake.input.policies)["taken"], read_json(snakemake.input.summary)["layers"]
    facts = {"run": snakemake.wildcards.run} | dict(snakemake.params.items()) | {"layers": len(layers)}
    if taken is None:
        reason = "none that reads states alone gains anything over fixed layers on the select documents"
        write_reason(snakemake.output[0], reason, facts)
    else:
        policy = Policy.from_json(taken["policy"])
        costs = dict(zip(policy.exits, taken["costs"], strict=True))
        facts |= {"point": taken["point"], "costs": costs}
        write_policy(snakemake.output[0], policy, ExitProbes.load(snakemake.input.weights), facts)


run(main)
