# Leadgate. `make run` starts it; `make test` proves it. Both set up all that they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BROKERS ?= 1
BIN := .venv/bin

.PHONY: help setup browser java run kafka run-kafka test coverage faults check bench fmt lock clean
help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -ts $$'\t'

setup: .venv/.ready ## Make .venv with the locked dependencies and the `leadgate` command

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Leadgate needs Python 3.11 or later: set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	@echo "Installing what requirements.lock names ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --requirement <(awk '/^uv==/ { wanted = 1 } wanted { print } wanted && !/\\$$/ { exit }' requirements.lock)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes --requirement requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

browser: ## Install Debian's Chromium where it is missing (browser tests)
	@command -v chromium >/dev/null || { \
	  echo "Installing chromium for the browser tests ..."; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else echo "chromium is missing: sudo apt-get install chromium" >&2; exit 1; fi; }

java: ## Install Debian's Java and Maven where they are missing (Kafka)
	@command -v java >/dev/null && command -v mvn >/dev/null || { \
	  echo "Installing Java and Maven for Kafka ..."; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends default-jre-headless maven >/dev/null; \
	  else echo "Java or Maven is missing: sudo apt-get install default-jre-headless maven" >&2; exit 1; fi; }

run: setup ## Start everything in one process, with the demo, on http://127.0.0.1:8080
	@exec $(BIN)/leadgate up --demo

kafka: setup java ## Kafka on loopback until Ctrl-C, with its topics; BROKERS=3 for three
	@LEADGATE_DATA_DIR=$${LEADGATE_DATA_DIR:-.leadgate-kafka} exec $(BIN)/python deploy/kafka/brokers.py --brokers $(BROKERS) \
	  --prepare '$(BIN)/leadgate migrate' --prepare '$(BIN)/leadgate topics create'

run-kafka: setup java ## As run, on Kafka: the one that `make kafka` runs, else one of its own
	@exec $(BIN)/python deploy/kafka/brokers.py -- $(BIN)/leadgate up --demo --data-dir .leadgate-kafka

test: setup browser java ## All tests; three at a time, for some wait for what they have stopped
	$(BIN)/pytest -n 3 --dist loadgroup

coverage: setup browser java ## The same, and which lines none of them runs
	$(BIN)/pytest -n 3 --dist loadgroup --cov --cov-report=term:skip-covered

faults: setup java ## Kill and stop everything, for some ten minutes; SEED=7 runs that one again
	$(BIN)/python -m pytest tests/faults/test_deployment.py --full $(if $(SEED),--seed $(SEED))

check: setup ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup java ## Ratios against a baseline in the same run
	$(BIN)/python -m pytest tests/bench --benchmark

fmt: setup ## Format, and write again what is generated
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m schemas.export
	$(BIN)/python -m router.diagrams

lock: ## Resolve requirements.lock again (names no host)
	$(BIN)/uv pip compile pyproject.toml --extra dev --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.lock

clean: ## Remove what set-up and runs made (not the data in .leadgate*)
	rm -rf .venv deploy/kafka/libs .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
