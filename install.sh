#!/usr/bin/env bash
# Builds, shows, tests and installs segue. `./install.sh help` says how.
# Quiet, repeatable, and from any directory. Asks nothing.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=packaging/deno.pin
. "$ROOT/packaging/deno.pin"

BINARY=/usr/local/sbin/segue
UNIT=/etc/systemd/system/segue.service
CONFIG_DIR=/etc/segue
MAN=/usr/local/share/man

usage() {
  cat <<'TEXT'
usage: ./install.sh COMMAND

  build                    make dist/segue, one file that needs only a kernel and glibc
  lab [ARGS…]              a whole pair on this machine, with real traffic and faults (segue lab)
  test [WORD…]             run every test; with words, only files of tests/ whose path has one of them
  install [--prefix DIR]   install the program, the systemd unit, a sample config and the man pages
                           (below DIR, for a package); starts nothing without a config
  uninstall [--purge] [--prefix DIR]
                           remove them; config, key and state stay unless --purge
  help                     this text

What is missing (Debian packages, the pinned Deno) is fetched by apt-get and npm when a command needs it.
SEGUE_BUILD_WITH=compile or =launcher decides how dist/segue is made; without it, deno compile where it can be used.
TEXT
}

say() { printf 'segue: %s\n' "$*" >&2; }

# fail WHAT [WHAT TO DO]…
fail() {
  say "$1"
  shift
  local hint
  for hint in "$@"; do printf '       %s\n' "$hint" >&2; done
  exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# quietly COMMAND…: shows what it printed only if it fails.
quietly() {
  local output
  if ! output=$("$@" 2>&1); then
    printf '%s\n' "$output" >&2
    return 1
  fi
}

# --- Debian packages ---------------------------------------------------------------------------------------------

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }

# need_packages PACKAGE…: installs those that are missing.
need_packages() {
  local package missing=()
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here: taking it that these are installed in some other way: $*"
    return
  fi
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  is_root || fail "missing Debian packages: ${missing[*]}" "as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Package lists may be absent or old: update only if the first try fails.
  quietly apt-get install -y -q --no-install-recommends "${missing[@]}" 2>/dev/null && return
  quietly apt-get update -q || fail "apt-get update failed" "is there a network, and is /etc/apt/sources.list right?"
  quietly apt-get install -y -q --no-install-recommends "${missing[@]}" ||
    fail "cannot install ${missing[*]}" "install them by hand and run this again"
}

need_build_packages() { need_packages gcc libc6-dev linux-libc-dev libnetfilter-queue1 libmnl0 libnfnetlink0 libsodium23 libzstd-dev; }
need_lab_packages() { need_packages iproute2; }
need_test_packages() {
  need_packages iproute2 nftables iptables tcpdump shellcheck systemd git tmux python3 openssl
  # The tests start an nginx and an etcd of their own; those of the packages are not to serve this machine.
  is_installed nginx || unstarted need_packages nginx
  is_installed etcd-server etcd-client || unstarted need_packages etcd-server etcd-client
}

