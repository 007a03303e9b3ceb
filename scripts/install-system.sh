#!/bin/sh
# Makes sure the machine has what Python packages cannot bring. Installs only what is missing, and only as root
# on a Debian-like system; otherwise says what to install. All words go to stderr: stdout belongs to the command.
#
#   scripts/install-system.sh base     python3 with venv; Node.js and npm to build the page
#   scripts/install-system.sh test     that, and Chromium, mosquitto_pub and a PostgreSQL server for the tests
set -eu
what=${1:-base}
python=${PYTHON:-python3}

say() { echo "install-system: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
node_major() { node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }

needed=""
wanted=""
have "$python" || needed="$needed python3"
"$python" -c 'import ensurepip, venv' 2>/dev/null || needed="$needed python3-venv"
if [ -f web/package-lock.json ]; then
    have node || needed="$needed nodejs"
    have npm || needed="$needed npm"
fi
if [ "$what" = test ]; then
    have chromium || have chromium-browser || have google-chrome || wanted="$wanted chromium"
    have mosquitto_pub || wanted="$wanted mosquitto-clients"
    have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || wanted="$wanted postgresql"
fi

if [ -n "$needed$wanted" ] && [ "$(id -u)" = 0 ] && have apt-get; then
    say "installing$needed$wanted"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # lists of names
    if apt-get update -q >&2 && apt-get install -q -y --no-install-recommends $needed $wanted >&2; then
        needed=""
        wanted=""
    fi
fi
if [ -n "$wanted" ]; then
    say "not here:$wanted (on Debian: apt-get install$wanted); the tests that need them are skipped"
fi
if [ -n "$needed" ]; then
    say "missing:$needed. Install these (on Debian: apt-get install$needed) and run make again."
    exit 2
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "Python 3.11 or newer is needed, found $("$python" --version 2>&1); name another with: make PYTHON=..."
    exit 2
fi
major=$(node_major)
if [ -f web/package-lock.json ] && [ "${major:-0}" -lt 20 ]; then
    say "Node 20 or newer is needed to build the page, found $(node --version); see https://nodejs.org"
    exit 2
fi
