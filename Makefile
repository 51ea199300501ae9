# `make run` and `make test` set up what they need by themselves; the second time is quick.
.DEFAULT_GOAL := help
.PHONY: help run test check unit money page bench core clean

PYTHON ?= python3
CONFIG ?=
VENV := .venv
PY := $(VENV)/bin/python
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
PAGE := cryptock
PAGE_READY := $(PAGE)/node_modules/.ready
PAGE_BUILT := $(PAGE)/dist/.built
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(RUN_READY) ## market, xWrap, Cryptick, a paper run and the page until Ctrl-C (CONFIG=settings-sample.json: the real exchanges)
	@devops/debian-packages.sh nodejs npm
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory $(PAGE_BUILT)
	@$(MAKE) --no-print-directory core
	@$(PY) -m devops.launch $(if $(CONFIG),--config $(CONFIG))

test: check unit money page ## all checks and tests

check: $(TEST_READY) ## format, lint, types and import contracts
	@echo "== ruff format";  $(VENV)/bin/ruff format --check --quiet . || { echo "run: $(VENV)/bin/ruff format ."; exit 1; }
	@echo "== ruff check";   $(VENV)/bin/ruff check --quiet .
	@echo "== mypy";         $(VENV)/bin/mypy
	@echo "== lint-imports"; $(VENV)/bin/lint-imports --no-logo

unit: $(TEST_READY) ## the tests with coverage
	@devops/debian-packages.sh
	@echo "== nose2"
	@$(VENV)/bin/coverage erase
	@$(PY) -W error -m coverage run -m nose2 -s tests -t .; status=$$?; \
	  $(VENV)/bin/coverage combine --quiet; $(VENV)/bin/coverage report --skip-covered --skip-empty | tail -25; exit $$status

money: $(TEST_READY) ## the tests that money depends on, against the compiled core
	@$(MAKE) --no-print-directory core
	@echo "== unittest, compiled core"
	@CRYPTICK_PURE=0 $(PY) -W error -m devops.compiled_tests

page: $(TEST_READY) ## the page's checks, its tests with coverage, and a person's way through it
	@devops/debian-packages.sh nodejs npm chromium
	@$(MAKE) --no-print-directory $(PAGE_BUILT)
	@echo "== page: format, lint, types"; cd $(PAGE) && npm run --silent check
	@echo "== page: tests";               cd $(PAGE) && npm test --silent
	@echo "== page: services and browser"; cd $(PAGE) && npm run --silent e2e

bench: $(TEST_READY) ## the benchmarks, as ratios in one run
	@$(MAKE) --no-print-directory $(BENCH_READY) || echo "the peers can't be installed: they are left out"
	@$(MAKE) --no-print-directory core
	@$(PY) -m benchmarks

core: $(RUN_READY) ## compile the core, where there is a C compiler
	@needs=$$($(PY) -m devops.compile --needs); [ -z "$$needs" ] || devops/debian-packages.sh $$needs
	@$(PY) -m devops.compile

clean: ## remove what was built, but not var/ (your data)
	rm -rf $(PAGE)/node_modules $(PAGE)/dist $(PAGE)/coverage
	rm -rf $(VENV) $(BENCH_VENV) .mypy_cache .ruff_cache .hypothesis .coverage*

$(PY):
	@echo "creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements.lock | $(PY)
	@echo "installing the locked dependencies (about half a minute the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

$(TEST_READY): requirements-test.lock | $(PY)
	@echo "installing the locked dependencies with the test tools (about a minute the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-test.lock
	@touch $@ $(RUN_READY)

$(PAGE_READY): $(PAGE)/package-lock.json $(PAGE)/package.json
	@echo "installing the page's locked dependencies (about half a minute the first time)"
	@# `npm ci` refuses a lock file without the packages of other systems
	@cd $(PAGE) && npm install --no-save --ignore-scripts --silent --no-audit --no-fund
	@touch $@

$(PAGE_BUILT): $(PAGE_READY) $(PAGE)/index.html $(PAGE)/vite.config.ts $(shell find $(PAGE)/src $(PAGE)/public -type f)
	@echo "building the page"
	@cd $(PAGE) && npm run --silent build -- --logLevel warn
	@touch $@

$(BENCH_READY): requirements-bench.lock
	@echo "installing the peers of the benchmarks (about a minute the first time)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.lock
	@touch $@
