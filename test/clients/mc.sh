# signatures: v4 v2
# load: large
# pachd: yes
# covers: list, put, get, parts, copy, delete, presign, sync, tags, versions
source "$SUPPORT/expect.sh"

client mc "$(awk '/^mc / { print $2 }' "$SUPPORT/../go-programs.txt" | sed 's/.*@//')"

step configure with host, key and secret
mc --quiet alias set pfs "$ENDPOINT" "$ACCESS_KEY" "$SECRET_KEY" --api "S3$SIGNATURE"

step list buckets
mc ls pfs >buckets.txt
expect_line 'master.images/' buckets.txt

step make a bucket
mc mb "pfs/$BUCKET"
mc ls pfs >buckets.txt
expect_line "$BUCKET/" buckets.txt

step copy in, list, cat, copy out
echo hello >hello.txt
mc cp hello.txt "pfs/$BUCKET/dir/hello.txt"
mc ls "pfs/$BUCKET/dir/" >listing.txt
expect_line 'hello.txt' listing.txt
[ "$(mc cat "pfs/$BUCKET/dir/hello.txt")" = hello ] || fail cat
mc cp "pfs/$BUCKET/dir/hello.txt" out.txt
expect_same hello.txt out.txt
mc stat "pfs/$BUCKET/dir/hello.txt" >stat.txt
expect_line '6 B' stat.txt

step copy inside the gateway
mc cp "pfs/$BUCKET/dir/hello.txt" "pfs/$BUCKET/copy.txt"
[ "$(mc cat "pfs/$BUCKET/copy.txt")" = hello ] || fail cat of the copy

step copy between keys with spaces and parentheses
mc cp hello.txt "pfs/$BUCKET/spaced/a b (1).txt"
mc cp "pfs/$BUCKET/spaced/a b (1).txt" "pfs/$BUCKET/spaced/c d (2).txt"
[ "$(mc cat "pfs/$BUCKET/spaced/c d (2).txt")" = hello ] || fail cat of the copy
mc rm "pfs/$BUCKET/spaced/a b (1).txt" "pfs/$BUCKET/spaced/c d (2).txt"

step presign
url="$(mc share download --json "pfs/$BUCKET/dir/hello.txt" | sed 's/.*"share": *"\([^"]*\)".*/\1/;s/\\u0026/\&/g' | grep '^http')"
[ "$(curl --silent --fail "$url")" = hello ] || fail the presigned URL

step a file in parts
mc cp --quiet "$PARTS" "pfs/$BUCKET/parts.bin"
mc cp --quiet "pfs/$BUCKET/parts.bin" parts-out.bin
expect_same "$PARTS" parts-out.bin

step remove
mc rm "pfs/$BUCKET/dir/hello.txt" "pfs/$BUCKET/copy.txt"
expect_refused mc stat "pfs/$BUCKET/dir/hello.txt"

step a tree in and out
mc cp --quiet --recursive "$TREE/" "pfs/$BUCKET/tree/"
mc cp --quiet --recursive "pfs/$BUCKET/tree/" tree-out/
expect_same_tree "$TREE" tree-out

step mirror finds nothing to do
mc mirror --quiet "$TREE/" "pfs/$BUCKET/tree/"
mc diff "$TREE/" "pfs/$BUCKET/tree/" >differences.txt
[ ! -s differences.txt ] || fail "mc diff shows $(head -5 differences.txt)"

step mirror --preserve keeps mtimes, and finds nothing to do the second time
cp -r "$TREE/$(ls "$TREE" | head -1)" source
find source -type f -exec touch --date='2001-02-03 04:05:06' {} +
mc mirror --quiet --preserve source/ "pfs/$BUCKET/mirrored/"
mc cp --quiet hello.txt "pfs/$BUCKET/other.txt"
mc mirror --quiet --preserve --overwrite source/ "pfs/$BUCKET/mirrored/" >mirrored.txt
expect_no_line ' -> ' mirrored.txt
mc mirror --quiet --preserve "pfs/$BUCKET/mirrored/" mirrored/
expect_same_tree source mirrored
[ -z "$(find mirrored -type f -newermt 2001-02-04)" ] || fail the mtimes differ

step tag
mc tag set "pfs/$BUCKET/other.txt" 'project=vision&color=light blue'
mc tag list "pfs/$BUCKET/other.txt" >tags.txt
expect_line vision tags.txt
expect_line 'light blue' tags.txt
mc tag remove "pfs/$BUCKET/other.txt"
mc tag list "pfs/$BUCKET/other.txt" >tags.txt
expect_no_line vision tags.txt

step undo a change and a removal
echo changed >changed.txt
mc cp --quiet changed.txt "pfs/$BUCKET/other.txt"
mc undo --force "pfs/$BUCKET/other.txt"
[ "$(mc cat "pfs/$BUCKET/other.txt")" = hello ] || fail "undo left $(mc cat "pfs/$BUCKET/other.txt")"
mc rm "pfs/$BUCKET/other.txt"
mc undo --force "pfs/$BUCKET/other.txt"
[ "$(mc cat "pfs/$BUCKET/other.txt")" = hello ] || fail "undo left $(mc cat "pfs/$BUCKET/other.txt")"

step a large file in and out
mc cp --quiet "$FILE" "pfs/$BUCKET/file.bin"
mc cp --quiet "pfs/$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

if [ "$SIGNATURE" = v4 ] && [ "$(stat -c %s "$FILE")" -gt 100000000 ]; then
  step 1 GiB in parts
  cat "$FILE" "$FILE" "$FILE" "$FILE" >gibibyte.bin
  truncate -s 1G gibibyte.bin
  mc cp --quiet gibibyte.bin "pfs/$BUCKET/gibibyte.bin"
  mc cp --quiet "pfs/$BUCKET/gibibyte.bin" gibibyte-out.bin
  expect_same gibibyte.bin gibibyte-out.bin
  rm gibibyte.bin gibibyte-out.bin
fi

step remove what is left
mc rm --quiet --recursive --force "pfs/$BUCKET" >removed.txt
[ -z "$(mc ls --recursive "pfs/$BUCKET")" ] || fail still there

step remove the bucket with every version
mc cp --quiet hello.txt "pfs/$BUCKET/hello.txt"
mc rb --force "pfs/$BUCKET"
mc ls pfs >buckets.txt
expect_no_line "$BUCKET/" buckets.txt
