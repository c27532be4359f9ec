# shellcheck shell=bash
#
# Sourced by scripts/loopdev: the main job, told step by step, on disks that vanish with it.
#
# Nothing here needs cleaning up. The images have no names, their loop devices detach themselves, and all mounts
# lie in a mount namespace of the demo's own: after an error, Ctrl-C or kill -9 the kernel removes all of it.

declare vmresync primary recovery partitions
declare primary_held recovery_held # descriptors that keep the devices
declare state=/mnt/host/state       # where vmresync remembers what it did, and stages what differs
declare host host_held
declare config=/mnt/config.toml     # the systems and who mirrors whom
declare steps=0

demo_command() {
  if [[ ${VMRESYNC_DEMO_NAMESPACE-} != "$(readlink /proc/self/ns/mnt)" ]]; then
    need unshare sgdisk mkfs.ext4 mkfs.xfs mkfs.btrfs
    # shellcheck disable=SC2016 # the inner shell expands it
    exec unshare --mount --propagation private -- bash -c \
      'VMRESYNC_DEMO_NAMESPACE=$(readlink /proc/self/ns/mnt) exec "$@"' - "$scripts/loopdev" demo
  fi
  find_vmresync
  mount -t tmpfs -o mode=0700 vmresync-demo /mnt # only this namespace sees it

  demo_make
  demo_refusals
  demo_damage
  demo_resync
  demo_proof
  demo_job
  demo_end
}

find_vmresync() {
  vmresync=${VMRESYNC:-$scripts/../.build/release/vmresync}
  [[ -x $vmresync ]] || die "there is no command at '$vmresync'; build it with scripts/build-release, or name it in VMRESYNC"
  vmresync=$(realpath -- "$vmresync")
}

heading() {
  steps=$((steps + 1))
  printf '\n%s. %s\n\n' "$steps" "$*"
}

tell() { printf '   %s\n' "$@"; }

# expect STATUS ARGUMENT...: runs vmresync, and stops the demo where it ends otherwise.
expect() {
  local expected=$1 status=0
  shift
  printf '   # vmresync %s\n' "$*"
  (
    exec {primary_held}<&- {recovery_held}<&- {host_held}<&-
    exec "$vmresync" "$@"
  ) || status=$?
  ((status == expected)) || die "the demo failed: 'vmresync $*' ended with $status, not with $expected"
  printf '   -> exit status %s\n\n' "$status"
}

demo_make() {
  local size=$((640 << 20)) where=${TMPDIR:-/var/tmp}
  heading 'A virtual machine with one disk, and its replica'
  room_for "$((1 << 30))" "$where"
  mkdir /mnt/making
  partitions=$(make_vm /mnt/primary.img "$size" 2026 /mnt/making)
  attach_unnamed "$size" "$where" primary primary_held
  attach_unnamed "$size" "$where" recovery recovery_held
  # Differences are staged where they outlive a reboot, so not on a tmpfs; what is not written takes no room.
  attach_unnamed "$((8 << 30))" "$where" host host_held
  mkfs.ext4 -q -E nodiscard "$host"
  mkdir /mnt/host
  mount "$host" /mnt/host
  copy_to_device "$primary"
  copy_to_device "$recovery"
  rm --recursive /mnt/primary.img /mnt/making
  tell "primary  $primary   $(human "$size"), a GPT with ext4, XFS and btrfs" "recovery $recovery   the same bytes"
  take_checksums
  tell "The primary's file systems hold $(wc --lines </mnt/checksums) files; their checksums are noted."
}

copy_to_device() { dd if=/mnt/primary.img of="$1" bs=64K conv=sparse,notrunc,fsync status=none; }

# with_each_partition DEVICE COMMAND: runs COMMAND in the root of each of DEVICE's file systems, mounted
# read-only through a loop device over its part of DEVICE; the kernel needs no parser for partition tables.
with_each_partition() {
  local device=$1 partition type offset length
  shift
  mkdir -p /mnt/guest
  for partition in $partitions; do
    IFS=: read -r type offset length <<<"$partition"
    mount_partition "$device" "$partition" ro
    (cd /mnt/guest && "$@" "$type")
    umount /mnt/guest
  done
}

# mount_partition DEVICE TYPE:OFFSET:LENGTH ro|rw
mount_partition() {
  local type offset length
  IFS=: read -r type offset length <<<"$2"
  mount -t "$type" -o "$3,loop,offset=$offset,sizelimit=$length" "$1" /mnt/guest
}

take_checksums() { with_each_partition "$primary" list_checksums >/mnt/checksums; }

# list_checksums TYPE: "SUM  TYPE/PATH" of every file below the working directory.
list_checksums() { find . -type f -print0 | sort -z | xargs -0 sha256sum | sed "s,  \./,  $1/,"; }

