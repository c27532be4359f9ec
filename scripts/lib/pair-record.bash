# shellcheck shell=bash
#
# Sourced by scripts/loopdev: the state directory and the record of each pair in it.
#
#   DIR/NAME/primary.img, recovery.img   the raw images
#   DIR/NAME/record                      KEY=VALUE lines; what was made, and which loop devices
#   DIR/NAME/changes                     what `mutate` changed, "OFFSET LENGTH" lines
#   DIR/NAME/making/                     parts of an image while it is made

declare directory # the state directory
declare pair      # the pair's own directory below it
declare -A record # the loaded pair's record

# open_directory: makes the state directory, or takes the one that is there, and locks it until we exit.
open_directory() {
  local found lock
  # mkdir follows no link, and what is there already must be root's own: /var/tmp is everybody's.
  mkdir --mode=0700 -- "$directory" 2>/dev/null || [[ -d $directory && ! -L $directory ]] ||
    die "cannot make the directory '$directory'; name another with --dir"
  found=$(stat --format='%u %a' -- "$directory")
  [[ $found == "$EUID 700" ]] ||
    die "'$directory' is not root's alone (its owner and mode are $found), so that another user could exchange" \
      "the images; name another with --dir"
  exec {lock}<"$directory"
  flock --timeout 60 "$lock" || die "another loopdev command has held '$directory' for a minute; try again"
  [[ /proc/self/fd/$lock -ef $directory ]] || die "'$directory' was just removed by another command; try again"
}

# directory_exists: false where nothing was ever made; `status`, `detach` and `clean` then have nothing to do.
directory_exists() { [[ -e $directory || -L $directory ]]; }

# choose_pair NAME: sets `pair`.
choose_pair() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
    die "--name '$1': a name has letters, digits, '.', '_' and '-', 64 at most, and begins with a letter or digit"
  pair=$directory/$1
}

# pair_names: prints the names of all pairs.
pair_names() {
  local path
  for path in "$directory"/*/; do
    path=${path%/}
    printf '%s\n' "${path##*/}"
  done
}

# load_record: reads the pair's record; false where there is none (yet).
load_record() {
  local key value
  record=()
  [[ -f $pair/record ]] || return 1
  while IFS='=' read -r key value; do
    record[$key]=$value
  done <"$pair/record"
  [[ ${record[format]-} == 1 ]] ||
    die "'$pair/record' was written by another version of loopdev; remove the pair with that one"
}

need_record() {
  load_record || die "no pair '${pair##*/}' in '$directory'; make it with: loopdev create --name ${pair##*/}"
}

save_record() {
  local key
  for key in "${!record[@]}"; do
    printf '%s=%s\n' "$key" "${record[$key]}"
  done | sort >"$pair/record.new"
  mv -- "$pair/record.new" "$pair/record"
}

# remove_pair: removes the files that loopdev made; the caller has detached the devices.
remove_pair() {
  rm --force -- "$pair"/{primary,recovery}.img "$pair"/{record,record.new,changes}
  rm --force --recursive --one-file-system -- "$pair/making"
  rmdir -- "$pair" 2>/dev/null || die "'$pair' holds files that loopdev did not make; they were left there"
}
