# Read by every script here: where things are, and how the program is built.
# One configuration (release) everywhere, so that one build folder serves running, tests,
# measurements and simulations alike.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${MARTLET_BUILD:-$root/.build}
mkdir -p "$build"
build=$(cd "$build" && pwd)

say() { printf '== %s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# swift_build ARGUMENTS…: builds with progress, quiet where the output is of no use to people.
swift_build() {
    command -v swift >/dev/null || fail "Swift 6.3 is needed: see https://www.swift.org/install"
    swift build -c release --package-path "$root" --scratch-path "$build" "$@"
}

# Where the built programs lie.
products() { printf '%s/release' "$build"; }
