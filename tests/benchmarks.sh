#!/usr/bin/env bash
# Measures everything and writes BENCHMARKS.md: tests/benchmarks.sh [PART…]
#
# A part alone is measured anew, and the others stay as they were measured last in target/benchmarks. Clocks want a machine
# that does nothing else; the instructions do not mind.
set -euo pipefail
cd "$(dirname "$0")/.."
raw=target/benchmarks
export LTI_AGS_PLOTS=$PWD/tests/benches/plots
mkdir -p "$raw" "$LTI_AGS_PLOTS"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(post_score signature models pages throughput concurrent passback bulk listing memory instructions adopt peers)

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
        signature)
            bench lti-ags signature 1
            cargo bench --quiet --locked -p lti-ags --bench signature --no-default-features --features rust-crypto
            ;;
        models) bench lti-ags models 1 ;;
        throughput)
            bench lti-ags-testing throughput 0
            for _ in 1 2 3; do
                taskset --cpu-list 0 cargo bench --quiet --locked -p lti-ags-testing --bench throughput
            done
            ;;
        passback | listing) bench lti-ags-testing "$1" 3 ;;
        pages | concurrent | bulk | memory) bench lti-ags-testing "$1" 1 ;;
        peers)
            tests/benches/peers/install.sh target/peers >&2
            LTI_AGS_PEERS=$PWD/target/peers bench lti-ags-testing peers 1
            ;;
        instructions) sed '/^#/d' core/benches/instructions.txt ;;
        adopt)
            adopt 'core, no backend' -p lti-ags --no-default-features
            adopt 'core, rust-crypto' -p lti-ags --no-default-features --features rust-crypto
            adopt 'core, aws-lc-rs' -p lti-ags --no-default-features --features aws-lc-rs
            adopt 'lti-ags-ureq' -p lti-ags-ureq
            adopt 'lti-ags-hyper' -p lti-ags-hyper
            adopt '`ags`' -p lti-ags-ureq --features cli
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

# found PART LINES BEFORE: the numbers behind so many words, in those lines of a part.
found() {
    grep -E "$2" "$raw/$1" 2>/dev/null | grep -oE "$3 *[0-9.]+" | grep -oE '[0-9.]+$' || true
}

# goal TEXT least|most LIMIT NUMBERS…: whether all, none or some of them are as they should be.
goal() {
    local text=$1 sense=$2 limit=$3
    shift 3
    awk -v text="$text" -v sense="$sense" -v limit="$limit" -v numbers="$*" 'BEGIN {
        count = split(numbers, number, " ")
        for (i in number) if (sense == "least" ? number[i] >= limit : number[i] <= limit) met++
        verdict = !count ? "not measured" : met == count ? "met" : met ? "met in " met " of " count : "**not met**"
        print "| " text " | " (sense == "least" ? "≥ " : "≤ ") limit " | " numbers " | " verdict " |"
    }'
}

# By how much the ratio with a journal is below that without, in a hundred.
journal_cost() {
    paste <(found passback ^hyper '; ratio') <(found passback ^hyper 'ratio [0-9.]+, with a journal') |
        awk 'NF == 2 { printf "%.1f\n", (1 - $2 / $1) * 100 }'
}

goals() {
    goal 'one after another, of bare ureq with a limit for the whole request' least 0.95 $(found throughput ^ureq, ratio)
    goal 'the same, of the quickest bare ureq' least 0.95 $(found throughput ^ureq: ratio)
    goal 'one after another, of bare hyper-util' least 0.95 $(found throughput ^hyper ratio)
    goal '64 at a time, of bare hyper-util' least 0.9 $(found concurrent '^ *64 ' ratio)
    goal 'pages of 1,000, of a derived struct' least 1.0 $(found models µs 'derived +[0-9]+ µs [(]')
    goal 'the same, if their bytes are known to be text' least 1.0 $(found models µs 'from_str +[0-9]+ µs [(]')
    goal 'a million results, MiB' most 24 $(found listing held held)
    goal 'lists over ureq, of the bare client' least 0.9 $(found listing ^ureq 'second,')
    goal 'lists over hyper, of the bare client' least 0.9 $(found listing ^hyper 'second,')
    goal 'one score through the core, of its floor' most 1.5 $(found post_score time ratio)
    goal 'allocations of one score' most 10 $(found post_score ^allocations 'score:')
    goal '100,000 scores over hyper, of bare hyper-util' least 0.9 $(found passback ^hyper 'ratio')
    goal 'what the journal costs of it, in a hundred' most 15 $(journal_cost)
    goal 'the core with rust-crypto, seconds to build' most 30 $(found adopt rust-crypto '[|] [0-9]+ [|]')
}

cat >BENCHMARKS.md <<END
# Benchmarks

