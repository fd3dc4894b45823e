#!/bin/sh
# Writes the locks: with hashes, for every platform, without the address of any index. Usage: scripts/lock.sh PYTHON
set -eu
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$1" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv
compile() {
    "$tools/bin/uv" pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header "$@"
}
compile requirements/run.in -o requirements/run.txt
# The tests run on what the shop runs on.
compile requirements/dev.in --constraint requirements/run.txt -o requirements/dev.txt
# What brownout is measured against, in an environment of its own.
compile requirements/peers.in -o requirements/peers.txt
