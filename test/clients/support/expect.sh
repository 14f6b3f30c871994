# For the scripts of clients that are programs: `source "$SUPPORT/expect.sh"`.
set -euo pipefail

# Each step is shown, so that a failure says where it was.
step() { echo "--- $*"; }

fail() {
  echo "FAILED: $*"
  exit 1
}

# expect_line TEXT FILE: a line of FILE holds TEXT.
expect_line() { grep -qF -- "$1" "$2" || fail "no line holds '$1' in: $(cat "$2")"; }

# expect_no_line TEXT FILE: none does.
expect_no_line() { if grep -qF -- "$1" "$2"; then fail "a line holds '$1' in: $(cat "$2")"; fi; }

# expect_refused COMMAND…: it fails.
expect_refused() { if "$@" >refused.txt 2>&1; then fail "passed: $*"; fi; }

checksum() { sha256sum <"$1"; }

# expect_same FILE FILE: equal content.
expect_same() { [ "$(checksum "$1")" = "$(checksum "$2")" ] || fail "$1 and $2 differ"; }

# expect_same_tree DIRECTORY DIRECTORY: the same files with equal content, and more than none.
expect_same_tree() {
  [ -n "$(find "$1" -type f -print -quit)" ] || fail "$1 is empty"
  diff -r "$1" "$2" >differences.txt || fail "the trees differ: $(head -20 differences.txt)"
}

# client NAME VERSION: for the table of clients.
client() { echo "client: $*"; }

# other_bytes FILE: other content of the same size, and so a later time.
other_bytes() {
  head -c "$(stat -c %s "$1")" /dev/urandom >other-bytes.tmp
  cat other-bytes.tmp >"$1"
  rm other-bytes.tmp
}
