# shellcheck shell=bash
#
# Sourced: makes a raw image of each kind, and changes one by seed (blocks.pl does the work).

readonly mebibyte=$((1 << 20))
declare -r blocks_pl=$scripts/lib/blocks.pl

# fill_ranges FILE SEED: random bytes into the ranges "OFFSET LENGTH" on standard input.
fill_ranges() { perl -- "$blocks_pl" fill "$2" "$1" || die "could not fill '$1'"; }

# make_random FILE SIZE SEED: random bytes from end to end, no holes.
make_random() {
  truncate --size="$2" -- "$1"
  fill_ranges "$1" "$3" <<<"0 $2"
}

# make_sparse FILE SIZE SEED DATA: holes, and DATA bytes in extents of 1 MiB that are spread evenly.
make_sparse() {
  local size=$2 data=$4 extents i
  extents=$((data / mebibyte))
  truncate --size="$size" -- "$1"
  for ((i = 0; i < extents; i++)); do
    # shellcheck disable=SC2017 # every offset is a multiple of 1 MiB, so divide first
    printf '%s %s\n' "$((size / mebibyte * i / extents * mebibyte))" "$mebibyte"
  done | fill_ranges "$1" "$3"
}

# copy_image FROM TO: the same bytes and holes; shares extents where the file system can.
copy_image() { cp --reflink=auto --sparse=auto -- "$1" "$2"; }

# mutate_file FILE SEED PATTERN RATE [OFFSET LENGTH]: prints the ranges that it changed.
mutate_file() {
  perl -- "$blocks_pl" mutate "$2" "$3" "$4" "$1" "${@:5}" || die "could not change '$1'; the lines above say why"
}

# room_for BYTES WHERE
room_for() {
  local available
  available=$(($(stat --file-system --format='%a * %S' -- "$2")))
  ((available >= $1)) ||
    die "'$2' has $(human "$available") free, and $(human "$1") are needed; make room, or name another --dir"
}
