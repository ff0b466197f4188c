#!/usr/bin/env bash
# A newcomer's first command, from a fresh clone: script/up PHOTOS --once, then again. The program is
# the one that was built for all tests: in another folder all of it would compile again.
source "$(dirname "${BASH_SOURCE[0]}")/../script/common.sh"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone --quiet "$root" "$folder/martlet"
photos=${MARTLET_PHOTOS:-$root/../shared/photos}
before=$(cd "$photos" && find . -type f -printf '%p %s %T@ %C@\n' | sort | sha256sum)

export MARTLET_DATA=$folder/data MARTLET_HOME=$folder/home
export MARTLET_PROGRAM=$(products)/martlet
up() { "$folder/martlet/script/up" "$photos" --once </dev/null 2>&1 | tee "$folder/out"; }

up
grep -q 'http://127.0.0.1' "$folder/out" || fail "no web address was printed"
password=$(sed -n 's/^== Password: *\([^ ]*\).*/\1/p' "$folder/out")
[ -n "$password" ] || fail "no password was printed"
[ "$before" = "$(cd "$photos" && find . -type f -printf '%p %s %T@ %C@\n' | sort | sha256sum)" ] \
    || fail "the originals were touched"
objects() { (cd "$MARTLET_DATA/blobs/objects" && find . -type f | sort); }
objects >"$folder/before"

up
grep -q 'Password' "$folder/out" && fail "the password was printed a second time"
grep -qE '^Up to date: ([0-9]+) of \1 items$' "$folder/out" \
    || fail "the second run sent something again"
objects >"$folder/after"
[ -z "$(comm -23 "$folder/before" "$folder/after")" ] || fail "the second run took objects away"
# Previews come after all thumbnails, whenever the server has time: they are all that may be new.
comm -13 "$folder/before" "$folder/after" | while read -r object; do
    [ "$(head -c 12 "$MARTLET_DATA/blobs/objects/$object" | tail -c 4)" = WEBP ] \
        || fail "the second run stored $object, which is no preview"
done

if "$folder/martlet/script/up" "$folder/nowhere" --once </dev/null >"$folder/out" 2>&1; then
    fail "a folder that is not there was accepted"
fi
grep -q 'is not a folder' "$folder/out" || fail "a missing folder is not named"
say "script/up works from a fresh clone"
