# shellcheck shell=bash
#
# Sourced by scripts/bench: takes samples, and prints the table. Times are microseconds.

# miss: a bar was missed; in a file, since rows run in subshells.
miss() { echo >>/mnt/missed; }

# sample NAME STATUS COMMAND...: measures it once, and stops where it does not end with STATUS. "any" is any.
sample() {
  local name=$1 expected=$2 wall processor resident workers status
  shift 2
  /mnt/measure /mnt/result "$@" >/mnt/output 2>&1
  read -r wall processor resident workers status </mnt/result
  [[ $expected == any || $status == "$expected" ]] ||
    die "'$*' ended with $status, not with $expected: $(tail --lines=5 /mnt/output)"
  printf '%s\n' "$wall" >>"/mnt/samples/$name.wall"
  printf '%s\n' "$processor" >>"/mnt/samples/$name.processor"
  printf '%s\n' "$resident" >>"/mnt/samples/$name.resident"
  printf '%s\n' "$workers" >>"/mnt/samples/$name.workers"
}

# median NAME.KIND: of the samples but the first, the warm-up.
median() {
  tail --lines=+2 -- "/mnt/samples/$1" | sort --numeric-sort |
    awk '{ all[NR] = $1 } END { printf "%.0f\n", (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'
}

largest() { sort --numeric-sort -- "/mnt/samples/$1" | tail --lines=1; }

# in_turns COMMAND...: runs the commands one after the other, a warm-up and then the rounds. `round` counts.
in_turns() {
  local command
  for ((round = 0; round <= rounds; round++)); do
    for command in "$@"; do "$command"; done
  done
}

table_head() {
  printf '%-44s %12s %22s %7s %7s\n' "$(nproc) processors, Linux $(uname -r)" measured against ratio bar
}

# ratio_row WHAT MEASURED AGAINST_NAME AGAINST BAR: MEASURED over AGAINST, at most BAR.
ratio_row() {
  awk -v what="$1" -v measured="$2" -v name="$3" -v against="$4" -v bar="$5" 'BEGIN {
    ratio = against > 0 ? measured / against : 999
    printf "%-44s %10.3f s %22s %7.2f %7.2f  %s\n", what, measured / 1e6,
      sprintf("%s %.3f s", name, against / 1e6), ratio, bar, ratio <= bar ? "ok" : "MISSED"
    exit ratio > bar
  }' || miss
}

# limit_row WHAT MEASURED UNIT DIVISOR BAR: MEASURED over DIVISOR, in UNIT, at most BAR.
limit_row() {
  awk -v what="$1" -v measured="$2" -v unit="$3" -v divisor="$4" -v bar="$5" 'BEGIN {
    value = measured / divisor
    printf "%-44s %12s %22s %7s %7s  %s\n", what, sprintf("%.4g %s", value, unit), "", "", bar,
      value <= bar ? "ok" : "MISSED"
    exit value > bar
  }' || miss
}

# note_row WHAT MEASURED UNIT DIVISOR: a figure without a bar.
note_row() {
  awk -v what="$1" -v measured="$2" -v unit="$3" -v divisor="$4" 'BEGIN {
    printf "%-44s %12s\n", what, sprintf("%.3g %s", measured / divisor, unit)
  }'
}

table_end() {
  [[ ! -e /mnt/missed ]] || die "$(wc --lines </mnt/missed) of the bars above were missed"
}
