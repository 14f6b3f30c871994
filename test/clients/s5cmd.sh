# signatures: v4
# covers: list, put, get, parts, copy, move, delete, presign, sync
source "$SUPPORT/expect.sh"

client s5cmd "$(s5cmd version | sed 's/-.*//;s/^v//')"

step configure with host, key and secret
export AWS_ACCESS_KEY_ID="$ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$SECRET_KEY" S3_ENDPOINT_URL="$ENDPOINT"

step list buckets, make one
s5cmd ls >buckets.txt
expect_line 's3://master.images' buckets.txt
s5cmd mb "s3://$BUCKET"

step copy in, list, cat, copy out
echo hello >hello.txt
s5cmd cp hello.txt "s3://$BUCKET/dir/hello.txt"
s5cmd ls "s3://$BUCKET/dir/" >listing.txt
expect_line hello.txt listing.txt
[ "$(s5cmd cat "s3://$BUCKET/dir/hello.txt")" = hello ] || fail cat
s5cmd cp "s3://$BUCKET/dir/hello.txt" out.txt
expect_same hello.txt out.txt

step copy inside the gateway, remove
s5cmd cp "s3://$BUCKET/dir/hello.txt" "s3://$BUCKET/copy.txt"
[ "$(s5cmd cat "s3://$BUCKET/copy.txt")" = hello ] || fail cat of the copy
s5cmd rm "s3://$BUCKET/copy.txt" "s3://$BUCKET/dir/hello.txt"
expect_refused s5cmd cat "s3://$BUCKET/copy.txt"

step copy and move between keys with spaces and parentheses
s5cmd cp hello.txt "s3://$BUCKET/spaced/a b (1).txt"
s5cmd cp "s3://$BUCKET/spaced/a b (1).txt" "s3://$BUCKET/spaced/c d (2).txt"
s5cmd mv "s3://$BUCKET/spaced/c d (2).txt" "s3://$BUCKET/spaced/e f (3).txt"
[ "$(s5cmd cat "s3://$BUCKET/spaced/e f (3).txt")" = hello ] || fail cat of what was moved

step presign
[ "$(curl --silent --fail "$(s5cmd presign "s3://$BUCKET/spaced/a b (1).txt")")" = hello ] || fail the presigned URL
s5cmd rm "s3://$BUCKET/spaced/*" >removed.txt

step a file in parts
s5cmd cp --part-size 5 "$PARTS" "s3://$BUCKET/parts.bin"
s5cmd cp --part-size 5 "s3://$BUCKET/parts.bin" parts-out.bin
expect_same "$PARTS" parts-out.bin

step a tree in and out
s5cmd cp "$TREE/" "s3://$BUCKET/tree/" >copied.txt
s5cmd cp "s3://$BUCKET/tree/*" tree-out/ >copied.txt
expect_same_tree "$TREE" tree-out

step sync finds nothing to do
s5cmd sync "$TREE/" "s3://$BUCKET/tree/" >synced.txt
[ ! -s synced.txt ] || fail "sync copied $(head -5 synced.txt)"

step a large file in and out
s5cmd cp "$FILE" "s3://$BUCKET/file.bin"
s5cmd cp "s3://$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step remove the bucket
s5cmd rm "s3://$BUCKET/*" >removed.txt
s5cmd rb "s3://$BUCKET"
s5cmd ls >buckets.txt
expect_no_line "s3://$BUCKET" buckets.txt
