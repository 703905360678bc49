#!/bin/bash
# run.sh BUILD JOBS: everything `make test` runs. Ends with "N passed, N failed, N skipped"; the exit code is 0 only if
# nothing failed and every build succeeded.
set -euo pipefail
exec </dev/null
build=$1
jobs=$2
cd "$(dirname "$0")/.."
mkdir -p "$build"
build=$(cd "$build" && pwd)
results=$build/test-results
rm -rf "$results"
mkdir -p "$results"

echo "== $(df -BG --output=avail "$build" | tail -n 1 | tr -d ' ') free on this disk; the trees take 7"

# suite NAME DIR CTEST-ARGUMENTS...: one ctest run; test cases are counted one by one through GTEST_OUTPUT.
suite() {
  local name=$1 dir=$2
  shift 2
  mkdir -p "$results/$name"
  echo "== $name"
  (cd "$dir" && GTEST_OUTPUT="xml:$results/$name/" ATTEST_RESULTS="$results/$name" \
    ctest -j "$jobs" --output-on-failure --no-tests=error \
    --output-junit "$results/$name.xml" "$@") || true
}

# beside NAME DIR CTEST-ARGUMENTS...: a suite beside the next build, which gives way to it: the end-to-end tests wait for
# clocks and sockets three quarters of their time. Its output is shown by `finish`.
beside() {
  set -m  # a process group of its own, to be ended whole
  suite "$@" >"$results/$1.log" 2>&1 &
  set +m
  running=$!
  log=$results/$1.log
}
finish() {
  wait "$running" || true
  running=
  cat "$log"
}
running=
trap '[ -z "$running" ] || kill -TERM -- "-$running" 2>/dev/null || true' EXIT

# tree NAME TARGET CMAKE-ARGUMENTS...: configures and builds build/NAME.
tree() {
  local dir=$1 target=$2
  shift 2
  echo "== build ${dir#"$build"/} ($*)"
  test/configure.sh "$dir" "$@"
  nice -n 19 cmake --build "$dir" -j "$jobs" --target "$target" -- --quiet
}

# Unit tests and corpora run under the sanitizers alone: no second build of them, which would double the time.
tree "$build" shipped -DATTEST_SANITIZE=
beside release "$build" -LE 'unit|fuzz'
tree "$build/asan" sanitized -DATTEST_SANITIZE=address,undefined
finish
beside address-undefined "$build/asan" -L 'unit|fuzz'
tree "$build/tsan" sanitized_daemon -DATTEST_SANITIZE=thread
finish
suite thread "$build/tsan" -L daemon

exec python3 test/tally.py "$results" release address-undefined thread
