#!/bin/bash
# run.sh BUILD JOBS SECONDS [NAME...]: builds the fuzz targets with libFuzzer (clang) in BUILD and runs each, or those named, for
# SECONDS seconds, JOBS at a time. What is found beyond the corpus is kept in BUILD/found/NAME, what breaks a target in
# BUILD/broken. Ends with "N passed, N failed"; exit code 1 if anything broke or could not be built.
set -euo pipefail
build=$1 jobs=$2 time=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$build"
build=$(cd "$build" && pwd)

if [ $# -eq 0 ]; then
  for source in "$here"/*_fuzz.cc; do
    name=${source##*/}
    set -- "$@" "${name%_fuzz.cc}"
  done
fi

CC=clang-14 CXX=clang++-14 "$here/../configure.sh" "$build" -DATTEST_FUZZ=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo
cmake --build "$build" -j "$jobs" --target "${@/%/_fuzz}" -- --quiet -k 0 >"$build/build.log" 2>&1 || grep -a 'error:' "$build/build.log" || tail -n 5 "$build/build.log"

fuzz_one() {
  local build=$1 corpus=$2 time=$3 name=$4
  mkdir -p "$build/found/$name" "$build/broken"
  local log=$build/found/$name.log
  if grep -aqE "^FAILED: .*\b${name}_fuzz" "$build/build.log" || [ ! -x "$build/test/fuzz/${name}_fuzz" ]; then
    echo "BROKE $name: not built, see $build/build.log"
    return
  fi
  if "$build/test/fuzz/${name}_fuzz" -max_total_time="$time" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/broken/$name-" "$build/found/$name" "$corpus/$name" >"$log" 2>&1; then
    echo "ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
  else
    echo "BROKE $name:"
    grep -aE 'ERROR|SUMMARY|Test unit written|runtime error' "$log" || tail -n 5 "$log"
  fi
}
export -f fuzz_one

report=$build/fuzz.txt
printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'fuzz_one "$@"' _ "$build" "$here/corpus" "$time" {} | tee "$report"
failed=$(grep -c '^BROKE' "$report" || true)
echo "$(grep -c '^ok' "$report" || true) passed, $failed failed"
[ "$failed" = 0 ]
