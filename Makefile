# Regulars. `make run` and `make test` set up everything they need; `make help` lists the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPARK_STAMP := $(VENV)/.installed-spark
HOME_DIR ?= home/bakehouse
COMPANY ?= company.yaml

# The first of these that really starts and is 3.11 or 3.12 makes the environment.
FIND_PYTHON = for p in "$$PYTHON" python3.12 python3.11 python3 python; do \
	if [ -n "$$p" ] && "$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' >/dev/null 2>&1; \
	then echo "$$p"; exit 0; fi; done; exit 1

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@python=$$($(FIND_PYTHON)) || { echo "Regulars needs Python 3.11 or 3.12. Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }; \
	echo "Setting up $(VENV) with $$($$python --version) (once, about a minute)"; \
	$$python -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(SPARK_STAMP): requirements-spark.lock $(STAMP)
	@echo "Adding Spark to $(VENV) (once, about half a gigabyte)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
		-r requirements-spark.lock
	@touch $@

.PHONY: setup
setup: $(STAMP) ## make the virtual environment with the locked dependencies

data/bakehouse/.made: $(STAMP) $(wildcard sources/sample/*.py)
	@$(BIN)/regulars sample --out data/bakehouse
	@touch $@

.PHONY: run
run: data/bakehouse/.made ## run the demo company from its sources to a published scorecard
	@$(BIN)/regulars run --company $(COMPANY) --home $(HOME_DIR)

.PHONY: real
real: $(STAMP) ## run the example on real data (needs ../shared/data)
	@$(BIN)/regulars run --company examples/real/company.yaml --home home/real

.PHONY: dev
dev: data/bakehouse/.made ## open Dagster's pages on the demo company
	@$(BIN)/regulars dev --company $(COMPANY) --home $(HOME_DIR)

.PHONY: docs
docs: $(STAMP) ## build dbt's pages of the demo company's tables (after make run)
	@$(BIN)/regulars docs build --company $(COMPANY) --home $(HOME_DIR)

# By files (tests/conftest.py), in the order of their folders: the long ones, which run whole companies, come first.
TWO = -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: check
check: $(STAMP) ## lint (Python and SQL) and types, without the tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint dbt_project --quiet --processes 2
	@$(BIN)/mypy

.PHONY: test
test: $(STAMP) check ## lint, types and the tests; those of PostgreSQL need its server
	@ls /usr/lib/postgresql/*/bin/initdb "$$(command -v initdb)" "$$REGULARS_POSTGRES_BIN/initdb" 2>/dev/null | grep -q . || \
		echo "The tests of PostgreSQL are skipped: there is no server. Debian, Ubuntu: apt-get install postgresql; macOS:" \
		"brew install postgresql; elsewhere name its folder: export REGULARS_POSTGRES_BIN=/path/to/bin"
	@$(BIN)/python -m pytest -m "not slow and not spark" $(TWO) $(ARGS)

.PHONY: test-all
test-all: $(STAMP) check ## the same with the slow matrices: kill points, large data
	@$(BIN)/python -m pytest -m "not spark" $(TWO) $(ARGS)

.PHONY: spark
spark: $(SPARK_STAMP) ## add the Spark engine to the environment (it needs Java 17 or 21)

SPARK_TESTS = spark and not slow

# Which Java Spark would start; empty without one.
FIND_JAVA = if [ -n "$$JAVA_HOME" ]; then ls "$$JAVA_HOME/bin/java" 2>/dev/null; else command -v java; fi

.PHONY: test-spark test-spark-all
test-spark-all: SPARK_TESTS = spark
test-spark-all: test-spark ## the same with what takes longest: whole runs, every vendor, servers, kills
test-spark: ## the same marts on Spark, compared row by row with DuckDB's
	@java=$$($(FIND_JAVA)); [ -n "$$java" ] || { \
		echo "Spark needs Java 17 or 21, and there is none. Install it (Debian, Ubuntu: apt-get install"; \
		echo "openjdk-17-jre-headless; macOS: brew install openjdk@17) or set JAVA_HOME, then: make test-spark"; exit 1; }
	@$(MAKE) --no-print-directory $(SPARK_STAMP)
	@$(BIN)/python -m pytest -m "$(SPARK_TESTS)" tests/spark $(ARGS)

.PHONY: readers
readers: $(STAMP) ## add what tests of BI readers use beside Python: DuckDB's Node client, and DuckDB 1.2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		-r tests/readers/old-duckdb.lock --target build/duckdb-1.2 --upgrade
	@command -v npm >/dev/null || { echo "DuckDB's Node client needs Node.js 20 or later, with npm. Install it, then: make readers"; exit 1; }
	@cd tests/readers && npm ci --silent --no-audit --no-fund

.PHONY: coverage
coverage: $(STAMP) ## which lines no test reaches
	@$(BIN)/python -m pytest -m "not slow and not spark" --cov --cov-report=term --cov-report=html $(ARGS)

.PHONY: bench
bench: $(STAMP) ## measure and write benchmarks/results/
	@$(BIN)/python -m benchmarks

.PHONY: bench-shuffles
bench-shuffles: $(STAMP) ## 200 orders of arrival of one input must give one set of marts (an hour)
	@$(BIN)/python -m benchmarks.shuffles

.PHONY: bench-increment
bench-increment: $(STAMP) ## what 1 % of new data costs beside everything at once
	@$(BIN)/python -m benchmarks.increment

.PHONY: bench-engines
bench-engines: $(SPARK_STAMP) ## ten million events through both engines, beside each other (half an hour)
	@$(BIN)/python -m benchmarks.engines

.PHONY: lock
lock: ## resolve the dependencies anew (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --extra dev --extra postgres \
		--no-emit-index-url --no-header pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --python-version 3.11 --extra dev --extra postgres --extra spark \
		--constraint requirements.lock --no-emit-index-url --no-header pyproject.toml -o requirements-spark.lock

.PHONY: clean
clean: ## remove what was made here, but not the environment
	rm -rf home data .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage
