# `make run` serves the demo site; `make test` runs the tests. Both set everything up first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_ARGS ?=
TEST_ARGS ?=
# Two processes, each with a module of tests at a time; TEST_ARGS="-n 0" is one process, as for pdb.
TOGETHER := -n 2 --dist loadfile --no-loadscope-reorder
CLUSTER_ARGS ?=
KILL_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
FUZZ_ARGS ?=
SCALE_ARGS ?=
SDK_ARGS ?=

.PHONY: help run superuser test test-fast test-postgres test-sdk lint format screenshots cluster kill bench soak fuzz scale clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/.site: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install -qq --requirement requirements.txt
	touch $@

$(BIN)/.dev: $(BIN)/.site
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

run: $(BIN)/.site ## Serve the demo site: admin on 8000, HTTP triggers on 3111, streams on 3112, workers on 49134
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py runengine $(RUN_ARGS)

superuser: $(BIN)/.site ## Create a login for the admin
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py createsuperuser

test: $(BIN)/.dev ## Run all tests; says what it skipped and why
	$(BIN)/python -m pytest $(TOGETHER) $(TEST_ARGS)

test-fast: $(BIN)/.dev ## Run the tests that start no other processes
	$(BIN)/python -m pytest $(TOGETHER) -m 'not slow and not sdk and not browser' $(TEST_ARGS)

test-postgres: $(BIN)/.dev ## Run the fast tests on PostgreSQL
	DATABASE_URL=$${DATABASE_URL:-postgres://postgres@127.0.0.1/postgres} \
		$(BIN)/python -m pytest $(TOGETHER) -m 'not slow and not sdk and not browser' $(TEST_ARGS)

test-sdk: $(BIN)/.dev ## Run every published iii-sdk (SDK_ARGS="--versions pypi-0.9.0 --features http,queue")
	$(BIN)/python -m tests.sdk_matrix $(SDK_ARGS)

lint: $(BIN)/.dev ## Check style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(BIN)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(BIN)/.dev ## Make the pictures of the README anew, with the system's Chromium
	$(BIN)/python -m tests.browser.tour

cluster: $(BIN)/.dev ## Run 3 ASGI processes, 2 Celery workers and 2 beats on local PostgreSQL and Redis (CLUSTER_ARGS="--asgi 4 --port 9001")
	.ci/services postgres redis
	$(BIN)/python -m benchmarks.cluster $(CLUSTER_ARGS)

kill: $(BIN)/.dev ## Kill one process of a cluster after the other under mixed load: does anything break? (KILL_ARGS=--short)
	.ci/services postgres redis
	$(BIN)/python -m benchmarks.kill $(KILL_ARGS)

bench: $(BIN)/.dev ## Measure throughput and latency (BENCH_ARGS=--quick for a short look)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

soak: $(BIN)/.dev ## Kill processes while messages flow: is any lost? (SOAK_ARGS=--short)
	$(BIN)/python -m benchmarks.soak $(SOAK_ARGS)

fuzz: $(BIN)/.dev ## Send engines a million frames that nobody expects (FUZZ_ARGS=--short)
	$(BIN)/python -m benchmarks.fuzz $(FUZZ_ARGS)

scale: $(BIN)/.dev ## Time every page of the admin and the API with a million runs (SCALE_ARGS=--short)
	$(BIN)/python -m benchmarks.scale $(SCALE_ARGS)

clean: ## Remove what the other targets made, except the database
	rm -rf $(VENV) .envs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache test-output