Written by \`tests/benchmarks.sh\`, which measures it all again. On $(sed -n 's/^model name\t*: //p' /proc/cpuinfo | sort -u | head -n 1),
$(nproc) cores, with Rust $(rustc --version | cut -d ' ' -f 2).

Every figure that takes a clock is a ratio to a *floor* in the same run: the HTTP client below a transport, which sends the
same bytes, or \`serde_json\` with a derived struct. The two take short turns, so that what else the machine does falls on
both; each benchmark says what its ratio is of. The embedded platform answers on the same cores: on loopback it is most of
the work, and beside a real platform's tenths of a second all of this is next to nothing.

## What was aimed at

| | goal | measured, each run | |
|---|---|---|---|
$(goals)

What others use has goals of its own, [below](#what-others-use).

## One score through the core

The request made and the answer read, beside a derived struct, \`serde_json\` and an \`http::Request\` built from parts. Goal: 1.5
times that at most, and 10 allocations.

$(told post_score)

## A signature

One RSA-2048 signature of each backend, and the whole request for a token that holds one. With AWS-LC,
jsonwebtoken reads and checks the key again for each signature: half a millisecond, once an hour.

$(told signature)

## Scores one after another

10,000 of them over each transport, and over the client below it. Goal: 0.95. Client and platform have one core, so that the
time is what both compute: on two, whether the kernel leaves them on one core or wakes the other for each request makes the
rate of either side three times as high or as low, for a whole run. Where a whole request has a time limit, ureq looks the host
up on a new thread, each time; ours remembers for ten seconds where a host was. The quickest ureq has a limit for each phase
but the lookup.

$(told throughput)

## Many scores at a time

20,000 of them over hyper, and over hyper-util alone, on both cores. Goal at 64: 0.9. Few at a time are told by where the
kernel lets them run.

$(told concurrent)

![Scores a second, by how many are on their way at a time](tests/benches/plots/concurrent.svg)

## A course's worth

100,000 scores in bulk, with a journal and without, and the client below alone. Goal: 0.9 over hyper, and 15 % for the
journal.

$(told passback)

With a journal, over hyper, from a thousand scores to a million: the time of a score stays what it is, and memory grows by some
150 bytes a score, which hold whom it was for and when.

$(told bulk)

![Time of each score of a passback](tests/benches/plots/bulk-time.svg)

![Most memory that a passback holds](tests/benches/plots/bulk-memory.svg)

## Lists

Results page by page, over each transport and over the client below it.

$(told listing)

## Pages, read

1,000 members of a list, with all that platforms add kept, beside a derived struct that drops it. Goal: 1.0.

$(told models)

Results of ten to ten thousand in a page, through the whole core: the request for the page is in it, which is most of what
ten of them cost.

$(told pages)

![Time of each result of a page that is read](tests/benches/plots/pages.svg)

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

Goal: the core with the pure-Rust backend in 30 s on two cores. More than a fifth of what it takes is jsonwebtoken and the
crates that only it and the key's own checks need; \`url\`'s tables of Unicode, the procedural macros' parsers, dates and
\`serde_json\` are most of the rest. What each direct dependency of the core is for:

| | |
|---|---|
| http | the requests and responses that are handed out and taken in |
| bytes | their bodies, which are sent again without a copy |
| url | line items' and services' addresses, by the same rules as browsers and platforms |
| percent-encoding | members of a query that are added to them |
| serde, serde_json | claims, line items, scores, results, stored registrations |
| jsonwebtoken | assertions: their header, claims and signature |
| aws-lc-rs; rsa, p256, p384 | keys: made, read in every form, checked; only those of the backend that is chosen |
| base64 | the parts of keys in PEM and JWK, and of assertions |
| zeroize | key material and tokens, wiped when they are dropped |
| jiff | timestamps, read tolerantly and written as ISO 8601 |
| httpdate | dates in \`Retry-After\` and \`Date\` |
| fastrand | jitter, and an assertion's id, from the seed that is handed in |
| crc32fast | a journal's lines, told from torn ones |
| thiserror | the errors' texts |

## What others use

The same work by other clients, against the same platform, each through its own interface in the best configuration it is
documented with ([tests/benches/peers](tests/benches/peers)); and the loop that a good engineer writes with reqwest.

![Time of each score, one after another, on one core with the platform](tests/benches/plots/peers.svg)

A ratio is a client's time by ours for as much work: above 1, it is slower. Each run is a process of its own. Its time is
from the first call, which fetches the token, to the last answer, without the start of an interpreter and the loading of
modules; the processor's time is the client's alone in that span, and the memory the most that its process held. The rounds
are interleaved; told are the median of three, the least and the most. Which scores arrived, and how many tokens were asked
for, is what the platform saw; results are counted by the client.

One request at a time needs one core at a time: on one core with the platform, the time is what both compute. On two, each
score waits twice for the other core to wake. That is as long for every client, and, on a virtual machine, as long as all
that a quick one computes. Those ratios move with whatever else the machine does: to PyLTI1p3, from 5.9 to 10.9 in six runs on
two machines, so that 10 on two cores is not met, whatever the table below says of one run.

What the first score costs (the token, a signature, and in ours and the reqwest loop AWS-LC's gathering of entropy, once a
process) is in all other times, and has a table of its own.

$(cat "$raw/peers" 2>/dev/null || echo '(not measured)')

- **PyLTI1p3** keeps tokens for ever, and connections in a \`requests.Session\`. It reads the first page of results and has no way
  to the next. Many at a time are 16 threads, each with a service of its own: a session is not said to be safe to share.
- **pylti1p3next**, its fork, pages. Where tokens are kept is left to the tool: here, in memory until they expire.
- **@lti-tool/core** asks for a token for each call, and reads the first page of results. Node does not load it as it is published:
  esbuild bundles it here.
- **ltijs** wants a database. Here it is a few arrays in memory, faster than any it is documented with. It makes a token request
  for each call that finds no token yet. The caller takes it from page to page.
- **atomic-lti** writes a score's members in snake case, which no platform takes: its times for scores are those of refusals. It
  makes a client, with a TLS configuration and a connection, for each call, so that 100 scores have to do. It reads the
  first page of results.
- **The reqwest loop** has one client, a token until it expires, \`error_for_status\`, and \`split\` for the next link. It has no
  retries, limits or pacing, and sends its token wherever a link says.
- **Ours** do all that they always do. Many at a time are \`pass_back\`, with an outcome for each score.

Not compared: clients in PHP, Java, .NET, Ruby, Go and Elixir; TLS; and platforms that are far away, where the time is theirs.
END
