# shellcheck shell=bash
#
# Sourced: how every script here talks, reads sizes and asks for what it needs.

readonly program=${0##*/}

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$program: $*"
  exit 1
}

# need COMMAND...: stops where one is missing.
need() {
  local command
  for command in "$@"; do
    command -v -- "$command" >/dev/null || die "needs the command '$command'; run scripts/install-packages"
  done
}

need_root() {
  ((EUID == 0)) || die "needs root, to $1; run it with sudo"
}

# usage FILE: prints the comment at the head of FILE.
usage() {
  sed -n '3,/^[^#]*$/ { s/^# \{0,1\}//p }' -- "$1"
}

# bytes_of OPTION SIZE: prints SIZE (such as 64M, 64MiB, 4096) in bytes.
bytes_of() {
  local bytes
  bytes=$(numfmt --from=iec -- "${2%iB}" 2>/dev/null) || bytes=
  [[ $bytes =~ ^[0-9]+$ ]] ||
    die "$1 '$2': not a size; write it as 512M, 64G or a number of bytes"
  printf '%s\n' "$bytes"
}

# human BYTES: prints it in binary units.
human() {
  if (($1 < 1024)); then
    printf '%s B\n' "$1"
  else
    numfmt --to=iec-i --suffix=B --format='%.1f' -- "$1" | sed 's/\([0-9]\)\([KMGTPE]iB\)/\1 \2/; s/\.0 / /'
  fi
}
