# shellcheck shell=bash
#
# Sourced by scripts/loopdev: its commands, but `demo`. Each reads `option` and works on the state directory.

create_command() {
  local kind size seed data
  kind=$(choice_option --kind vm sparse random vm)
  seed=$(number_option --seed 1)
  [[ $kind == vm ]] && size=640M || size=64M
  size=$(bytes_of --size "${option[--size]-$size}")
  ((size > 0)) || die "--size 0: an empty disk cannot be attached"
  data=$(bytes_of --data "${option[--data]-$((size / 64 > mebibyte ? size / 64 : mebibyte))}")
  [[ $kind == sparse || ! -v option[--data] ]] || die "--data goes with --kind sparse only"
  [[ $kind != sparse ]] || ((data <= size)) || ((size < mebibyte)) || die "--data $data: more than --size $size"
  [[ $kind != vm ]] || need sgdisk mkfs.ext4 mkfs.xfs mkfs.btrfs

  open_directory
  choose_pair "${option[--name]-pair}"
  [[ ! -e $pair ]] ||
    die "a pair '${pair##*/}' exists already; remove it first: scripts/loopdev clean --name ${pair##*/}"
  case $kind in
    random) room_for "$((2 * size))" "$directory" ;;
    sparse) room_for "$((2 * data))" "$directory" ;;
    vm) room_for "$((1 << 30))" "$directory" ;;
  esac

  mkdir -- "$pair"
  trap remove_pair EXIT
  fill_pair "$kind" "$size" "$seed" "$data"
  trap - EXIT
  say "made the pair '${pair##*/}': $kind, $(human "$size"), in $pair"
}

# fill_pair KIND SIZE SEED DATA: the images first, the record last, so that a record means a whole pair.
fill_pair() {
  local layout=
  case $1 in
    random) make_random "$pair/primary.img" "$2" "$3" ;;
    sparse) make_sparse "$pair/primary.img" "$2" "$3" "$(($2 < mebibyte ? 0 : $4))" ;;
    vm)
      mkdir -- "$pair/making"
      layout=$(make_vm "$pair/primary.img" "$2" "$3" "$pair/making")
      rmdir -- "$pair/making"
      ;;
  esac
  copy_image "$pair/primary.img" "$pair/recovery.img"
  record=([format]=1 [kind]=$1 [size]=$2 [seed]=$3 [partitions]=$layout)
  save_record
}

attach_command() {
  local sector_size side
  sector_size=$(choice_option --sector-size 512 512 4096)
  open_directory
  choose_pair "${option[--name]-pair}"
  need_record
  if is_ours primary || is_ours recovery; then
    [[ ${record[sector_size]-} == "$sector_size" ]] ||
      die "'${pair##*/}' is attached with sectors of ${record[sector_size]} bytes; detach it first:" \
        "scripts/loopdev detach --name ${pair##*/}"
  fi
  ((record[size] % sector_size == 0)) ||
    say "note: the last $((record[size] % sector_size)) bytes cannot be reached through the devices"
  record[sector_size]=$sector_size
  for side in primary recovery; do
    is_ours "$side" || attach_side "$side"
  done
  printf 'PRIMARY=%s\nRECOVERY=%s\n' "${record[primary_loop]}" "${record[recovery_loop]}"
}

attach_side() {
  local side=$1 device
  # The record names the device before it is attached: after a kill in between, `detach` still finds it.
  # shellcheck disable=SC2317 # called by attach_free
  before_attach() {
    record[${side}_loop]=$1
    unset "record[${side}_identity]"
    save_record
  }
  attach_free "$pair/$side.img" device --sector-size="${record[sector_size]}"
  record[${side}_identity]=$(loop_identity "$device")
  save_record
}

# is_ours SIDE: whether the recorded device is still attached as we recorded it.
is_ours() { [[ -n ${record[${1}_loop]-} ]] && device_is_ours "$1" "${record[${1}_loop]}"; }

device_is_ours() {
  local identity=${record[${1}_identity]-}
  if [[ -n $identity ]]; then
    [[ $(loop_identity "$2") == "$identity" ]]
  else
    is_attached_over "$2" "$pair/$1.img"
  fi
}

