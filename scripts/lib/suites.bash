# shellcheck shell=bash
#
# Sourced: chooses test suites by what stands in their files, since `swift test` filters by name only. A file of
# Tests holds one suite; a suite that takes a second or more says so with `.tags(.slow)`.

readonly slow='\.tags\([^)]*\.slow\b'
# The sandbox of the probing helper leaves no room for ThreadSanitizer's shadow memory.
readonly sandboxed='\bProbe(Helper|Image|Process)\b'

# suites_without PATTERN TARGET...: prints a --filter for the suites of TARGET whose files do not match PATTERN.
suites_without() {
  local pattern=$1 target names
  local -a filters=()
  shift
  for target in "$@"; do
    names=$(grep --recursive --files-without-match --perl-regexp "$pattern" --include='*Tests.swift' "Tests/$target" |
      xargs -r sed --quiet --regexp-extended 's/^(@Suite.* )?(struct|final class) ([A-Za-z0-9_]+Tests)\b.*/\3/p' |
      sort --unique | paste --serial --delimiters='|')
    [[ -z $names ]] || filters+=("^$target\.($names)/")
  done
  ((${#filters[@]} > 0)) || die "every suite of $* matches '$pattern'"
  (IFS='|' && printf '%s\n' "${filters[*]}")
}
