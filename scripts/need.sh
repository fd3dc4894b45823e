#!/bin/sh
# Fails, in one line, unless every package's program is there. Usage: scripts/need.sh PACKAGE PROGRAM [PACKAGE PROGRAM]...
set -eu
missing=
while [ $# -gt 1 ]; do
    command -v "$2" >/dev/null 2>&1 || missing="$missing $1"
    shift 2
done
[ -z "$missing" ] && exit 0
echo "These tests need Debian packages that are not installed:$missing. Install them: apt-get install$missing" >&2
exit 1