detach_pair() {
  local side
  load_record || return 0
  for side in primary recovery; do
    [[ -n ${record[${side}_loop]-} ]] || continue
    detach_attached "${record[${side}_loop]}" device_is_ours "$side"
    unset "record[${side}_loop]" "record[${side}_identity]"
    save_record
  done
}

# on_each_pair COMMAND: for the named pair, or for all.
on_each_pair() {
  local name failed=0
  directory_exists || return 0
  open_directory
  if [[ -v option[--name] ]]; then
    choose_pair "${option[--name]}"
    [[ ! -d $pair ]] || "$1"
    return
  fi
  for name in $(pair_names); do
    # In a subshell, so that one pair in use does not keep the others; not before `||`, where -e has no effect.
    set +e
    (
      set -e
      choose_pair "$name"
      "$1"
    )
    # shellcheck disable=SC2181
    (($? == 0)) || failed=1
    set -e
  done
  return "$failed"
}

detach_command() { on_each_pair detach_pair; }

clean_command() {
  on_each_pair clean_pair
  [[ ! -d $directory ]] || rmdir --ignore-fail-on-non-empty -- "$directory"
}

clean_pair() {
  detach_pair
  remove_pair
}

mutate_command() {
  local pattern rate seed target changes
  pattern=$(choice_option --pattern random random runs head tail even bits zeros)
  rate=${option[--rate]-1}
  [[ $rate =~ ^(100|[0-9]{1,2}(\.[0-9]{1,6})?)$ ]] ||
    die "--rate '$rate': percent of the 4 KiB blocks, from 0 to 100, such as 1 or 0.5"
  seed=$(number_option --seed 1)
  open_directory
  choose_pair "${option[--name]-pair}"
  need_record
  target=$pair/recovery.img
  # Behind an attached device's back its cache would keep the old bytes.
  if is_ours recovery; then target=${record[recovery_loop]}; fi
  changes=$(mutate_file "$target" "$seed" "$pattern" "$rate")
  if [[ -n $changes ]]; then
    printf '%s\n' "$changes" >>"$pair/changes"
    [[ ! -v option[--list] ]] || printf '%s\n' "$changes"
  fi
  say "changed the replica of '${pair##*/}' ($pattern, $rate %, seed $seed): $(describe_changes "$changes")"
}

# describe_changes RANGES
describe_changes() {
  awk 'NF { ranges++; bytes += $2; if (ranges == 1) first = $1; last = $1 + $2 - 1 }
    END {
      if (!ranges) { print "nothing, the blocks held zeros already"; exit }
      printf "%.0f blocks (%.0f bytes) in %d ranges, from byte %.0f to byte %.0f\n",
        int((bytes + 4095) / 4096), bytes, ranges, first, last
    }' <<<"$1"
}

status_command() {
  local name
  if ! directory_exists || { open_directory && [[ -z $(pair_names) ]]; }; then
    say "no pairs in '$directory'; make one with: scripts/loopdev create"
    return
  fi
  {
    printf 'PAIR\tKIND\tSIZE\tSIDE\tDEVICE\tSECTOR\tUSED BY\tALLOCATED\tIMAGE\n'
    for name in $(pair_names); do
      choose_pair "$name"
      status_rows
    done
  } | align
}

status_rows() {
  local side device users sectors
  if ! load_record; then
    printf '%s\tunfinished; remove it with: scripts/loopdev clean --name %s\n' "${pair##*/}" "${pair##*/}"
    return
  fi
  for side in primary recovery; do
    device=- users=- sectors=-
    if is_ours "$side"; then
      device=${record[${side}_loop]} sectors=${record[sector_size]}
      users=$(who_has "$device")
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "${pair##*/}" "${record[kind]}" "$(human "${record[size]}")" \
      "$side" "$device" "$sectors" "${users:--}" \
      "$(human "$(($(stat --format='%b * %B' -- "$pair/$side.img")))")" "$pair/$side.img"
  done
}

# align: tab-separated lines as columns. (column(1) is in a package that is not on every Debian.)
align() {
  awk -F'\t' '
    { rows[NR] = $0; for (i = 1; i <= NF; i++) if (length($i) > width[i]) width[i] = length($i) }
    END {
      for (row = 1; row <= NR; row++) {
        count = split(rows[row], cells, FS)
        for (i = 1; i < count; i++) printf "%-" width[i] "s  ", cells[i]
        print cells[count]
      }
    }'
}
