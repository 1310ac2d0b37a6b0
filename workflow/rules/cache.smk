# Between-workflow caching: what takes the rules marked `cache:` the benchmark that Snakemake refuses them.
# in:  the rules load_corpus, tokenize and train
# out: nothing

if CACHED:
    for cached in (rules.load_corpus, rules.tokenize, rules.train):
        cached.rule._benchmark = None  # Snakemake has no public way to take one back
