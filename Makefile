# Each target is one line over the tool it calls. `make repro` and `make test` set up what they need.
PYTHON ?= python3
PORT ?= 5000
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
COMPILE = uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

# Stages find the environment's Python and tools first on the path.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# pip compiles bytecode when it installs, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE =
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup repro test check ui lock schema clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/installed ## create .venv and install what requirements.lock names

repro: .venv/checked ## run the pipeline, then print the leaderboard
	@dvc repro
	@cat results/leaderboard.md
	@echo "Compare the runs in MLflow: make ui"

test: .venv/installed ## run the tests
	@pytest

check: .venv/installed ## lint and check types
	@ruff check
	@ruff format --check
	@mypy

ui: .venv/installed ## open the MLflow UI on this machine (PORT=5000)
	@mlflow server --host 127.0.0.1 --port $(PORT) --backend-store-uri sqlite:///mlflow.db

lock: .venv/installed ## pin all dependencies anew, with hashes
	@$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	@$(COMPILE) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock

schema: .venv/installed ## write the JSON Schema that editors complete params.yaml with
	@optledger schema > params.schema.json

clean: ## delete the environment and everything the pipeline made
	@rm -rf .venv data/raw data/prepared results/trials results/predictions mlflow.db mlartifacts

.venv/installed: requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { echo "$(PYTHON): Python 3.11 to 3.13 is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "Setting up .venv from requirements.lock (about two minutes, 3 GB)"
	@$(PYTHON) -m venv .venv
	@python -m pip install -qq --no-deps --require-hashes -r requirements.lock -r requirements-dev.lock
	@python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.venv/checked: .venv/installed params.yaml src/optledger/datasets/registry.yaml
	@optledger check
	@touch $@
