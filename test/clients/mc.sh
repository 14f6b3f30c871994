# signatures: v4 v2
# load: large
source "$SUPPORT/expect.sh"

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
mc cp $MULTIPART_FLAG hello.txt "pfs/$BUCKET/dir/hello.txt"
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

step remove
mc rm "pfs/$BUCKET/dir/hello.txt" "pfs/$BUCKET/copy.txt"
expect_refused mc stat "pfs/$BUCKET/dir/hello.txt"

step a tree in and out
mc cp --quiet $MULTIPART_FLAG --recursive "$TREE/" "pfs/$BUCKET/tree/"
mc cp --quiet --recursive "pfs/$BUCKET/tree/" tree-out/
expect_same_tree "$TREE" tree-out

step mirror finds nothing to do
mc mirror --quiet $MULTIPART_FLAG "$TREE/" "pfs/$BUCKET/tree/"
mc diff "$TREE/" "pfs/$BUCKET/tree/" >differences.txt
[ ! -s differences.txt ] || fail "mc diff shows $(head -5 differences.txt)"

step a large file in and out
mc cp --quiet $MULTIPART_FLAG "$FILE" "pfs/$BUCKET/file.bin"
mc cp --quiet "pfs/$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step a bucket that holds objects is not removed, then it is with force
expect_refused mc rb "pfs/$BUCKET"
mc rb --force "pfs/$BUCKET"
mc ls pfs >buckets.txt
expect_no_line "$BUCKET/" buckets.txt
