# signatures: v4 v2
source "$SUPPORT/expect.sh"

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
rclone deletefile "pfs:$BUCKET/copy.txt"
rclone deletefile "pfs:$BUCKET/dir/hello.txt"
[ -z "$(rclone lsf --recursive "pfs:$BUCKET")" ] || fail still there

step a tree in and out
rclone copy "$TREE" "pfs:$BUCKET/tree"
rclone check --download "$TREE" "pfs:$BUCKET/tree"
rclone copy "pfs:$BUCKET/tree" tree-out
expect_same_tree "$TREE" tree-out

step a large file in and out
rclone copyto "$FILE" "pfs:$BUCKET/file.bin"
rclone copyto "pfs:$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step a file in parts, which rclone makes only of larger ones by itself
head -c 12000000 /dev/urandom >parts.bin
rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M parts.bin "pfs:$BUCKET/parts.bin"
rclone copyto "pfs:$BUCKET/parts.bin" parts-out.bin
expect_same parts.bin parts-out.bin

step remove the bucket
rclone delete "pfs:$BUCKET"
rclone rmdir "pfs:$BUCKET"
rclone lsd pfs: >buckets.txt
expect_no_line "$BUCKET" buckets.txt
