#!/bin/bash
# configure.sh DIR [-D...]: configures a build tree for the system prefix; silent unless it fails.
set -euo pipefail
dir=$1
shift
cd "$(dirname "$0")/.."
cmake -S . -B "$dir" -G Ninja --log-level=WARNING -DCMAKE_INSTALL_PREFIX=/usr "$@" >/dev/null