# unstarted COMMAND…: no service is started for what it installs (policy-rc.d; Debian Policy 9.3.3.1).
unstarted() {
  local policy=/usr/sbin/policy-rc.d code=0
  if ! is_root || [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  ("$@") || code=$?
  rm -f "$policy"
  return "$code"
}

# --- the pinned Deno ---------------------------------------------------------------------------------------------

is_pinned() { [ "$("$1" --version 2>/dev/null | awk 'NR == 1 { print $2 }')" = "$DENO_VERSION" ]; }

# Puts the pinned Deno into $DENO and at the head of PATH.
need_deno() {
  local cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/segue/deno-$DENO_VERSION
  DENO=$(command -v deno || true)
  if [ -z "$DENO" ] || ! is_pinned "$DENO"; then
    DENO=$cache/deno
    is_pinned "$DENO" || fetch_deno "$cache"
    PATH=$cache:$PATH
    export PATH
  fi
  export DENO_NO_UPDATE_CHECK=1
}

# fetch_deno FOLDER: the npm package holds the binary itself; no script of it is run.
fetch_deno() {
  local folder=$1 machine package integrity work tarball
  machine=$(uname -m)
  package=DENO_PACKAGE_$machine integrity=DENO_INTEGRITY_$machine
  package=${!package:-} integrity=${!integrity:-}
  [ -n "$package" ] || fail "there is no Deno for $machine" "segue runs on x86_64 and aarch64"
  command -v npm >/dev/null || need_packages npm
  say "fetching Deno $DENO_VERSION"
  mkdir -p "$folder"
  work=$(mktemp -d "$folder/fetch.XXXXXX")
  # shellcheck disable=SC2064 # the value of now is meant
  trap "rm -rf -- '$work'" EXIT
  (cd "$work" && quietly npm pack --silent "$package@$DENO_VERSION") ||
    fail "cannot fetch $package@$DENO_VERSION from npm" "is there a network?" \
      "or put deno $DENO_VERSION on the PATH"
  tarball=$(find "$work" -name '*.tgz')
  if [ -n "$integrity" ] && [ "$(sha512_of "$tarball")" != "$integrity" ]; then
    fail "$package@$DENO_VERSION is not the one that packaging/deno.pin knows" "nothing was installed"
  fi
  tar -xzf "$tarball" -C "$work" package/deno
  chmod 755 "$work/package/deno"
  is_pinned "$work/package/deno" || fail "the Deno of $package does not run here" "it needs glibc"
  mv -f "$work/package/deno" "$folder/deno"
  rm -rf -- "$work"
  trap - EXIT
}

# As npm writes it: base64 of the binary digest.
sha512_of() {
  local hex
  hex=$(sha512sum "$1" | cut -d' ' -f1 | sed 's/../\\x&/g')
  printf 'sha512-%s' "$(printf '%b' "$hex" | base64 -w0)"
}

# --- commands ----------------------------------------------------------------------------------------------------

is_current() {
  local program=$ROOT/dist/segue folders=() folder
  [ -x "$program" ] || return 1
  for folder in config control kernel_ffi packaging; do [ -d "$ROOT/$folder" ] && folders+=("$ROOT/$folder"); done
  [ -z "$(find "${folders[@]}" "$ROOT/main.ts" "$ROOT/deno.json" "$ROOT/deno.lock" -type f ! -name '*.test.ts' \
    -newer "$program" -print -quit)" ]
}

command_build() {
  need_build_packages
  need_deno
  cd "$ROOT"
  "$DENO" task --quiet compile
}

build_if_needed() { is_current || command_build; }

command_lab() {
  build_if_needed
  need_lab_packages
  exec "$ROOT/dist/segue" lab "$@"
}

command_test() {
  is_root || fail "the tests make network namespaces and nftables rules" "run them as root"
  need_build_packages
  need_test_packages
  need_deno
  cd "$ROOT"
  exec "$DENO" task --quiet test "$@"
}

# Sets PREFIX and PURGE from the arguments.
read_options() {
  PREFIX='' PURGE=no
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix)
        [ $# -ge 2 ] || fail "--prefix wants a folder"
        PREFIX=${2%/}
        shift
        ;;
      --prefix=*) PREFIX=${1#--prefix=} PREFIX=${PREFIX%/} ;;
      --purge) PURGE=yes ;;
      *) fail "unknown option $1" "see ./install.sh help" ;;
    esac
    shift
  done
  case $PREFIX in
    '' | /*) ;;
    *) PREFIX=$PWD/$PREFIX ;;
  esac
  [ -n "$PREFIX" ] || is_root || fail "this needs root" "or use --prefix DIR to stage the files"
}

systemd_runs() { [ -z "$PREFIX" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

command_install() {
  read_options "$@"
  [ "$PURGE" = no ] || fail "--purge belongs to uninstall"
  build_if_needed
  local page section
  install -D -m 755 "$ROOT/dist/segue" "$PREFIX$BINARY.new"
  mv -f "$PREFIX$BINARY.new" "$PREFIX$BINARY" # a running segue keeps its file
  install -D -m 644 "$ROOT/packaging/segue.service" "$PREFIX$UNIT"
  install -D -m 644 "$ROOT/config/sample.toml" "$PREFIX$CONFIG_DIR/segue.toml.sample"
  for page in "$ROOT"/docs/*.[15]; do
    [ -e "$page" ] || continue
    section=${page##*.}
    install -D -m 644 "$page" "$PREFIX$MAN/man$section/${page##*/}"
  done
  if [ -n "$PREFIX" ]; then
    say "staged below $PREFIX"
    return
  fi
  # Unpacks what the program carries, so that the first start is as fast as all others.
  quietly "$BINARY" version || fail "$BINARY does not start"
  if systemd_runs; then systemctl daemon-reload; fi
  if [ -e "$CONFIG_DIR/segue.toml" ]; then
    say "installed; systemctl restart segue starts the new version"
  else
    say "installed; next: cp $CONFIG_DIR/segue.toml.sample $CONFIG_DIR/segue.toml, edit it, segue check," \
      "systemctl enable --now segue"
  fi
}

command_uninstall() {
  read_options "$@"
  if systemd_runs && systemctl cat segue.service >/dev/null 2>&1; then
    quietly systemctl disable --now segue.service || say "systemctl disable --now segue.service failed, going on"
  fi
  rm -f -- "$PREFIX$BINARY" "$PREFIX$UNIT" "$PREFIX$CONFIG_DIR/segue.toml.sample"
  local page
  for page in "$ROOT"/docs/*.[15]; do rm -f -- "$PREFIX$MAN/man${page##*.}/${page##*/}"; done
  [ -n "$PREFIX" ] || rm -rf -- /var/cache/segue
  if systemd_runs; then systemctl daemon-reload; fi
  if [ "$PURGE" = yes ]; then
    rm -rf -- "$PREFIX$CONFIG_DIR" "$PREFIX/var/lib/segue"
    say "removed, with config, key and state"
  else
    rmdir --ignore-fail-on-non-empty "$PREFIX$CONFIG_DIR" 2>/dev/null || true
    say "removed; $PREFIX$CONFIG_DIR and $PREFIX/var/lib/segue are left as they are (--purge removes them)"
  fi
}

[ "$(uname -s)" = Linux ] || fail "segue runs on Linux"
command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
  build | lab | test | install | uninstall) "command_$command" "$@" ;;
  help | --help | -h) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
