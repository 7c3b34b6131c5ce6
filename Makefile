# Each target is one line over the tool it calls. `make repro` and `make test` set up what they need.
# These are for the command line: where NAME or PORT is in the environment, it means something else.
PORT = 5000
NAME = techniques
DATASET =
BASE = main
SEED = $(shell date +%s)
RAY =

# The interpreter to make .venv with, found before .venv's own comes first on the path.
WHICH = import os, sys; print(os.path.realpath(sys.executable))
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
ASKED := $(if $(PYTHON),$(or $(shell $(PYTHON) -I -c '$(WHICH)' 2>/dev/null),none))
PYTHON ?= python3
SYSTEM_PATH := $(PATH)

# Stages find the environment's Python and tools first on the path.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# DVC runs a stage by the user's shell, which may be none.
SHELL = /bin/sh
export SHELL
# What the caller has set for Python, pip and shells stays outside, but for where packages come from
# (a user's pip.conf may say `user`, too).
PACKAGES = CACHE_DIR CERT CLIENT_CERT CONFIG_FILE DEFAULT_TIMEOUT EXTRA_INDEX_URL FIND_LINKS \
	INDEX_URL KEYRING_PROVIDER NO_CACHE_DIR NO_INDEX PROXY RETRIES TIMEOUT TRUSTED_HOST
unexport BASH_ENV CDPATH ENV VIRTUAL_ENV $(filter PYTHON%,$(.VARIABLES)) \
	$(filter-out $(PACKAGES:%=PIP_%),$(filter PIP_%,$(.VARIABLES)))
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# No model that MLflow is given may run code that it brings as a pickle.
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION ?= false

# An environment serves the folder it was made in, with the interpreter it was made with.
PRESENT := $(shell .venv/bin/python -I -c '$(WHICH)' 2>/dev/null)
ifneq ($(shell cat .venv/installed 2>/dev/null),$(CURDIR) $(or $(ASKED),$(PRESENT)))
.PHONY: .venv/installed
endif

# For the oldest supported Python, and markers for the others.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

INSTALL = .venv/bin/python -m pip install -qq --no-deps --require-hashes --no-compile
# By all processors, which pip does by one; without the packages' own tests, which nobody runs.
COMPILE = .venv/bin/python -m compileall -q -j 0 -x '/tests?/' .venv/lib

.PHONY: help setup repro docs experiment pictures plots review test fuzz torture interrupt check verify bench scheduling frameworks calibrate gate ui serve lock schema

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/installed $(if $(RAY),.venv/ray) ## create .venv and install what running needs (RAY=1: and Ray)
	@echo "Ready. For optledger and dvc themselves, type: source .venv/bin/activate"

repro: .venv/checked ## run the pipeline, then print the leaderboard
	@optledger sweep
	@dvc repro
	@cat results/leaderboard.md
	@echo "Look at results/report.html; compare the runs in MLflow: make ui"

experiment: .venv/checked ## run experiments/NAME.yaml as a DVC experiment (NAME=techniques)
	@optledger experiment $(NAME)

plots: .venv/developer ## draw what DVC draws, on a page that needs no network
	@optledger plots

review: .venv/checked ## run the pipeline, then say what changed against a revision (BASE=main)
	@optledger review '$(BASE)' '$(BASE)' > /dev/null
	@mkdir -p build && rm -f build/review.md
	@[ -z "$$(dvc config core.remote)" ] || { dvc pull --quiet --run-cache --allow-missing \
		&& dvc fetch --quiet --all-branches results/predictions; } \
		|| echo "Not everything could be pulled; what the pipeline lacks is computed." >&2
	@optledger sweep
	@dvc repro
	@optledger review '$(BASE)' --markdown --fail-on worse --fail-on diverged \
		> build/review.md 2>&1; status=$$?; \
		cat build/review.md; exit $$status

test: .venv/developer ## run the tests
	@pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

fuzz: .venv/developer ## try twenty thousand damaged inputs, new ones each time (about 15 minutes)
	@pytest --numprocesses 2 --dist worksteal --hypothesis-profile fuzz --hypothesis-seed '$(SEED)' \
		tests/fuzz

