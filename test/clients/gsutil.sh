# signatures: v2
# environment: gsutil
# setups: one
# covers: list, put, get, copy, move, delete, metadata, sync
source "$SUPPORT/expect.sh"

client gsutil "$(gsutil version | sed 's/gsutil version: //') with boto 2"

step configure with host, key and secret
cat >.boto <<END
[Credentials]
aws_access_key_id = $ACCESS_KEY
aws_secret_access_key = $SECRET_KEY
s3_host = ${HOST%:*}
s3_port = ${HOST#*:}
[Boto]
is_secure = False
[s3]
calling_format = boto.s3.connection.OrdinaryCallingFormat
[GSUtil]
software_update_check_period = 0
END

step make a bucket, list buckets
gsutil mb "s3://$BUCKET"
gsutil ls s3:// >buckets.txt
expect_line "s3://$BUCKET/" buckets.txt

step copy in, which needs an MD5 as the ETag, list, cat, copy out
echo hello >hello.txt
gsutil -h 'Cache-Control:max-age=60' -h 'x-amz-meta-camera:north' cp hello.txt "s3://$BUCKET/dir/hello.txt"
gsutil ls "s3://$BUCKET/dir/" >listing.txt
expect_line "s3://$BUCKET/dir/hello.txt" listing.txt
[ "$(gsutil cat "s3://$BUCKET/dir/hello.txt")" = hello ] || fail cat
gsutil cp "s3://$BUCKET/dir/hello.txt" out.txt
expect_same hello.txt out.txt
gsutil stat "s3://$BUCKET/dir/hello.txt" >stat.txt
expect_line "$(md5sum <hello.txt | cut -d ' ' -f 1)" stat.txt
expect_line text/plain stat.txt
expect_line max-age=60 stat.txt
expect_line north stat.txt

step copy and move inside the gateway
gsutil cp "s3://$BUCKET/dir/hello.txt" "s3://$BUCKET/spaced/a b (1).txt"
gsutil mv "s3://$BUCKET/spaced/a b (1).txt" "s3://$BUCKET/spaced/c d (2).txt"
[ "$(gsutil cat "s3://$BUCKET/spaced/c d (2).txt")" = hello ] || fail cat of what was moved

step a tree in and out, and rsync finds nothing to do the second time
gsutil -q rsync -r "$TREE" "s3://$BUCKET/tree"
gsutil rsync -c -r "$TREE" "s3://$BUCKET/tree" >synced.txt 2>&1
expect_no_line Copying synced.txt
mkdir tree-out
gsutil -q rsync -r "s3://$BUCKET/tree" tree-out
expect_same_tree "$TREE" tree-out

step remove the bucket
gsutil -q rm -r "s3://$BUCKET"
gsutil ls s3:// >buckets.txt
expect_no_line "s3://$BUCKET/" buckets.txt
