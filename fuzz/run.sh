#!/usr/bin/env bash
# Fuzzes the targets one after the other, each for so many seconds of CPU, and says what it did: fuzz/run.sh SECONDS [TARGET…]
#
# A stable compiler is enough: the code is instrumented by LLVM's own pass, without a sanitizer, which code without
# `unsafe` can do without. What is found stays in fuzz/corpus, what fails in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET…]}
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz_targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

host=$(rustc -vV | sed -n 's/^host: //p')
passes=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1
)
# With a target named, build scripts stay as they are.
RUSTFLAGS="--cfg fuzzing ${passes[*]}" cargo build --locked --quiet --release --bins --target "$host" --target-dir target

failed=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT
TIMEFORMAT='%U %S'
printf '%-16s %12s %10s %8s %8s\n' target executions exec/s edges cpu
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    options=(-timeout=10 -print_final_stats=1 -artifact_prefix="artifacts/$target/")
    if [ -f "dictionaries/$target" ]; then
        options+=(-dict="dictionaries/$target")
    fi
    cpu=0 runs=0 edges='?'
    # Where others use the machine, too, an hour has fewer seconds of CPU.
    while [ "$cpu" -lt "$seconds" ]; do
        status=0
        used=$({ time "target/$host/release/$target" "${options[@]}" -max_total_time=$((seconds - cpu)) \
            "corpus/$target" "seeds/$target" 2>"$log"; } 2>&1) || status=$?
        cpu=$(awk -v cpu="$cpu" -v used="$used" 'BEGIN { split(used, of, " "); printf "%.0f", cpu + of[1] + of[2] + 0.5 }')
        runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | grep . || echo 0)))
        edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        if [ $status -ne 0 ]; then
            failed+=("$target")
            grep -A 3 'panicked at\|^SUMMARY\|Test unit written' "$log" || tail -n 20 "$log"
            break
        fi
    done
    printf '%-16s %12s %10s %8s %8s\n' "$target" "$runs" $((runs / cpu)) "${edges:-?}" "$cpu"
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}; see fuzz/artifacts" >&2
    exit 1
fi
