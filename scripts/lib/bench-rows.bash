# shellcheck shell=bash
#
# Sourced by scripts/bench: its rows. Each runs in a subshell; the devices are made by attach_unnamed, so that they
# go when it ends, however it ends.

declare small_primary small_recovery pair_primary pair_recovery other_primary other_recovery # set by make_pair

# make_pair PREFIX SIZE DIRECTORY: identical random bytes without holes; sets PREFIX_primary, PREFIX_recovery.
make_pair() {
  local side
  for side in primary recovery; do
    attach_unnamed "$2" "$3" "$1_$side" "$1_${side}_held"
    local -n device=$1_$side
    fill_ranges "$device" 1 <<<"0 $2"
    blockdev --flushbufs "$device"
    unset -n device
  done
  sync
}

compare_pair() { sample "$1" "$2" "$vmresync" compare --primary "$3" --recovery "$4" --quiet "${@:5}"; }

flush_pairs() { blockdev --flushbufs "$small_primary" "$small_recovery" "$pair_primary" "$pair_recovery"; }

row_start() {
  sample_version() { sample start.version 0 "$vmresync" --version; }
  in_turns sample_version
  limit_row 'vmresync --version' "$(median start.version.wall)" ms 1000 15
  row_devices
}

row_devices() {
  local i device held found
  for ((i = 0; i < 50; i++)); do
    attach_unnamed "$((8 << 20))" /mnt/disks device held
    mkfs.ext4 -q -F "$device"
  done
  sample_devices() { sample start.devices 0 "$vmresync" devices --json; }
  in_turns sample_devices
  found=$(grep --only-matching '"ext4"' /mnt/output | wc --lines)
  ((found >= 50)) || die "devices shows the type of $found of 50 ext4 file systems"
  limit_row 'vmresync devices, 50 loops with ext4' "$(median start.devices.wall)" ms 1000 200
}

row_tmpfs() { row_identical tmpfs /mnt/disks 1.55; }
row_ext4() { row_identical ext4 "$directory" 1.25; }

# row_identical NAME DIRECTORY BAR: an identical pair against fio and qemu-img, then 1 % written.
row_identical() {
  local name=$1 where=$2 bar=$3 engine
  [[ $(stat --file-system --format=%T -- "$where") == *"${name/ext4/ext2/ext3}"* ]] ||
    say "note: '$where' is on $(stat --file-system --format=%T -- "$where"), not on $name"
  reserve_huge_pages
  make_pair small "$mebibyte" "$where"
  make_pair pair "$size" "$where"

  sample_base() { compare_pair "$name.base" 0 "$small_primary" "$small_recovery"; }
  sample_compare() { compare_pair "$name.compare" 0 "$pair_primary" "$pair_recovery"; }
  sample_fio() {
    flush_pairs
    fio --ioengine=io_uring --direct=1 --rw=read --bs=1m --iodepth=4 --fixedbufs --registerfiles --iomem=mmaphuge \
      --name=primary --filename="$pair_primary" --name=recovery --filename="$pair_recovery" >/mnt/output 2>&1 ||
      die "fio failed: $(tail --lines=5 /mnt/output)"
    sed -n 's/.* run=[0-9]*-\([0-9]*\)msec.*/\1000/p' /mnt/output >>"/mnt/samples/$name.fio.wall"
  }
  sample_threads() { compare_pair "$name.threads" 0 "$pair_primary" "$pair_recovery" --engine threads; }
  sample_qemu() { qemu_compare "$name.qemu" "$pair_primary" "$pair_recovery"; }
  sample_qemu_base() { qemu_compare "$name.qemu-base" "$small_primary" "$small_recovery"; }
  in_turns sample_base sample_fio sample_compare sample_threads sample_qemu_base sample_qemu

  engine=$(($(median "$name.compare.wall") - $(median "$name.base.wall")))
  limit_row "$name: base, a 1 MiB pair" "$(median "$name.base.wall")" ms 1000 60
  ratio_row "$name: identical, less base" "$engine" fio "$(median "$name.fio.wall")" "$bar"
  ratio_row "$name: identical, less base" "$engine" qemu-img \
    "$(($(median "$name.qemu.wall") - $(median "$name.qemu-base.wall")))" 0.5
  ratio_row "$name: threads" "$(median "$name.threads.wall")" io_uring "$(median "$name.compare.wall")" 1.25
  limit_row "$name: user and system time" "$(median "$name.compare.processor")" s 1000000 0.15
  note_row "$name: kernel workers' time" "$(median "$name.compare.workers")" s 1000000
  limit_row "$name: peak resident memory" "$(largest "$name.compare.resident")" MiB 1024 32
  limit_row "$name: peak resident memory, threads" "$(largest "$name.threads.resident")" MiB 1024 32
  row_writes "$name"
}

qemu_compare() {
  flush_pairs
  sample "$1" 0 qemu-img compare -T none -f raw -F raw "$2" "$3"
}

# row_writes NAME: one bit flipped in 1 % of the blocks, then written back: exactly those, by the kernel's count.
row_writes() {
  local name=$1
  sample_writes() {
    local expected before
    expected=$(mutate_file "$pair_recovery" "$round" bits 1 | awk '{ sum += $2 } END { printf "%.0f", sum / 512 }')
    blockdev --flushbufs "$pair_recovery"
    before=$(sectors_written "$pair_recovery")
    sample "$name.writes" 0 "$vmresync" resync --primary "$pair_primary" --recovery "$pair_recovery" \
      --write-back in-place --state-dir "$directory/state" --yes --quiet
    written=$(($(sectors_written "$pair_recovery") - before))
    ((written == expected)) || die "$written sectors were written, and $expected differed"
    ((round < rounds)) || note_row "$name: written of 1 %, exactly what differed" "$written" MiB 2048
  }
  sample_compare_again() { compare_pair "$name.compare-again" 0 "$pair_primary" "$pair_recovery"; }
  in_turns sample_writes sample_compare_again
  ratio_row "$name: 1 % written" "$(median "$name.writes.wall")" compare "$(median "$name.compare-again.wall")" 1.3
  limit_row "$name: peak resident memory, writing" "$(largest "$name.writes.resident")" MiB 1024 32
}

