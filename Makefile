# Penstock. `make` alone lists the targets; every target sets up what it needs first.

PYTHON ?= python3
VENV := .venv
READERS := .readers
SPARK := .spark
PIP_INSTALL := -m pip install -qq --disable-pip-version-check
LOCKED := --require-hashes --only-binary :all:
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

# The two environments at once; but what is removed is not made meanwhile.
MAKEFLAGS += --jobs=2
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-long test-browser check fmt bench bench-large bench-stages bench-decode bench-tables bench-tables-small bench-service bench-serving bench-serving-small fuzz stubs contract-table lock readers clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.installed ## create .venv with the locked packages and penstock itself

demo: setup ## land generated events, run a pipeline, show what came out
	@$(VENV)/bin/python -m benchmarks.demo

test: check readers ## every check, then every test
	@$(VENV)/bin/python -m pytest --quiet --numprocesses auto --dist worksteal

test-long: setup readers ## tests that take minutes: more kills, more random histories
	@$(VENV)/bin/python -m pytest --quiet --numprocesses auto --dist worksteal -m long -o faulthandler_timeout=1800

CHROMIUM ?= $(firstword $(shell command -v chromium chromium-browser google-chrome 2>/dev/null))
test-browser: setup ## a person in the Prefect UI, in a real Chromium; SCREENSHOT=1 writes that of docs/ anew
	@test -n "$(CHROMIUM)" || { echo "No Chromium is here. Debian, Ubuntu: sudo apt-get install chromium." \
		"Or say where it is: make test-browser CHROMIUM=/path/to/chrome"; exit 1; }
	@CHROMIUM=$(CHROMIUM) SCREENSHOT=$(SCREENSHOT) $(VENV)/bin/python -m pytest --quiet -m browser tests/browser

check: setup ## lint, format, types, direction of imports, our own rules
	@$(VENV)/bin/ruff check --output-format concise
	@$(VENV)/bin/ruff format --check --quiet
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@$(VENV)/bin/python -m checks.no_row_objects

fmt: setup ## format, and mend what can be mended without thought
	@$(VENV)/bin/ruff check --fix
	@$(VENV)/bin/ruff format

bench: setup ## against DuckDB and Polars: 100 thousand and 1 million events, 5 turns
	@$(VENV)/bin/python -m benchmarks.compare --turns 5 100k 1M

bench-large: setup ## the same with 10 million events, 3 turns (about 4 GB of disk, some minutes)
	@$(VENV)/bin/python -m benchmarks.compare --turns 3 10M

bench-stages: setup ## where the CPU time of a batch goes, stage by stage: 1 million events
	@$(VENV)/bin/python -m benchmarks.stages 1M

bench-decode: setup ## what strictness costs, 10,000 small files, one large gzip file (2 GB of disk, minutes)
	@$(VENV)/bin/python -m benchmarks.strictness 1M
	@$(VENV)/bin/python -m benchmarks.small_files 10000
	@$(VENV)/bin/python -m benchmarks.large_file 1

bench-tables: readers ## what readers read of 100 million rows, upserts into 20 million, 100,000 files (25 GB of disk, 20 minutes)
	@$(VENV)/bin/python -m benchmarks.tables.large_tables
	@$(VENV)/bin/python -m benchmarks.tables.upsert 20M
	@$(VENV)/bin/python -m benchmarks.tables.skipping 100M

bench-tables-small: readers ## the same with one of a hundred rows and files, a minute or two; results go to .bench/results
	@$(VENV)/bin/python -m benchmarks.tables.large_tables --scale 100 --results .bench/results
	@$(VENV)/bin/python -m benchmarks.tables.upsert --turns 1 --results .bench/results 200k
	@$(VENV)/bin/python -m benchmarks.tables.skipping --turns 1 --results .bench/results 1M

bench-service: setup ## from a landed file to visible rows, a flow beside a run, 100 pipelines on one server (8 GB of disk, 8 minutes)
	@$(VENV)/bin/python -m benchmarks.service.measure

bench-serving: setup ## scans, selective queries and pushes over Flight: 10 million events (5 GB of disk, 8 minutes)
	@$(VENV)/bin/python -m benchmarks.serving.measure 10M

bench-serving-small: setup ## the same with 100 thousand events, two minutes; results go to .bench/results
	@$(VENV)/bin/python -m benchmarks.serving.measure --turns 1 --seconds 1 --results .bench/results 100k

MINUTES ?= 5
fuzz: setup ## every decoder and whole jobs over mutated files, MINUTES=5; SEED=n for the same again
	@$(VENV)/bin/python -m tests.fuzz.run --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(TARGETS)

stubs: setup ## compile the messages of Flight SQL into serving/protocol
	@$(VENV)/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. $(wildcard serving/protocol/*.proto)

contract-table: setup $(SPARK)/.installed ## write docs/contract-table.md anew, Spark included (needs Java)
	@$(VENV)/bin/python -m tests.contract_table.generate --spark $(SPARK)/bin/python

readers: $(READERS)/.installed ## create .readers, independent readers that the tests ask

# Keeps today's pins where they still resolve; `make lock UPGRADE=--upgrade` takes the newest.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)
lock: setup ## resolve the dependencies again into the lock files
	@$(COMPILE) --all-extras pyproject.toml --output-file requirements.lock > /dev/null
	@$(COMPILE) --extra service --extra serving --constraint requirements.lock pyproject.toml requirements-service.in \
		--output-file requirements-service.lock > /dev/null
	@$(COMPILE) tests/readers.in --output-file tests/readers.lock > /dev/null
	@$(COMPILE) tests/contract_table/spark.in --output-file tests/contract_table/spark.lock > /dev/null

clean: ## remove what the targets made, the environments included
	rm -rf $(VENV) $(READERS) $(SPARK) .bench demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.locked: requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
		f"Python {v.major}.{v.minor} is too old: Penstock needs 3.11 or newer. Try: make PYTHON=python3.13 $(MAKECMDGOALS)")'
	@echo "Setting up $(VENV) (about 150 packages, a minute or two, once) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@# As a constraint too: else older pip looks for the newest `sqlalchemy[asyncio]`, where only `sqlalchemy` is pinned.
	@$(VENV)/bin/python $(PIP_INSTALL) $(LOCKED) --requirement requirements.lock --constraint requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --no-index --editable .
	@$(VENV)/bin/python -m compileall -q $(wildcard config transforms storage serving pipelines)
	@$(VENV)/bin/python -c 'from transforms.decode.kernel.library import kernel; kernel()' # the decoder, for this processor
	@touch $@

$(READERS)/.installed: tests/readers.lock
	@$(PYTHON) -m venv --clear $(READERS)
	@$(READERS)/bin/python $(PIP_INSTALL) $(LOCKED) --requirement tests/readers.lock
	@touch $@

# Not --only-binary: Spark is published as a source archive, whose hash is locked all the same.
$(SPARK)/.installed: tests/contract_table/spark.lock
	@$(PYTHON) -m venv --clear $(SPARK)
	@$(SPARK)/bin/python $(PIP_INSTALL) --require-hashes --requirement tests/contract_table/spark.lock
	@touch $@
