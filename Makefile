# `make run` and `make test` set up what they need by themselves; the second time is quick.
.DEFAULT_GOAL := help
.PHONY: help run test check unit bench clean

PYTHON ?= python3
CONFIG ?=
VENV := .venv
PY := $(VENV)/bin/python
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(RUN_READY) ## market, xWrap, Cryptick and a paper run until Ctrl-C (CONFIG=settings-sample.json: the real exchanges)
	@$(PY) -m devops.launch $(if $(CONFIG),--config $(CONFIG))

test: check unit ## all checks and tests

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

bench: $(TEST_READY) ## the benchmarks, as ratios in one run
	@$(MAKE) --no-print-directory $(BENCH_READY) || echo "the peers can't be installed: they are left out"
	@$(PY) -m benchmarks

clean: ## remove what was built, but not var/ (your data)
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

$(BENCH_READY): requirements-bench.lock
	@echo "installing the peers of the benchmarks (about a minute the first time)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.lock
	@touch $@
