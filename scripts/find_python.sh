#!/usr/bin/env bash
# Prints a Python that can run this project, or says in one sentence why there is none.
#
#     scripts/find_python.sh [PYTHON]
#
# Without an argument it takes python3 if its version fits, else the newest that does.
set -euo pipefail

in_range='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

runs_project() {
    "$1" -c "$in_range" >/dev/null 2>&1
}

for candidate in ${1:-python3 python3.13 python3.12 python3.11}; do
    if runs_project "$candidate"; then
        if ! "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$candidate: expected the modules venv and ensurepip, to make a virtual" \
                "environment, found none (on Debian and Ubuntu: apt-get install python3-venv)" >&2
            exit 1
        fi
        command -v "$candidate"
        exit 0
    fi
done

if [[ -n ${1:-} ]]; then
    found=$("$1" --version 2>/dev/null || echo none)
    echo "PYTHON=$1: expected Python 3.11, 3.12 or 3.13, found $found" >&2
else
    echo "expected Python 3.11, 3.12 or 3.13 on the PATH, found none; if it is elsewhere:" \
        "make PYTHON=/path/to/python3.12" >&2
fi
exit 1