# sectors_written DEVICE: the kernel's count, in sectors of 512 bytes (Documentation/block/stat.rst).
sectors_written() { awk '{ print $7 }' "/sys/block/${1#/dev/}/stat"; }

# row_sparse: 64 times the size, with `size` bytes of data spread evenly, against a dense pair; both by path.
row_sparse() {
  local sparse=$directory
  make_pair pair "$size" "$directory"
  make_sparse "$sparse/primary.img" "$((64 * size))" 1 "$size"
  cp --reflink=never --sparse=auto -- "$sparse"/{primary,recovery}.img
  sync
  sample_sparse() { compare_pair sparse.images 0 "$sparse/primary.img" "$sparse/recovery.img"; }
  sample_dense() { compare_pair sparse.dense 0 "$pair_primary" "$pair_recovery"; }
  in_turns sample_dense sample_sparse
  ratio_row "sparse: $(human "$((64 * size))"), $(human "$size") of data" "$(median sparse.images.wall)" dense \
    "$(median sparse.dense.wall)" 1.3
  limit_row 'sparse: peak resident memory' "$(largest sparse.images.resident)" MiB 1024 32
  rm -- "$sparse"/{primary,recovery}.img
}

# row_memory: every second block differs; compared, and written.
row_memory() {
  make_pair pair "$size" /mnt/disks
  mutate_file "$pair_recovery" 1 even 50 >/dev/null
  blockdev --flushbufs "$pair_recovery"
  compare_pair memory.compare 1 "$pair_primary" "$pair_recovery"
  sample memory.resync 0 "$vmresync" resync --primary "$pair_primary" --recovery "$pair_recovery" \
    --write-back in-place --state-dir "$directory/state" --yes --quiet
  limit_row 'every second block differs: compare' "$(largest memory.compare.resident)" MiB 1024 32
  limit_row 'every second block differs: resync' "$(largest memory.resync.resident)" MiB 1024 32
}

# row_parallel: two identical pairs, side by side against one after the other.
row_parallel() {
  make_pair pair "$size" "$directory"
  make_pair other "$size" "$directory"
  sample_together() { compare_both parallel.together --parallel 2; }
  sample_in_turn() { compare_both parallel.in-turn --parallel 1; }
  in_turns sample_in_turn sample_together
  ratio_row 'parallel: two pairs side by side' "$(median parallel.together.wall)" 'in turn' \
    "$(median parallel.in-turn.wall)" 1.1
  limit_row 'parallel: peak resident memory, two pairs' "$(largest parallel.together.resident)" MiB 1024 48
}

compare_both() {
  sample "$1" 0 "$vmresync" compare --primary "$pair_primary" --recovery "$pair_recovery" \
    --primary "$other_primary" --recovery "$other_recovery" --quiet "${@:2}"
}

# row_staged: the staging file on an ext4 over a loop device; 1 % and all of the blocks differ in a bit each.
row_staged() {
  local host host_held
  attach_unnamed "$((16 << 30))" "$directory" host host_held
  mkfs.ext4 -q -E nodiscard "$host"
  mkdir /mnt/host
  mount "$host" /mnt/host
  make_pair pair "$size" "$directory"
  sample_compare_staged() { differ 1 && compare_pair staged.compare 1 "$pair_primary" "$pair_recovery"; }
  sample_staged() { differ 1 && resync_pair staged.little --write-back staged --no-verify; }
  sample_verified() { differ 1 && resync_pair staged.verified --write-back staged; }
  sample_staged_all() { differ 100 && resync_pair staged.all --write-back staged --no-verify; }
  sample_verified_all() { differ 100 && resync_pair staged.verified-all --write-back staged; }
  sample_in_place_all() { differ 100 && resync_pair staged.in-place --write-back in-place; }
  in_turns sample_compare_staged sample_staged sample_verified
  in_turns sample_in_place_all sample_staged_all sample_verified_all
  local -r compare=$(median staged.compare.wall) in_place=$(median staged.in-place.wall)
  ratio_row 'staged: 1 % written, --no-verify' "$(median staged.little.wall)" compare "$compare" 1.5
  note_row 'staged: 1 % written, all of it read back' "$(median staged.verified.wall)" s 1000000
  ratio_row 'staged: all written, --no-verify' "$(median staged.all.wall)" 'in place' "$in_place" 2.2
  note_row 'staged: all written, all of it read back' "$(median staged.verified-all.wall)" s 1000000
  limit_row 'staged: peak resident memory' "$(largest staged.all.resident)" MiB 1024 32
  umount /mnt/host
  exec {host_held}<&-
}

# differ RATE: one bit flipped in RATE % of the recovery's blocks.
differ() {
  mutate_file "$pair_recovery" "$round" bits "$1" >/dev/null
  blockdev --flushbufs "$pair_recovery"
}

# resync_pair NAME OPTION...: the pair, with its state on the host's disk.
resync_pair() {
  local name=$1
  shift
  sample "$name" 0 "$vmresync" resync --primary "$pair_primary" --recovery "$pair_recovery" --max-difference 100% \
    --state-dir /mnt/host/state --yes --quiet "$@"
}
