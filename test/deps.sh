#!/bin/bash
# Installs what the build, the tests and the demo need: Debian packages by name, nothing else. Packages that are there
# already are left alone, and no service that a package brings along is started.
set -euo pipefail
exec </dev/null

build=(gcc g++ mold make cmake ninja-build ccache pkg-config git python3
  libssl-dev libtss2-dev libcbor-dev nlohmann-json3-dev libasio-dev libcli11-dev duktape-dev libseccomp-dev
  libgrpc++-dev libcoap3-dev)
test=(libgtest-dev libcmocka-dev clang-14 clang-format-14 valgrind systemd
  openssl swtpm swtpm-tools tpm2-tools nginx curl postgresql-15 postgresql-client-15 apache2 haproxy stunnel4
  redis-server nodejs libfuse3-dev fuse3 tpm2-openssl ovmf ima-evm-utils libclang-rt-14-dev debootstrap lintian dpkg-dev file)
command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || test+=(golang-go)

installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "${build[@]}" "${test[@]}" 2>/dev/null || true)"
missing=()
for package in "${build[@]}" "${test[@]}"; do
  [[ $installed == *" installed:$package "* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "deps: installing ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
  echo "deps: only root can install packages. Run: apt-get install ${missing[*]}" >&2
  exit 1
fi

guard=/usr/sbin/policy-rc.d
if [ ! -e $guard ]; then
  trap 'rm -f $guard' EXIT
  printf '#!/bin/sh\nexit 101\n' >$guard
  chmod 755 $guard
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "deps: apt-get failed, whole log in $log" >&2
  exit 1
fi
rm -f "$log"