torture: .venv/developer ## publish with every fault at every request; lose all parts of a cluster (about 80 minutes)
	@python tests/torture.py
	@python tests/ray_torture.py

interrupt: .venv/developer ## kill the pipeline fifty times at random moments, and compare (about 15 minutes)
	@python tests/interruptions.py

check: .venv/developer ## lint, check types, workflows, spelling and the length of sentences
	@ruff check
	@ruff format --check
	@mypy
	@mypy --config-file tests/mypy.ini
	@zizmor --offline --quiet .github
	@codespell $$(git ls-files '*.md' '*.py' '*.yaml' '*.toml' '*.jinja' '*.js' Makefile)
	@python docs/sentences.py

verify: .venv/installed ## check that data, outputs, cache, lock and runs agree
	@optledger verify

bench: .venv/checked ## time training beside model.fit and scikit-learn (about 20 minutes)
	@dvc repro --quiet preprocess
	@PYTHONPATH=tests python benchmarks/bench.py

scheduling: .venv/developer ## give ten thousand trials to a thousand workers that are none (a minute)
	@python benchmarks/scheduling.py

frameworks: .venv/checked ## time an epoch beside JAX and PyTorch, in an environment of their own (about 5 minutes)
	@dvc repro --quiet preprocess
	@PYTHONPATH=tests python benchmarks/frameworks.py

calibrate: .venv/checked ## count on 420 trainings how often verdicts are wrong (about 40 minutes)
	@python benchmarks/calibrate.py
	@python benchmarks/calibrate_kinds.py

gate: .venv/developer ## count how often the gate of `review` fails for seeds alone (about 25 minutes)
	@PYTHONPATH=tests python benchmarks/gate.py

docs: .venv/developer ## write docs/reference.md anew from the code, and build the site in build/site
	@python docs/reference.py
	@python docs/site.py

pictures: .venv/developer ## take the pictures of report and MLflow that the README shows
	@python benchmarks/pictures.py

ui: .venv/installed ## open the MLflow UI of this folder's store on this machine (PORT=5000)
	@optledger ui --port $(PORT)

serve: PORT = 5001
serve: .venv/installed ## classify raw pixels with the champion's model (PORT=5001, DATASET=)
	@optledger serve --port $(PORT) $(DATASET)

lock: .venv/developer ## pin all dependencies anew, with hashes
	@$(LOCK) --upgrade pyproject.toml --output-file requirements.lock
	@$(LOCK) --upgrade --group ray --constraint requirements.lock --output-file requirements-ray.lock
	@$(LOCK) --upgrade --group dev --constraint requirements.lock --constraint requirements-ray.lock \
		--output-file requirements-dev.lock

schema: .venv/installed ## write the JSON Schema that editors complete params.yaml with
	@optledger schema > params.schema.json

.venv/installed: requirements.lock pyproject.toml
	@PATH="$(SYSTEM_PATH)" $(PYTHON) -c '$(SUPPORTED)' 2>/dev/null \
		|| { echo "$(PYTHON): found no Python 3.11 to 3.13 by this name; name one: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@echo "Setting up .venv (about two minutes, 2.3 GB)"
	@PATH="$(SYSTEM_PATH)" $(PYTHON) -m venv --clear .venv
	@echo "- $$(grep -c '==' requirements.lock) packages of requirements.lock"
	@$(INSTALL) -r requirements.lock
	@.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@echo "- compiling them"
	@$(COMPILE)
	@echo "$(CURDIR) $$(.venv/bin/python -c '$(WHICH)')" > $@

.venv/developer: .venv/installed requirements-dev.lock
	@echo "- $$(grep -c '==' requirements-dev.lock) packages of requirements-dev.lock, for tests and checks"
	@$(INSTALL) -r requirements-dev.lock
	@$(COMPILE)
	@touch $@

.venv/ray: .venv/installed requirements-ray.lock
	@echo "- Ray, of requirements-ray.lock"
	@$(INSTALL) -r requirements-ray.lock
	@$(COMPILE)
	@touch $@

.venv/checked: .venv/installed params.yaml $(wildcard datasets/*.yaml)
	@optledger check
	@touch $@
