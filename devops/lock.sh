#!/usr/bin/env bash
# Lock the dependencies of pyproject.toml with hashes, one resolution for run and test, and one for
# the peers of the benchmarks.
# Needs `uv` on the path; run it only to change versions, and commit the files.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--universal --python-version 3.11 --generate-hashes
         --no-annotate --no-header --quiet)
# The test extra pins more exactly (ccxt), so it is resolved first and bounds the other.
uv pip compile "${options[@]}" "$@" pyproject.toml --extra test -o requirements-test.lock
uv pip compile "${options[@]}" "$@" pyproject.toml -c requirements-test.lock -o requirements.lock
uv pip compile "${options[@]}" "$@" --group pyproject.toml:bench -o requirements-bench.lock
