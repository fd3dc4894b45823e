#!/bin/sh
# Makes .venv and installs what `requirements/$1.txt` locks, with our own two distributions. Usage: scripts/install.sh run|dev PYTHON
set -eu
which="$1" python="$2" venv=.venv

fail() {
    echo "install: $*" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "There is no $python. Install Python 3.11 or newer (Debian, Ubuntu: apt-get install python3 python3-venv), or name yours: make run PYTHON=python3.12"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed, $python is $("$python" -c 'import platform; print(platform.python_version())'). Install a newer one (Debian 12: apt-get install python3 python3-venv), or name yours: make run PYTHON=python3.12"
# Debian ships the standard library in pieces; without ensurepip an environment is made that has no pip.
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module. Install it (Debian, Ubuntu: apt-get install python3-venv), then repeat the command."

mkdir -p "$venv" 2>/dev/null && [ -w "$venv" ] ||
    fail "$PWD/$venv may not be written by this user. Correct the owner of $PWD, or clone into a directory of your own."
# An environment knows its own place: one that was moved, or cut off while it was made, is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 || [ "$(cat "$venv/.place" 2>/dev/null || echo "$PWD")" != "$PWD" ]; then
    echo "Making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || fail "The environment could not be made; the lines above say why."
fi
printf '%s' "$PWD" >"$venv/.place"

quiet=--quiet
[ -t 1 ] && quiet=
echo "Installing requirements/$which.txt into $venv; the first time this takes half a minute or more"
# The build tools are locked as well, so that nothing but what is locked is ever downloaded.
"$venv/bin/python" -m pip install $quiet --disable-pip-version-check --require-hashes -r "requirements/$which.txt" &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e brownout -e inventario-retail ||
    fail "pip could not install; the lines above say why. Without a network or on a full disk this cannot work; after that is mended, repeat the command."
# Compiled now, so that the first start does not have to.
"$venv/bin/python" -m compileall -q brownout/src inventario-retail/src || true
touch "$venv/.installed-$which"
