#!/usr/bin/env bash
# Install Debian packages: those named, or the ones that only the tests need. Quick and silent when
# they are there; where it can't be done it says so and goes on, and what needs them is left out.
set -euo pipefail
packages=("${@:-influxdb}")

missing=()
for package in "${packages[@]}"; do
  # However it came here: npm may be part of another package.
  command -v "${package/nodejs/node}" >/dev/null && continue
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

skip() {
  echo "not installed: ${missing[*]} ($1); what needs them is left out"
  exit 0
}
command -v apt-get >/dev/null || skip "there is no apt-get"
[ "$(id -u)" -eq 0 ] || skip "only root can install Debian packages"

echo "installing the Debian packages ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A service of its own must not start: the tests run their own on loopback.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$log" "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
{ apt-get update -qq && apt-get install -qq --yes --no-install-recommends "${missing[@]}"; } \
  >"$log" 2>&1 </dev/null || { tail -3 "$log" >&2; skip "apt-get failed"; }
