#!/bin/sh
# Compiles requirements/*.txt: exact versions with hashes and without any address, so that an install is the
# same everywhere and says nothing about the mirror it came from. Run after changing dependencies; versions
# stay as they are unless asked otherwise:  scripts/lock.sh [--upgrade | --upgrade-package NAME]
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

compile() {
    "$uv" pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
        --no-header --no-annotate "$@"
}

# constraints.txt is the one resolution over every extra (protobuf, for one, differs by extra): all else obeys it.
compile "$@" --all-extras --group dev -o requirements/constraints.txt pyproject.toml
compile --generate-hashes -c requirements/constraints.txt -o requirements/core.txt pyproject.toml
compile --generate-hashes -c requirements/constraints.txt --extra geo --group dev \
    -o requirements/dev.txt pyproject.toml

# Peers of the benchmarks live in environments of their own (.venv-bench/NAME) and obey nothing of ours.
for wanted in requirements/bench-*.in; do
    [ -e "$wanted" ] || continue
    compile "$@" --generate-hashes -o "${wanted%.in}.txt" "$wanted"
done
