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

# suite NAME DIR JOBS CTEST-ARGUMENTS...: one ctest run; test cases are counted one by one through GTEST_OUTPUT.
suite() {
  local name=$1 dir=$2 parallel=$3
  shift 3
  mkdir -p "$results/$name"
  echo "== $name"
  (cd "$dir" && GTEST_OUTPUT="xml:$results/$name/" ATTEST_RESULTS="$results/$name" \
    ctest -j "$parallel" --output-on-failure --no-tests=error \
    --output-junit "$results/$name.xml" "$@") || true
}

# tree NAME TARGET CMAKE-ARGUMENTS...: configures and builds build/NAME.
tree() {
  local dir=$1 target=$2
  shift 2
  echo "== build ${dir#"$build"/} ($*)"
  test/configure.sh "$dir" "$@"
  cmake --build "$dir" -j "$jobs" --target "$target" -- --quiet
}

tree "$build" all -DATTEST_SANITIZE=
suite release "$build" "$jobs"

tree "$build/asan" sanitized -DATTEST_SANITIZE=address,undefined
suite address-undefined "$build/asan" "$jobs" -L 'unit|fuzz'

tree "$build/tsan" sanitized_daemon -DATTEST_SANITIZE=thread
suite thread "$build/tsan" "$jobs" -L daemon

exec python3 test/tally.py "$results" release address-undefined thread
