# `make demo` and `make test` need only Python 3.11 or newer: each makes .venv first.
PYTHON ?= python3
WORKERS ?= 2
CASES ?= 2000
SEED ?= $(shell date +%s)
FLAGS ?=
PINS ?= -c constraints.txt
# which build of torch, CPU or CUDA, is the machine's choice and comes from an index of its own: all else is held to hashes.txt
TORCH ?= torch==2.13.0
DATA ?=
WHAT ?= trading
SEEDS ?= 3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
READY := .venv/.installed
export MPLBACKEND = Agg
.DEFAULT_GOAL := help
.PHONY: help demo test hammer nb try hooks types lint docs-check wheel-check bench peers clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): settings.ini setup.py constraints.txt hashes.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v < (3, 11) and sys.exit(f"energymvp needs Python 3.11 or newer, and $(PYTHON) is {v[0]}.{v[1]}: try make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@echo "installing the tools (the longest steps are this and the next)"
	@test -z "$(PINS)" || $(PIP) --require-hashes --no-deps -r hashes.txt
	@echo "installing torch"
	@$(PIP) $(PINS) $(TORCH)
	@echo "installing energymvp"
	@$(PIP) $(PINS) $(if $(PINS),--no-build-isolation) -e '.[dev]'
	@touch $(READY)

demo: $(READY) ## forecast, plan and report on the demo data, into runs/demo
	@$(BIN)/energymvp demo --out runs/demo

test: $(READY) ## check that the package matches the notebooks, then run the notebooks (FLAGS=slow runs more, WORKERS=4)
	@rc=0; $(BIN)/python .ci/sync_check.py || rc=1; \
	$(BIN)/python .ci/test_notebooks.py --workers $(WORKERS) --flags "$(FLAGS)" || rc=1; exit $$rc

hammer: $(READY) ## the random tests with thousands of cases of a new seed, an hour long (CASES=2000, SEED=any)
	@$(BIN)/python .ci/test_notebooks.py --workers $(WORKERS) --cases $(CASES) --seed $(SEED) --flags slow --timeout 7200 $$(grep -l "@given" nbs/*.ipynb | xargs -n 1 basename)

nb: $(READY) ## export, clean and format, then test one notebook: make nb NB=42
	@test -n "$(NB)" || { echo "name a notebook: make nb NB=42"; exit 1; }
	@$(BIN)/nbdev_export && $(BIN)/nbdev_clean && $(BIN)/ruff format -q . && $(BIN)/nbdev_export
	@$(BIN)/python .ci/test_notebooks.py "$(NB)"

hooks: $(READY) ## export, clean and format before every commit of this checkout
	@git config core.hooksPath .githooks

types: $(READY) ## check the types of the package
	@$(BIN)/basedpyright

try: $(READY) ## what a change is worth: one model trained before and after it, in money (WHAT=trading or consumption, SEEDS=3)
	@$(BIN)/nbdev_export
	@$(BIN)/python bench/try.py $(WHAT) --seeds $(SEEDS) $(FLAGS)

lint: $(READY) ## formatting and lint of notebooks and scripts
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

docs-check: $(READY) ## stage the documentation, render it and follow its links
	@$(BIN)/python .ci/docs_check.py

wheel-check: $(READY) ## build the wheel and run it in a new environment
	@$(BIN)/python .ci/wheel_check.py

.venv-peers/.installed: bench/requirements-peers.txt constraints.txt
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install -q --disable-pip-version-check $(PINS) $(TORCH)
	@.venv-peers/bin/python -m pip install -q --disable-pip-version-check $(PINS) -r bench/requirements-peers.txt -e .
	@touch $@

peers: .venv-peers/.installed ## forecasts and plans beside other libraries, hours long; needs DATA=folder, see bench/decisions.py
	@.venv-peers/bin/python bench/homes.py --data "$(DATA)"
	@.venv-peers/bin/python bench/own_home.py --data "$(DATA)"
	@.venv-peers/bin/python bench/consumption.py --data "$(DATA)"
	@.venv-peers/bin/python bench/decisions.py --data "$(DATA)"
	@.venv-peers/bin/python bench/value.py --data "$(DATA)"
	@.venv-peers/bin/python bench/columns.py --data "$(DATA)"
	@.venv-peers/bin/python bench/speed.py
	@.venv-peers/bin/python bench/ablations.py
	@.venv-peers/bin/python bench/ablations.py --earlier 35 80 125

bench: $(READY) ## time the optimizer against solvers, labels and stores at scale, into bench/*.md
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r bench/requirements.txt
	@$(BIN)/python bench/optimizer.py
	@$(BIN)/python bench/labels.py
	@$(BIN)/python bench/stores.py
	@$(BIN)/python bench/tariffs.py
	@$(BIN)/python bench/scale.py
	@$(BIN)/python bench/cluster.py
	@$(BIN)/python bench/fleet_cost.py

clean: ## remove .venv and everything that is made from the sources
	@rm -rf .venv .venv-bench .venv-peers .venv-s3 _proc _docs build dist *.egg-info .ruff_cache runs nbs/nbdev.yml nbs/sidebar.yml
	@find . -name __pycache__ -prune -exec rm -rf {} +
