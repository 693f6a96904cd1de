#!/usr/bin/env bash
# Measures everything and writes BENCHMARKS.md: tests/benchmarks.sh [PART…]
#
# A part alone is measured anew, and the others stay as they were measured last in target/benchmarks. Clocks want a machine
# that does nothing else; the instructions and the cost to adopt do not mind.
set -euo pipefail
cd "$(dirname "$0")/.."
raw=target/benchmarks
mkdir -p "$raw"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(post_score models throughput concurrent passback listing memory instructions adopt)

# bench PACKAGE NAME TIMES: what it prints, so many times over.
bench() {
    cargo bench --quiet --locked -p "$1" --bench "$2" --no-run
    for _ in $(seq "$3"); do
        cargo bench --quiet --locked -p "$1" --bench "$2"
    done
}

# adopt NAME ARGUMENTS…: crates, seconds of a build from nothing, bytes of the program if there is one.
adopt() {
    local name=$1 folder crates begun seconds size=''
    shift
    folder=$(mktemp -d)
    crates=$(cargo tree --locked --edges normal --prefix none --format '{p}' "$@" | sed 's/ (\*)$//' | sort -u | wc -l)
    begun=$(date +%s.%N)
    cargo build --quiet --locked --release --target-dir "$folder" "$@"
    seconds=$(awk -v begun="$begun" -v ended="$(date +%s.%N)" 'BEGIN { printf "%.0f", ended - begun }')
    [ ! -x "$folder/release/ags" ] || size=$(awk -v bytes="$(stat -c %s "$folder/release/ags")" 'BEGIN { printf "%.1f MB", bytes / 1e6 }')
    rm -rf "$folder"
    echo "| $name | $((crates - 1)) | $seconds | $size |"
}

measure() {
    case $1 in
        post_score) bench lti-ags post_score 3 ;;
        models) bench lti-ags models 1 ;;
        throughput | concurrent | passback | listing) bench lti-ags-testing "$1" 3 ;;
        memory) bench lti-ags-testing memory 1 ;;
        instructions) sed '/^#/d' core/benches/instructions.txt ;;
        adopt)
            adopt 'core, no backend' -p lti-ags --no-default-features
            adopt 'core, rust-crypto' -p lti-ags --no-default-features --features rust-crypto
            adopt 'core, aws-lc-rs' -p lti-ags --no-default-features --features aws-lc-rs
            adopt 'lti-ags-ureq' -p lti-ags-ureq
            adopt 'lti-ags-hyper' -p lti-ags-hyper
            adopt '`ags`' -p lti-ags-ureq --features cli --bin ags
            ;;
        *)
            echo "no part is called $1" >&2
            exit 2
            ;;
    esac
}

for part in "${parts[@]}"; do
    echo "=== $part" >&2
    measure "$part" >"$raw/$part.new"
    mv "$raw/$part.new" "$raw/$part"
done

told() {
    printf '```text\n'
    grep . "$raw/$1" || echo '(not measured)'
    printf '```\n'
}

cat >BENCHMARKS.md <<END
# Benchmarks

Written by \`tests/benchmarks.sh\`, which measures it all again. On $(sed -n 's/^model name\t*: //p' /proc/cpuinfo | sort -u | head -n 1),
$(nproc) cores, with Rust $(rustc --version | cut -d ' ' -f 2).

Every figure that takes a clock is a ratio to a *floor* in the same run: the HTTP client below a transport, which sends the
same bytes, or \`serde_json\` with a derived struct. The two take short turns, so that what else the machine does falls on
both; each benchmark says what its ratio is of. The embedded platform answers on the same cores: on loopback it is most of
the work, and beside a real platform's tenths of a second all of this is next to nothing.

Not compared yet: clients in other languages.

## One score through the core

The request made and the answer read, beside a derived struct, \`serde_json\` and an \`http::Request\` built from parts. Goal: 1.5
times that at most, and 10 allocations.

$(told post_score)

## Scores one after another

2,000 of them over each transport, and over the client below it. Goal: 0.95. One request at a time over hyper takes a third of
the time where the kernel keeps client and platform on one core, which either side may have for a whole run: compare only
runs in which both rates are near each other.

$(told throughput)

## 64 scores at a time

20,000 of them over hyper, and over hyper-util alone. Goal: 0.9.

$(told concurrent)

## A course's worth

100,000 scores in bulk, with a journal and without, and the client below alone. Goal: 0.9 over hyper, and 15 % for the
journal.

$(told passback)

## Lists

Results page by page, over each transport and over the client below it.

$(told listing)

## Pages, read

1,000 members of a list, with all that platforms add kept, beside a derived struct that drops it. Goal: 1.0.

$(told models)

## Memory

$(told memory)

## Instructions

Counted by callgrind, and the same on any busy machine; CI fails where one grows by 5 %.

$(told instructions)

## The cost to adopt

Crates below it, seconds of a release build from nothing, and the size of the program.

| | crates | seconds | size |
|---|---|---|---|
$(cat "$raw/adopt" 2>/dev/null || echo '| (not measured) | | | |')
END
