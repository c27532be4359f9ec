# shellcheck shell=bash
#
# Sourced: attaches files to loop devices, and detaches a device only while it is still the one we attached.

# attach_free FILE DEVICE_VARIABLE OPTION...: attaches FILE to a free loop device with direct I/O.
# `before_attach DEVICE`, where the caller has defined it, runs before each attempt.
attach_free() {
  local file=$1 attempt output
  local -n attached=$2
  shift 2
  for ((attempt = 0; attempt < 64; attempt++)); do
    attached=$(losetup --find)
    if declare -F before_attach >/dev/null; then before_attach "$attached"; fi
    # Between the question and the attachment another process may take that number: ask again.
    if output=$(losetup --direct-io=on "$@" -- "$attached" "$file" 2>&1); then
      check_direct "$attached" "$file"
      return
    fi
    [[ $output == *busy* || $output == *'temporarily unavailable'* ]] || break
  done
  die "cannot attach '$file' to a loop device: ${output:-no free one}"
}

check_direct() {
  [[ $(<"/sys/block/${1#/dev/}/loop/dio") == 1 ]] && return
  losetup --detach "$1"
  die "the kernel gave $1 no direct I/O over '$2': its file system has none, or larger blocks than the" \
    "device's; put the images elsewhere with --dir, or use --sector-size 4096"
}

# loop_identity DEVICE: prints what tells this attachment from any later one of the same number: the boot, the
# disk sequence number (since Linux 5.15), and the backing file's device and inode.
loop_identity() {
  local sequence backing
  sequence=$(cat -- "/sys/block/${1#/dev/}/diskseq" 2>/dev/null) || return 0
  backing=$(losetup --list --noheadings --output BACK-MAJ:MIN,BACK-INO -- "$1" 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # the two words, without losetup's padding
  printf '%s %s %s %s\n' "$(</proc/sys/kernel/random/boot_id)" "$sequence" $backing
}

# is_attached_over DEVICE FILE: for an attachment whose identity was not recorded before we were killed.
is_attached_over() {
  local inode
  inode=$(losetup --list --noheadings --raw --output BACK-INO -- "$1" 2>/dev/null) || return 1
  [[ -e $2 && $inode == "$(stat --format=%i -- "$2")" ]] &&
    [[ $(cat -- "/sys/block/${1#/dev/}/loop/backing_file" 2>/dev/null) == "$2" ]]
}

# who_has DEVICE: prints who uses the device, for messages.
who_has() {
  local number mounts pids
  number=$(cat -- "/sys/block/${1#/dev/}/dev")
  mounts=$(awk -v number="$number" '$3 == number { print "mounted on " $5 }' /proc/self/mountinfo)
  # A process that ends meanwhile makes find fail.
  pids=$({ find /proc/[0-9]*/fd -lname "$1" 2>/dev/null || true; } |
    awk -F/ -v own="$$" '$3 != own { print "pid " $3 }' | sort -u)
  printf '%s\n' "$mounts" "$pids" | awk 'NF' | paste --serial --delimiters=',' | sed 's/,/, /g'
}

# detach_attached DEVICE PREDICATE...: detaches DEVICE where `PREDICATE DEVICE` still holds of it.
detach_attached() {
  local device=$1 held waited
  shift
  "$@" "$device" || return 0
  exec {held}<"$device"
  # From here to the close the number cannot go to another file, so what is checked is what is detached.
  if "$@" "$device"; then
    if ! perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_RDONLY | O_EXCL) or exit 1' "$device"; then
      exec {held}<&-
      die "$device is in use ($(who_has "$device")); unmount or stop that, then run this again"
    fi
    losetup --detach "$device"
  fi
  exec {held}<&-
  for ((waited = 0; waited < 20; waited++)); do
    "$@" "$device" || return 0
    sleep 0.05 # the kernel detaches at the last close; no event tells
  done
  die "$device is still open ($(who_has "$device")); it detaches itself when that ends"
}

# attach_unnamed SIZE DIRECTORY DEVICE_VARIABLE DESCRIPTOR_VARIABLE: a loop device over a new file without a name
# in DIRECTORY. Both are gone when the descriptor, and whatever else has the device open, is closed.
attach_unnamed() {
  local size=$1 where=$2 attempt writable status
  local -n unnamed=$3 held_open=$4
  for ((attempt = 0; attempt < 64; attempt++)); do
    unnamed=$(losetup --find)
    exec {writable}<>"$unnamed"
    status=0
    perl -- "$scripts/lib/unnamed-loop.pl" "$writable" "$where" "$size" 512 || status=$?
    if ((status == 0)); then
      check_direct "$unnamed" "$where"
      # Held for reading only, so that we do not look like somebody who writes to it.
      # shellcheck disable=SC2034 # the caller's variable
      exec {held_open}<"$unnamed" {writable}>&-
      return
    fi
    exec {writable}>&-
    ((status == 16)) || break
  done
  die "cannot make a loop device over a file in '$where'"
}
