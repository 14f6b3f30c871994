# signatures: v4 v2
# covers: list, put, get, parts, copy, move, delete, presign, check, sync
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

if keeps_records; then
  step sync finds nothing to do the second time
  rclone sync "$TREE" "pfs:$BUCKET/synced"
  rclone sync -v "$TREE" "pfs:$BUCKET/synced" >synced.txt 2>&1
  expect_no_line Copied synced.txt
  rclone check "$TREE" "pfs:$BUCKET/synced"
fi

step a large file in and out
rclone copyto "$FILE" "pfs:$BUCKET/file.bin"
rclone copyto "pfs:$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step a file in parts, which rclone makes only of larger ones by itself
rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M "$PARTS" "pfs:$BUCKET/parts.bin"
rclone copyto "pfs:$BUCKET/parts.bin" parts-out.bin
expect_same "$PARTS" parts-out.bin

step remove the bucket
rclone delete "pfs:$BUCKET"
rclone rmdir "pfs:$BUCKET"
rclone lsd pfs: >buckets.txt
expect_no_line "$BUCKET" buckets.txt
