# signatures: v4 v2
# covers: list, put, get, parts, copy, move, delete, presign, check, sync, metadata, versions
source "$SUPPORT/expect.sh"

client rclone "$(rclone version | sed -n '1s/rclone v*//p')"

step configure with host, key and secret
rclone config create pfs s3 provider Other endpoint "$ENDPOINT" access_key_id "$ACCESS_KEY" \
  secret_access_key "$SECRET_KEY" v2_auth "$([ "$SIGNATURE" = v2 ] && echo true || echo false)" >config.txt

step list buckets, make one
rclone lsd pfs: >buckets.txt
expect_line master.images buckets.txt
rclone mkdir "pfs:$BUCKET"

step copy in, list, cat, copy out
echo hello >hello.txt
rclone copyto hello.txt "pfs:$BUCKET/dir/hello.txt"
rclone ls "pfs:$BUCKET" >listing.txt
expect_line '6 dir/hello.txt' listing.txt
[ "$(rclone cat "pfs:$BUCKET/dir/hello.txt")" = hello ] || fail cat
rclone copyto "pfs:$BUCKET/dir/hello.txt" out.txt
expect_same hello.txt out.txt

step copy inside the gateway, remove
rclone copyto "pfs:$BUCKET/dir/hello.txt" "pfs:$BUCKET/copy.txt"
[ "$(rclone cat "pfs:$BUCKET/copy.txt")" = hello ] || fail cat of the copy
rclone link "pfs:$BUCKET/copy.txt" >link.txt
[ "$(curl --silent --fail "$(cat link.txt)")" = hello ] || fail the presigned URL
rclone deletefile "pfs:$BUCKET/copy.txt"
rclone deletefile "pfs:$BUCKET/dir/hello.txt"
[ -z "$(rclone lsf --recursive "pfs:$BUCKET")" ] || fail still there

step copy and move between keys with spaces and parentheses
rclone copyto hello.txt "pfs:$BUCKET/spaced/a b (1).txt"
rclone copyto "pfs:$BUCKET/spaced/a b (1).txt" "pfs:$BUCKET/spaced/c d (2).txt"
rclone move "pfs:$BUCKET/spaced" "pfs:$BUCKET/moved (1)"
[ "$(rclone cat "pfs:$BUCKET/moved (1)/c d (2).txt")" = hello ] || fail cat of what was moved
[ "$(rclone lsf "pfs:$BUCKET/moved (1)" | wc -l)" = 2 ] || fail not both are there
rclone delete "pfs:$BUCKET/moved (1)"

step a tree in and out
rclone copy "$TREE" "pfs:$BUCKET/tree"
rclone check --download "$TREE" "pfs:$BUCKET/tree"
rclone copy "pfs:$BUCKET/tree" tree-out
expect_same_tree "$TREE" tree-out

step sync keeps mtimes, and finds nothing to do the second time
cp -r "$TREE" source
find source -type f -exec touch --date='2001-02-03 04:05:06.789' {} +
rclone sync source "pfs:$BUCKET/synced"
rclone copyto hello.txt "pfs:$BUCKET/other.txt"
rclone sync -v source "pfs:$BUCKET/synced" >synced.txt 2>&1
expect_no_line Copied synced.txt
expect_no_line 'modification time' synced.txt
expect_line 'There was nothing to transfer' synced.txt
rclone check source "pfs:$BUCKET/synced" 2>checked.txt
expect_line '0 differences found' checked.txt
expect_no_line 'hashes could not be checked' checked.txt

step sync copies a file that has changed and kept its size and mtime, if it compares checksums
changed="$(find source -type f -size +0 -print -quit)"
other_bytes "$changed"
touch --date='2001-02-03 04:05:06.789' "$changed"
rclone sync -v --checksum source "pfs:$BUCKET/synced" >synced.txt 2>&1
[ "$(grep -c Copied synced.txt)" = 1 ] || fail "sync copied $(head -5 synced.txt)"
rclone sync "pfs:$BUCKET/synced" synced
expect_same_tree source synced
[ -z "$(find synced -type f ! -newermt '2001-02-03 04:05:06.788' -o -type f -newermt '2001-02-03 04:05:06.790')" ] ||
  fail the mtimes differ

step a large file in and out
rclone copyto "$FILE" "pfs:$BUCKET/file.bin"
rclone copyto "pfs:$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step a file in parts, which rclone makes only of larger ones by itself
rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M "$PARTS" "pfs:$BUCKET/parts.bin"
rclone copyto "pfs:$BUCKET/parts.bin" parts-out.bin
expect_same "$PARTS" parts-out.bin

step remove the bucket and what it holds
rclone purge "pfs:$BUCKET"
rclone lsd pfs: >buckets.txt
expect_no_line "$BUCKET" buckets.txt