demo_refusals() {
  heading 'Somebody mounts the replica: vmresync does not write to it'
  mkdir -p /mnt/guest
  mount_partition "$recovery" "${partitions%% *}" rw
  echo 'written to the replica by mistake' >/mnt/guest/mistake
  tell "# mount $recovery (its ext4, read-write)"
  expect 46 resync --primary "$primary" --recovery "$recovery" --state-dir "$state" --yes 2>&1 | tee /mnt/answer
  umount /mnt/guest
  grep --quiet 32774 /mnt/answer ||
    die "the demo failed: the refusal above does not name the return value 32774"
  heading 'A disk named twice: refused too'
  expect 45 resync --primary "$primary" --recovery "$primary" --state-dir "$state" --yes
}

demo_damage() {
  heading 'The replica falls behind'
  damage ext4 bits 0.5
  damage xfs runs 3
  damage btrfs tail 10
}

# damage TYPE PATTERN RATE: in the replica's file system of that type.
damage() {
  local partition type offset length changes
  for partition in $partitions; do
    IFS=: read -r type offset length <<<"$partition"
    [[ $type == "$1" ]] || continue
    changes=$(mutate_file "$recovery" 2026 "$2" "$3" "$offset" "$length")
    tell "$type, $2: $(describe_changes "$changes")"
  done
}

demo_resync() {
  local pair=(--primary "$primary" --recovery "$recovery")
  heading 'The plan: who is read, who would be written, and what each guard says'
  expect 0 plan "${pair[@]}" --state-dir "$state"
  heading 'Before: where they differ (status 1: different)'
  expect 1 compare "${pair[@]}" --map
  heading 'The resynchronization, by the name of the virtual machine'
  describe_systems
  expect 0 resync web01 --config "$config" --state-dir "$state" --yes
  heading 'After: identical (status 0)'
  expect 0 compare "${pair[@]}" --map
}

# Both are machines of libvirt's test driver, a hypervisor inside libvirt's library, so that none has to run.
describe_systems() {
  describe_machines 1
  tell 'libvirt knows two machines, web01 and web01-replica; their disks are paired by serial number:'
  expect 0 config suggest web01 web01-replica --libvirt test:///mnt/node.xml | tee /mnt/suggestion
  cat >"$config" <<EOF
version = 1
[libvirt]
uris = ["test:///mnt/node.xml"]
$(sed -n '/^\[\[relationship/,/^$/ { /^ /d; /^$/d; p }' /mnt/suggestion)
EOF
  tell 'The replica runs: nothing is written to it.'
  expect 47 resync web01 --config "$config" --state-dir "$state" --yes
  describe_machines 5
  tell '# virsh shutdown web01-replica'
}

# describe_machines STATE: the replica's, as libvirt numbers them: 1 running, 5 shut off.
describe_machines() {
  {
    printf '<node>\n'
    describe_machine web01 5 "$primary"
    describe_machine web01-replica "$1" "$recovery"
    printf '</node>\n'
  } >/mnt/node.xml
}

# describe_machine NAME STATE DISK
describe_machine() {
  cat <<EOF
<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
  <name>$1</name><memory>65536</memory><os><type>hvm</type></os>
  <devices><disk type='block' device='disk'><source dev='$3'/><target dev='vda'/><serial>WEB01</serial></disk></devices>
  <test:runstate>$2</test:runstate>
</domain>
EOF
}

# The replica falls behind once more, and a job brings it in line at a time.
demo_job() {
  heading 'A resynchronization in two seconds, as a job that outlives its command'
  damage xfs runs 1
  expect 0 resync web01 --config "$config" --state-dir "$state" --yes --at +2s
  expect 0 job list --state-dir "$state"
  heading 'Waiting for it, from any other shell'
  expect 0 job wait web01 --state-dir "$state"
  expect 0 compare web01 --config "$config" --state-dir "$state"
}

demo_proof() {
  heading "The proof: the replica's file systems, mounted read-only"
  with_each_partition "$recovery" list_checksums >/mnt/checksums.recovery
  cmp /mnt/checksums /mnt/checksums.recovery ||
    die "the demo failed: the files above differ between the primary and the replica"
  tell "All $(wc --lines </mnt/checksums) files have the primary's checksums."
}

demo_end() {
  local device identities=() i
  heading 'Cleaned up'
  for device in "$primary" "$recovery" "$host"; do identities+=("$(loop_identity "$device")"); done
  umount /mnt/host
  exec {primary_held}<&- {recovery_held}<&- {host_held}<&-
  for ((i = 0; i < 20; i++)); do
    if ! still_attached; then
      tell "No loop device, mount or file of the demo is left. It took $SECONDS seconds."
      return
    fi
    sleep 0.05 # the kernel detaches at the last close; no event tells
  done
  die "the demo failed: $primary, $recovery or $host is still attached; $(losetup --list "$primary" "$recovery" "$host")"
}

still_attached() {
  [[ $(loop_identity "$primary") == "${identities[0]}" || $(loop_identity "$recovery") == "${identities[1]}" ||
    $(loop_identity "$host") == "${identities[2]}" ]]
}
