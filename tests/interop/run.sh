#!/usr/bin/env bash
# Our clients against the platforms of others, and the clients of others against our platform: see README.md.
#
#     tests/interop/run.sh [FOLDER]
#
# FOLDER keeps what is installed and built for the next run; without it, a temporary one is removed at the end.
# Says each step's name and time, and stops at the first that fails or takes too long. The exit code is 0 if all is well,
# 1 if something failed, and 77 if nothing failed but something was not checked: it could not be had here, or this script
# was stopped from outside before it came to it. What was not checked is said at the end.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1 CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

# As all tests are built: after them, there is nothing left to build.
all=(--workspace --all-features)

keep=${1:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/lti-ags-interop.XXXXXX")
mkdir -p "${keep:=$work/kept}"
keep=$(cd "$keep" && pwd)

skipped=()
# What is checked now, and what after it.
now=
left=(lti1p3platform PyLTI1p3 'Open edX' atomic-lti)
stopped=
running=()
busy=
database=
current='(none)'

# Ends whatever was started, by its id, the latest first.
finish() {
    local status=$? at
    trap - EXIT
    trap '' INT TERM HUP
    [ -z "$busy" ] || kill "$busy" 2>/dev/null || true
    for ((at = ${#running[@]} - 1; at >= 0; at--)); do
        kill "${running[at]}" 2>/dev/null || true
        wait "${running[at]}" 2>/dev/null || true
    done
    if [ -n "$database" ]; then
        as_database_user "$postgres/pg_ctl" -D "$database/data" -m immediate stop >/dev/null 2>&1 || true
        rm -rf "$database"
    fi
    if [ -n "$stopped" ]; then
        printf '\n!!! STOPPED from outside after %d s, in: %s. Nothing had failed until then.\n' "$SECONDS" "$current" >&2
        left=(${now:+"$now"} ${left[@]+"${left[@]}"})
    elif [ $status -ne 0 ] && [ $status -ne 77 ]; then
        printf '\n!!! FAILED: %s\n' "$current" >&2
    fi
    [ ${#skipped[@]} -eq 0 ] || printf '!!! NOT CHECKED: %s\n' "${skipped[@]}" >&2
    [ ${#left[@]} -eq 0 ] || printf '!!! NOT CHECKED: %s (not done)\n' "${left[@]}" >&2
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'stopped=yes; exit 77' INT TERM HUP

# within SECONDS COMMAND...: waits in a way that a signal to this script ends.
within() {
    local status=0
    timeout --kill-after=10 "$@" &
    busy=$!
    wait "$busy" || status=$?
    busy=
    return $status
}

# step NAME SECONDS COMMAND...
step() {
    local start=$SECONDS budget=$2
    current=$1
    printf '\n=== %s\n' "$1"
    within "$budget" "${@:3}" || over "$budget" $?
    printf '=== %s: ok, %d of %d s\n' "$1" $((SECONDS - start)) "$budget"
}

# over SECONDS STATUS: ends, and says so if it was for the time; what hangs is a failure, too.
over() {
    case $2 in
        124 | 137) current+=" (not done in the $1 s that it may take)" ;;
    esac
    exit 1
}

# The same, of what may not be had: tells whether it was.
attempt() {
    local start=$SECONDS budget=$2
    current=$1
    printf '\n=== %s\n' "$1"
    if within "$budget" "${@:3}"; then
        printf '=== %s: ok, %d of %d s\n' "$1" $((SECONDS - start)) "$budget"
    else
        printf '!!! %s: could not be done, after %d of %d s\n' "$1" $((SECONDS - start)) "$budget" >&2
        return 1
    fi
}

skip() {
    skipped+=("$1")
    printf '\n!!! SKIPPED: %s\n' "$1" >&2
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

# environment NAME: what tests/interop/NAME/requirements.txt asks for, in a virtual environment.
environment() {
    [ -n "$python" ] || return 1
    [ -x "$keep/$1/bin/python" ] || attempt "$1: virtual environment" 120 nice "$python" -m venv "$keep/$1" || return 1
    attempt "$1: install" 600 nice "$keep/$1/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check -r "$here/$1/requirements.txt"
}

# serve NAME COMMAND...: starts what writes its URL into the file that is its last argument; $url is that URL.
serve() {
    local name=$1 file=$work/$1.url log=$work/$1.log
    current="$name: start (at most 30 s)"
    "${@:2}" "$file" >"$log" 2>&1 &
    local id=$! patience=300
    running+=("$id")
    until [ -s "$file" ]; do
        if ! kill -0 "$id" 2>/dev/null || [ $((patience -= 1)) -eq 0 ]; then
            tail -n 20 "$log" >&2
            exit 1
        fi
        sleep 0.1
    done
    url=$(<"$file")
    printf '\n=== %s: serves %s, process %d\n' "$name" "$url" "$id"
}

# scenarios NAME SECONDS FILTER...: tests of tests/tests/interop, of which there have to be some.
scenarios() {
    local log=$work/$1.tests
    step "$1: scenarios, over both transports" "$2" bash -o pipefail -c '"$@" 2>&1 | tee "$0"' "$log" \
        cargo test --quiet --locked "${all[@]}" --test interop -- --ignored --nocapture --test-threads 1 "${@:3}"
    if ! grep -q '^test result: ok\. [1-9]' "$log"; then
        printf 'no test was run\n' >&2
        exit 1
    fi
}

# PostgreSQL refuses to be run by root.
as_database_user() {
    if [ "$(id -u)" -eq 0 ]; then
        runuser -u "$database_user" -- "$@"
    else
        "$@"
    fi
}

find_postgres() {
    local folder
    for folder in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
        "$(dirname "$(command -v initdb || echo /nowhere/initdb)")"; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done
}

open_edx() {
    postgres=$(find_postgres)
    if [ -z "$postgres" ]; then
        skip 'Open edX (no PostgreSQL server here: initdb, pg_ctl; apt-get install postgresql)'
        return
    fi
    if ! environment open_edx; then
        skip 'Open edX (its package cannot be installed here)'
        return
    fi
    database_user=$(id -un)
    [ "$(id -u)" -ne 0 ] || database_user=$(id -un postgres 2>/dev/null || echo nobody)
    database=$(mktemp -d "${TMPDIR:-/tmp}/lti-ags-db.XXXXXX")
    chown "$database_user" "$database"
    cd "$database"
    export CAMPUS_DATABASE_SOCKET=$database CAMPUS_URL=http://127.0.0.1 DJANGO_SETTINGS_MODULE=settings
    export -f as_database_user
    export postgres database database_user
    if ! attempt 'Open edX: database cluster' 120 bash -c 'as_database_user "$postgres/initdb" -D "$database/data" \
        -U campus --auth=trust --no-locale -E UTF8 --no-sync >/dev/null'; then
        cd "$root"
        skip 'Open edX (PostgreSQL makes no database here)'
        return
    fi
    # It listens on its socket alone. What a power cut would lose was for a test.
    step 'Open edX: database' 60 bash -c 'as_database_user "$postgres/pg_ctl" -D "$database/data" -l "$database/log" \
        -w -t 50 -o "-c listen_addresses= -k $database -c fsync=off" start >/dev/null'
    cd "$here/open_edx"
    local manage=("$keep/open_edx/bin/python" -m django migrate --verbosity 0)
    step 'Open edX: tables' 120 "${manage[@]}"
    step 'Open edX: tables of the campus' 60 "${manage[@]}" --run-syncdb
    serve open_edx "$keep/open_edx/bin/python" "$here/open_edx/serve.py"
    cd "$root"
    export LTI_AGS_INTEROP_OPEN_EDX=$url
    export LTI_AGS_INTEROP_AGS=$target/debug/ags
    scenarios 'Open edX' 1200 open_edx:: reproduction:: check::
}

lti1p3platform() {
    if ! environment lti1p3platform; then
        skip 'lti1p3platform (its package cannot be installed here)'
        return
    fi
    serve lti1p3platform "$keep/lti1p3platform/bin/python" "$here/lti1p3platform/serve.py"
    export LTI_AGS_INTEROP_LTI1P3PLATFORM=$url
    scenarios lti1p3platform 300 lti1p3platform::
}

# judge NAME PEER...: a client of others against the embedded platform.
judge() {
    step "$1, against the embedded platform" 300 "$python" "$here/peers/judge.py" \
        --platform "$target/debug/ags-platform" --findings "$here/peers/findings/$1.json" "${@:2}"
}

pylti1p3() {
    if environment peers; then
        judge pylti1p3 "$keep/peers/bin/python" "$here/peers/pylti1p3_peer.py"
    else
        skip 'PyLTI1p3 (its package cannot be installed here)'
    fi
}

atomic_lti() {
    local manifest=$here/peers/atomic-lti/Cargo.toml
    if [ -z "$python" ] || ! attempt 'atomic-lti: download' 300 cargo fetch --quiet --locked --manifest-path "$manifest"; then
        skip 'atomic-lti (cannot be downloaded here, or there is no Python 3.11)'
        return
    fi
    # It builds an OpenSSL of its own, for minutes, unless it is told of one.
    if pkg-config --exists 'openssl >= 1.1.1' 2>/dev/null; then
        export OPENSSL_NO_VENDOR=1
    fi
    if ! attempt 'atomic-lti: build' 1500 nice cargo build --quiet --locked --manifest-path "$manifest" \
        --target-dir "$keep/atomic-lti"; then
        skip 'atomic-lti (cannot be built here)'
        return
    fi
    judge atomic-lti "$keep/atomic-lti/debug/atomic-lti-peer"
}

cd "$root"
python=$(find_python)
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
step 'build: the embedded platform, and the command' 900 nice cargo build --quiet --locked "${all[@]}" --bin ags-platform --bin ags
step 'build: the scenarios' 900 nice cargo test --quiet --locked "${all[@]}" --test interop --no-run
# In the order of `left`: last is what takes longest to be built.
for part in lti1p3platform pylti1p3 open_edx atomic_lti; do
    now=${left[0]}
    left=("${left[@]:1}")
    "$part"
done
now=

[ -n "$python" ] || printf '!!! there is no Python 3.11 or later with venv here\n' >&2
printf '\n=== all that was checked is well, %d s\n' "$SECONDS"
[ ${#skipped[@]} -eq 0 ] || exit 77
