# shellcheck shell=bash
#
# Sourced: builds with SwiftPM, so that every script builds with the same flags and nothing is built twice.
# VMRESYNC_SWIFT_FLAGS adds flags; .ci/run sets -warnings-as-errors.

declare swift_flags=()
read -r -a swift_flags <<<"${VMRESYNC_SWIFT_FLAGS-}" || true
# The command carries Swift's libraries, since hypervisor hosts have no Swift, and no symbols. It looks for no
# library beside itself: root runs it. lld, since gold warns of a mktemp in Foundation that nobody calls.
readonly release_flags=(
  --configuration release --static-swift-stdlib --disable-local-rpath -Xlinker -s -Xswiftc -use-ld=lld)

need_swift() {
  local version
  command -v swift >/dev/null || die "needs Swift 6.3; install it from swift.org and put its bin directory on PATH"
  version=$(swift --version 2>/dev/null | sed -n 's/^Swift version \([0-9]*\.[0-9]*\).*/\1/p')
  [[ $version == 6.[3-9] || $version == 6.[1-9][0-9] ]] || die "needs Swift 6.3 or newer; this is ${version:-unknown}"
}

# build_debug: the package, the command and the tests, for tests. Optimized: without it each start of the command spends
# more than half a second on its arguments, and the tests take three times as long.
build_debug() { swift build --build-tests -Xswiftc -O "${swift_flags[@]}"; }

build_release() { swift build --product vmresync "${release_flags[@]}" "${swift_flags[@]}"; }

release_binary() { printf '%s/vmresync\n' "$(swift build "${release_flags[@]}" --show-bin-path)"; }
