# shellcheck shell=bash
#
# Sourced: chooses test suites by tag. `swift test` filters by name only, so the tags are read from the source: a
# file of Tests holds one suite, and is tagged where it holds `.tags(.devices)` (attaches devices, runs the
# command) or `.tags(.slow)` (takes a second or more).

# suites_without TAG TARGET...: prints a pattern for --filter that matches the suites of TARGET without TAG.
suites_without() {
  local tag=$1 target names
  local -a patterns=()
  shift
  for target in "$@"; do
    names=$(grep --recursive --files-without-match --extended-regexp "\.tags\([^)]*\.$tag\>" "Tests/$target" |
      xargs -r sed --quiet --regexp-extended 's/^(@Suite.* )?(struct|final class) ([A-Za-z0-9_]+).*/\3/p' |
      sort --unique | paste --serial --delimiters='|')
    [[ -z $names ]] || patterns+=("$target\.($names)/")
  done
  ((${#patterns[@]} > 0)) || die "no suite of $* is without the tag '$tag'"
  (IFS='|' && printf '%s\n' "${patterns[*]}")
}
