# Everything there is to do with this repository. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DISTRIBUTIONS := brownout/pyproject.toml inventario-retail/pyproject.toml
TESTS := brownout/tests inventario-retail/tests $(wildcard tests)
POSTGRES_15 := /usr/lib/postgresql/15/bin

.DEFAULT_GOAL := help
.PHONY: help run install check test test-all bench docs lock format clean
# One recipe after the other, whatever -j says: tests and checks share the machine's cores anyway.
.NOTPARALLEL:

help: ## List these tasks
	@awk -F ' *## ' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  make run ARGS="--port 8081 --data /srv/shop" passes arguments on; PYTHON=python3.12 chooses the interpreter'

run: $(VENV)/.installed-run ## Run the whole shop on http://127.0.0.1:8080; Ctrl-C stops it
	@exec $(PY) -P -m inventario up --follow-parent $(ARGS)

install: $(VENV)/.installed-dev ## Install what the tests and checks need

$(VENV)/.installed-%: requirements/%.txt $(DISTRIBUTIONS) scripts/install.sh
	@sh scripts/install.sh $* "$(PYTHON)"

check: $(VENV)/.installed-dev ## Look at the code: ruff, mypy, import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-cache

test: check ## Check, and run every test that Python alone can run
	$(PY) -m pytest -m "not system" $(TESTS)

test-all: packages test ## Also the tests on PostgreSQL 15 and in a browser (Debian: postgresql-15, chromium)
	$(PY) -m pytest -m system $(TESTS)
	INVENTARIO_PG_BIN=$(POSTGRES_15) $(PY) -m pytest -m "not system" --ignore inventario-retail/tests/stack inventario-retail/tests $(wildcard tests)

.PHONY: packages
packages:
	@sh scripts/need.sh postgresql-15 $(POSTGRES_15)/postgres chromium chromium

bench: $(VENV)/.installed-dev ## Measure; prints figures and keeps the raw results in bench/results
	@set -e; for script in bench/*.py; do echo "== $$script"; $(PY) "$$script"; done

docs: $(VENV)/.installed-dev ## Write the parts of docs/ that come from code
	$(PY) scripts/document.py

lock: ## Write requirements/*.txt anew from *.in
	@sh scripts/lock.sh "$(PYTHON)"

format: $(VENV)/.installed-dev ## Bring the code into the house's format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## Remove what was installed and cached; the shop in var stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find brownout inventario-retail bench tests -type d -name __pycache__ -prune -exec rm -rf {} +
