# shellcheck shell=bash
#
# Sourced by scripts/bench: what jobs, roles and virtual machines' names cost.

declare big_primary big_recovery # set by make_pair

# row_jobs: a system of four disks, its state on an ext4 over a loop device.
row_jobs() {
  local host host_held config=/mnt/config.toml i held
  attach_unnamed "$((8 << 30))" "$directory" host host_held
  mkfs.ext4 -q -E nodiscard "$host"
  mkdir /mnt/jobs
  mount "$host" /mnt/jobs
  make_pair small "$mebibyte" "$directory"
  make_pair big "$size" "$directory"
  for ((i = 0; i < 8; i++)); do attach_unnamed "$mebibyte" "$directory" "disk_$i" held; done
  describe_bench_systems >"$config"
  sample_background() {
    sample jobs.background 0 "$vmresync" resync four --config "$config" --state-dir /mnt/jobs/state --yes --quiet --background
    "$vmresync" job wait four --state-dir /mnt/jobs/state >/mnt/output || die "the job failed: $(</mnt/output)"
  }
  # A comparison of a system is a job, and one of the same disks is none; both know as little of the disks.
  sample_recorded() {
    sample jobs.recorded 0 "$vmresync" compare one --config "$config" --state-dir /mnt/jobs/state --quiet
  }
  sample_unrecorded() {
    sample jobs.unrecorded 0 "$vmresync" compare --primary "$small_primary" --recovery "$small_recovery" --quiet
  }
  in_turns sample_background sample_recorded sample_unrecorded
  limit_row 'jobs: --background answers, 4 disks' "$(median jobs.background.wall)" ms 1000 500
  limit_row 'jobs: what a record costs a run' \
    "$(($(median jobs.recorded.wall) - $(median jobs.unrecorded.wall)))" ms 1000 30
  copy_records 1000
  sample_list() { sample jobs.list 0 "$vmresync" job list --state-dir /mnt/jobs/state; }
  in_turns sample_list
  (($(wc --lines </mnt/output) > 1000)) || die "job list shows $(wc --lines </mnt/output) lines"
  limit_row 'jobs: job list, 1,000 records' "$(median jobs.list.wall)" ms 1000 100
  "$vmresync" resync big --config "$config" --state-dir /mnt/jobs/state --yes --quiet
  in_turns sample_failover
  limit_row 'jobs: failover ends a run, and marks' "$(median jobs.failover.wall)" ms 1000 1000
  umount /mnt/jobs
  exec {host_held}<&-
}

# sample_failover: while a run compares, of which every block differs.
sample_failover() {
  local run words=(--config "$config" --state-dir /mnt/jobs/state)
  mutate_file "$big_recovery" "$round" bits 100 >/dev/null
  blockdev --flushbufs "$big_recovery"
  "$vmresync" resync big "${words[@]}" --yes --quiet --max-difference 100% 2>/mnt/run &
  run=$!
  sleep 0.2
  sample jobs.failover 0 "$vmresync" failover big "${words[@]}"
  wait "$run" && die 'the run ended before it was ended'
  "$vmresync" failover --revert big "${words[@]}" --yes >/dev/null 2>&1
}

# row_inventory: 200 machines of libvirt's test driver, the replicas of one another.
row_inventory() {
  local i
  {
    printf '<node>'
    for ((i = 0; i < 200; i++)); do
      printf "<domain type='test'><name>vm%s</name><memory>65536</memory><os><type>hvm</type></os><devices>" "$i"
      printf "<disk type='block' device='disk'><source dev='/dev/vg/vm%s'/><target dev='vda'/></disk>" "$i"
      printf '</devices></domain>'
    done
    printf '</node>'
  } >/mnt/node.xml
  {
    printf 'version = 1\n[libvirt]\nuris = ["test:///mnt/node.xml"]\n'
    for ((i = 0; i < 200; i += 2)); do
      printf '[[relationship]]\nname = "r%s"\nprimary = "vm%s"\nrecovery = "vm%s"\n' "$i" "$i" "$((i + 1))"
    done
  } >/mnt/inventory.toml
  sample_status() { sample inventory.status 0 "$vmresync" status --json --config /mnt/inventory.toml --state-dir /mnt/none; }
  in_turns sample_status
  (($(grep --count '"ReplicationState"' /mnt/output) == 100)) || die "status tells of other than 100 relationships"
  limit_row 'inventory: status --json, 200 domains' "$(median inventory.status.wall)" ms 1000 300
}

# describe_bench_systems: one disk of a system called one, four of one called four, and their replicas.
describe_bench_systems() {
  local disk i
  echo 'version = 1'
  describe_system one "$small_primary"
  describe_system one-replica "$small_recovery"
  local primaries=() recoveries=()
  for ((i = 0; i < 8; i++)); do
    local -n disk=disk_$i
    if ((i % 2)); then recoveries+=("$disk"); else primaries+=("$disk"); fi
    unset -n disk
  done
  describe_system four "${primaries[@]}"
  describe_system four-replica "${recoveries[@]}"
  describe_system big "$big_primary"
  describe_system big-replica "$big_recovery"
  printf '[[relationship]]\nname = "%s"\nprimary = "%s"\nrecovery = "%s-replica"\n' \
    one one one four four four big big big
}

# describe_system NAME DISK...
describe_system() {
  local number=0 disk
  printf '[[system]]\nname = "%s"\n' "$1"
  for disk in "${@:2}"; do
    printf '[[system.disk]]\ntarget = "disk%s"\nsource = "%s"\n' "$((number++))" "$disk"
  done
}

# copy_records COUNT: as many jobs as that, all of them the last one under other names.
copy_records() {
  local jobs=/mnt/jobs/state/jobs id new i
  id=$("$vmresync" job show one --state-dir /mnt/jobs/state | sed -n 's/^InstanceID *//p')
  for ((i = 0; i < $1; i++)); do
    printf -v new '%08x%s' "$i" "${id:8}"
    mkdir --mode=0700 "$jobs/$new"
    sed "s/$id/$new/" "$jobs/$id/job.json" >"$jobs/$new/job.json"
  done
}
