#!/bin/sh
# Makes an environment of its own with brownout and what is named. Usage: scripts/separate.sh DIRECTORY PYTHON PIP-ARGUMENT...
set -eu
venv="$1" python="$2"
shift 2
command -v "$python" >/dev/null 2>&1 || {
    echo "separate: There is no $python. Name one that is installed: PYTHON=python3.13" >&2
    exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e brownout
