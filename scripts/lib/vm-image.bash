# shellcheck shell=bash
#
# Sourced: makes the disk image of a virtual machine: a GPT, and ext4, XFS and btrfs full of files.
#
# Each file system is made in a file of its own and then placed at its partition, since not every kernel has a
# parser for partition tables. Nothing is mounted.

readonly vm_least=$((576 << 20)) # mkfs.xfs makes nothing below 300 MiB

# make_vm FILE SIZE SEED DIRECTORY: prints the partitions, "TYPE:OFFSET:LENGTH" in a line; DIRECTORY is for
# parts, and is left empty. The files' contents follow from SEED; times of making and the like do not.
make_vm() {
  local image=$1 size=$2 seed=$3 parts=$4 type first length number=0
  local -a partitions=() table=(--disk-guid="$(uuid_of "$seed" disk)")

  ((size >= vm_least)) || die "a VM's image needs $(human "$vm_least") at least; it is sparse"
  first=$mebibyte
  for type in ext4 xfs btrfs; do
    number=$((number + 1))
    case $type in
      ext4) length=$((size / 4)) ;;
      xfs) length=$((size / 2 > 304 << 20 ? size / 2 : 304 << 20)) ;;
      btrfs) length=$((size - first - mebibyte)) ;; # the last MiB keeps the second GPT
    esac
    length=$((length / mebibyte * mebibyte))
    partitions+=("$type:$first:$length")
    table+=(
      --new="$number:$((first / 512)):$(((first + length) / 512 - 1))"
      --typecode="$number:8300" --change-name="$number:$type"
      --partition-guid="$number:$(uuid_of "$seed" "partition $type")")
    first=$((first + length))
  done

  truncate --size="$size" -- "$image"
  sgdisk "${table[@]}" -- "$image" >/dev/null
  for number in "${!partitions[@]}"; do
    IFS=: read -r type first length <<<"${partitions[number]}"
    make_tree "$parts/tree" "$((length / 6 < 64 << 20 ? length / 6 : 64 << 20))" "$((4 * seed + number))"
    truncate --size="$length" -- "$parts/$type.img"
    "make_$type" "$parts/$type.img" "$parts/tree" "$(uuid_of "$seed" "$type")"
    dd if="$parts/$type.img" of="$image" bs=64K seek="$((first / 65536))" conv=sparse,notrunc status=none
    rm --recursive -- "$parts/tree" "$parts/$type.img"
  done
  printf '%s\n' "${partitions[*]}"
}

# uuid_of SEED WHAT
uuid_of() {
  local sum
  sum=$(printf '%s' "vmresync $1 $2" | sha256sum)
  printf '%s-%s-4%s-a%s-%s\n' "${sum:0:8}" "${sum:8:4}" "${sum:13:3}" "${sum:17:3}" "${sum:20:12}"
}

# make_tree DIRECTORY BYTES SEED: files of a few sizes in a few directories, about BYTES in all.
make_tree() {
  local tree=$1 bytes=$2 seed=$3 i
  mkdir -- "$tree" "$tree"/{etc,log,data}
  truncate --size="$bytes" -- "$tree/blob"
  fill_ranges "$tree/blob" "$seed" <<<"0 $bytes"
  split --bytes=2M --numeric-suffixes --suffix-length=4 -- "$tree/blob" "$tree/data/file-"
  head --bytes=2M -- "$tree/blob" | split --bytes=7001 --numeric-suffixes --suffix-length=4 - "$tree/log/part-"
  rm -- "$tree/blob"
  for ((i = 0; i < 100; i++)); do
    printf '# file %s, seed %s\nvalue = %s\n' "$i" "$seed" "$((i * i))" >"$tree/etc/$i.conf"
  done
}

make_ext4() { quietly mkfs.ext4 -F -U "$3" -E "hash_seed=$3" -L ext4 -d "$2" -- "$1"; }
make_btrfs() { quietly mkfs.btrfs --force --uuid "$3" --label btrfs --rootdir "$2" -- "$1"; }
make_xfs() {
  xfs_prototype "$2" >"$2.prototype"
  quietly mkfs.xfs -f -m uuid="$3" -L xfs -p "$2.prototype" -- "$1"
  rm -- "$2.prototype"
}

# xfs_prototype DIRECTORY: how mkfs.xfs is told of a tree (mkfs.xfs(8), -p): name, mode, owner, source.
xfs_prototype() {
  local path
  printf '/\n0 0\nd--755 0 0\n'
  for path in "$1"/*; do
    printf '%s d--755 0 0\n' "${path##*/}"
    find "$path" -type f -printf '%f ---644 0 0 %p\n' | sort
    printf '$\n'
  done
  printf '$\n'
}

# quietly COMMAND...: its output only where it fails.
quietly() {
  local output
  output=$("$@" 2>&1) || die "$1 failed: $output"
}
