# signatures: v4
# load: large
# pachd: yes
# covers: list, put, get, range, parts, copy, move, delete, presign, sync
source "$SUPPORT/expect.sh"

client aws "$(aws --version | sed 's|^aws-cli/\([^ ]*\).*|\1|')"

step configure with host, key and secret
aws configure set aws_access_key_id "$ACCESS_KEY"
aws configure set aws_secret_access_key "$SECRET_KEY"
aws configure set endpoint_url "$ENDPOINT"

step list buckets
aws s3 ls >buckets.txt
expect_line ' master.images' buckets.txt

step make a bucket
aws s3 mb "s3://$BUCKET"
aws s3 ls >buckets.txt
expect_line " $BUCKET" buckets.txt

step copy in, list, cat, copy out
echo hello >hello.txt
aws s3 cp hello.txt "s3://$BUCKET/dir/hello.txt"
aws s3 ls "s3://$BUCKET/dir/" >listing.txt
expect_line ' 6 hello.txt' listing.txt
[ "$(aws s3 cp "s3://$BUCKET/dir/hello.txt" -)" = hello ] || fail cat
aws s3 cp "s3://$BUCKET/dir/hello.txt" out.txt
expect_same hello.txt out.txt
echo piped | aws s3 cp - "s3://$BUCKET/piped.txt"
[ "$(aws s3 cp "s3://$BUCKET/piped.txt" -)" = piped ] || fail cat of what was piped

step move inside the gateway
aws s3 mv "s3://$BUCKET/piped.txt" "s3://$BUCKET/moved.txt"
[ "$(aws s3 cp "s3://$BUCKET/moved.txt" -)" = piped ] || fail cat of what was moved

step copy between keys with spaces and parentheses
aws s3 cp "s3://$BUCKET/dir/hello.txt" "s3://$BUCKET/spaced/a b (1).txt"
aws s3 cp "s3://$BUCKET/spaced/a b (1).txt" "s3://$BUCKET/spaced/c d (2).txt"
[ "$(aws s3 cp "s3://$BUCKET/spaced/c d (2).txt" -)" = hello ] || fail cat of the copy
aws s3 rm --only-show-errors --recursive "s3://$BUCKET/spaced"

step presign
[ "$(curl --silent --fail "$(aws s3 presign "s3://$BUCKET/dir/hello.txt")")" = hello ] || fail the presigned URL

step a file in parts
aws configure set s3.multipart_threshold 5MB
aws configure set s3.multipart_chunksize 5MB
aws s3 cp --only-show-errors "$PARTS" "s3://$BUCKET/parts.bin"
aws s3 cp --only-show-errors "s3://$BUCKET/parts.bin" "s3://$BUCKET/parts (1).bin"
aws s3 cp --only-show-errors "s3://$BUCKET/parts (1).bin" parts-out.bin
expect_same "$PARTS" parts-out.bin
aws configure set s3.multipart_threshold 8MB
aws configure set s3.multipart_chunksize 8MB

step s3api: head, a range, conditions
aws s3api head-object --bucket "$BUCKET" --key dir/hello.txt >head.txt
expect_line '"ContentLength": 6' head.txt
aws s3api get-object --bucket "$BUCKET" --key dir/hello.txt --range bytes=1-3 range.txt >get.txt
[ "$(cat range.txt)" = ell ] || fail "a range gave $(cat range.txt)"
expect_refused aws s3api get-object --bucket "$BUCKET" --key dir/hello.txt --if-match '"none"' never.txt

step remove
aws s3 rm "s3://$BUCKET/dir/hello.txt"
aws s3 rm "s3://$BUCKET/moved.txt"
expect_refused aws s3 ls "s3://$BUCKET/dir/hello.txt"

step a tree in and out
aws s3 cp --only-show-errors --recursive "$TREE" "s3://$BUCKET/tree"
aws s3 cp --only-show-errors --recursive "s3://$BUCKET/tree" tree-out
expect_same_tree "$TREE" tree-out

step sync finds nothing to do the second time, though another key has been written since
part="$TREE/$(ls "$TREE" | head -1)"
aws s3 sync --only-show-errors "$part" "s3://$BUCKET/synced"
echo other | aws s3 cp - "s3://$BUCKET/other.txt"
aws s3 sync "$part" "s3://$BUCKET/synced" >synced.txt
[ ! -s synced.txt ] || fail "sync copied $(head -5 synced.txt)"

step sync copies a file that has changed and kept its size, though another key has been written since
cp -r "$part" changed
changed="$(find changed -type f -size +0 -print -quit)"
find changed -type f -exec touch --reference="$part" {} +
other_bytes "$changed"
echo another | aws s3 cp - "s3://$BUCKET/other.txt"
aws s3 sync --no-progress changed "s3://$BUCKET/synced" >synced.txt
expect_line "upload: $changed " synced.txt
[ "$(wc -l <synced.txt)" = 1 ] || fail "sync copied $(head -5 synced.txt)"
aws s3 sync --only-show-errors "s3://$BUCKET/synced" synced
expect_same_tree changed synced

step a large file in and out
aws s3 cp --only-show-errors "$FILE" "s3://$BUCKET/file.bin"
aws s3 cp --only-show-errors "s3://$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step a bucket that holds objects is not removed, then it is with force
expect_refused aws s3 rb "s3://$BUCKET"
aws s3 rb --force "s3://$BUCKET" >removed.txt
aws s3 ls >buckets.txt
expect_no_line " $BUCKET" buckets.txt
