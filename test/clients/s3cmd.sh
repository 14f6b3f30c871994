# signatures: v4 v2
source "$SUPPORT/expect.sh"

step configure with host, key and secret
cat >.s3cfg <<END
[default]
access_key = $ACCESS_KEY
secret_key = $SECRET_KEY
host_base = $HOST
host_bucket = $HOST
use_https = False
signature_v2 = $([ "$SIGNATURE" = v2 ] && echo True || echo False)
END

step list buckets, make one
s3cmd ls >buckets.txt
expect_line 's3://master.images' buckets.txt
s3cmd mb "s3://$BUCKET"

step copy in, list, cat, copy out
echo hello >hello.txt
s3cmd put hello.txt "s3://$BUCKET/dir/hello.txt"
s3cmd ls "s3://$BUCKET/dir/" >listing.txt
expect_line "s3://$BUCKET/dir/hello.txt" listing.txt
[ "$(s3cmd get --quiet "s3://$BUCKET/dir/hello.txt" -)" = hello ] || fail cat
s3cmd get "s3://$BUCKET/dir/hello.txt" out.txt
expect_same hello.txt out.txt

step copy inside the gateway
s3cmd cp "s3://$BUCKET/dir/hello.txt" "s3://$BUCKET/copy.txt"
[ "$(s3cmd get --quiet "s3://$BUCKET/copy.txt" -)" = hello ] || fail cat of the copy

step remove
s3cmd del "s3://$BUCKET/dir/hello.txt" "s3://$BUCKET/copy.txt"
expect_refused s3cmd info "s3://$BUCKET/dir/hello.txt"

step a tree in and out
s3cmd put --quiet --recursive "$TREE/" "s3://$BUCKET/tree/"
mkdir tree-out
s3cmd get --quiet --recursive "s3://$BUCKET/tree/" tree-out/
expect_same_tree "$TREE" tree-out

step a large file in and out
s3cmd put --quiet "$FILE" "s3://$BUCKET/file.bin"
s3cmd get --quiet "s3://$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step remove the bucket
s3cmd rb --recursive --force "s3://$BUCKET"
s3cmd ls >buckets.txt
expect_no_line "s3://$BUCKET" buckets.txt
