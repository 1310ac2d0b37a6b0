# make run     install what is pinned into .venv and make the default run, from text to report
# make test    install the test requirements too, then lint, type-check and run all tests
# make report  Snakemake's own page on the default run, snakemake.html: rules, times, results
# make faults  kill a run at moments drawn at random, damage every kind of file: a campaign of many minutes
# make bench   time the heavy step and the intervals against the plain way, side by side
# make gpu     on a GPU: its kernels against float64, then times beside others', six minutes; writes gpu.json
# make overhead  what a run costs beside its work: dry runs, start-up of each job
# make founding TEXT=FOLDER   the founding run on the three files of WikiText-2 raw in FOLDER
# make study TEXT=FOLDER      the bundled text and WikiText-2, three seeds each, compared: six runs, about two hours on two cores
# make exits TEXT=FOLDER      the founding author's exits on WikiText-2: eight runs
# make policies TEXT=FOLDER   exit policies on WikiText-2, three seeds
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake --cores 4 --resources gpu=1
OWN_TEXT := {corpus: {source: files, files: {path: "$(TEXT)"}}}

.PHONY: run test report founding study exits policies faults bench gpu overhead lint clean

run: $(VENV)/installed
	$(SNAKEMAKE)

report: run
	$(SNAKEMAKE) --report snakemake.html

founding: $(VENV)/installed
	$(SNAKEMAKE) --config 'runs={wikitext2: $(OWN_TEXT)}' -- results/wikitext2/report.md

STUDY := wikipedia wikipedia_1 wikipedia_2 wikitext2 wikitext2_1 wikitext2_2

study: $(VENV)/installed
	$(SNAKEMAKE) --config 'runs={wikitext2: $(OWN_TEXT), wikitext2_1: $(OWN_TEXT), wikitext2_2: $(OWN_TEXT)}' -- $(STUDY:%=results/%/report.md) results/comparisons/study/report.md

EXITS := lego_2_2 lego_2_2_distill lego_2_2_softmax lego_2_2_own lego_2_2_whole lego_2_2_joint lego_4 lego_8

exits: $(VENV)/installed
	$(SNAKEMAKE) --config 'runs={$(foreach run,$(EXITS),$(run): $(OWN_TEXT),)}' -- $(EXITS:%=results/%/report.md)

POLICIES := early_exit early_exit_1 early_exit_2

policies: $(VENV)/installed
	$(SNAKEMAKE) --config 'runs={$(foreach run,$(POLICIES),$(run): $(OWN_TEXT),)}' -- $(POLICIES:%=results/%/report.md)

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

faults: $(VENV)/installed-test
	$(BIN)/python -m pytest -m slow -s tests/workflow/test_fault_campaign.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: $(VENV)/installed-test
	$(BIN)/python tests/benchmarks/logits/bench.py
	$(BIN)/python tests/benchmarks/evaluation/bench.py
	$(BIN)/python tests/benchmarks/evaluation/policies.py
	$(BIN)/python tests/benchmarks/exits/leaving.py

gpu: $(VENV)/installed-test
	-$(BIN)/python -m pip install --quiet -r envs/requirements-bench.txt
	$(BIN)/python tests/benchmarks/logits/gpu.py

overhead: $(VENV)/installed-test
	$(BIN)/python tests/benchmarks/overhead.py

$(VENV)/installed: envs/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "easyhard wants Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r envs/requirements.txt
	touch $@

$(VENV)/installed-test: envs/requirements-test.txt $(VENV)/installed
	$(BIN)/python -m pip install --quiet -r envs/requirements-test.txt
	touch $@

clean:
	rm -rf $(VENV) results .snakemake snakemake.html
