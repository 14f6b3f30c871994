# signatures: v4 v2
# covers: list, put, get, parts, copy, move, delete, presign, sync, metadata
source "$SUPPORT/expect.sh"

client s3cmd "$(s3cmd --version | sed 's/s3cmd version //')"

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

step copy and move between keys with spaces and parentheses
s3cmd put hello.txt "s3://$BUCKET/spaced/a b (1).txt"
s3cmd cp "s3://$BUCKET/spaced/a b (1).txt" "s3://$BUCKET/spaced/c d (2).txt"
s3cmd mv "s3://$BUCKET/spaced/c d (2).txt" "s3://$BUCKET/spaced/e f (3).txt"
[ "$(s3cmd get --quiet "s3://$BUCKET/spaced/e f (3).txt" -)" = hello ] || fail cat of what was moved
s3cmd del "s3://$BUCKET/spaced/a b (1).txt" "s3://$BUCKET/spaced/e f (3).txt"

step presign
[ "$(curl --silent --fail "$(s3cmd signurl "s3://$BUCKET/copy.txt" +60)")" = hello ] || fail the presigned URL

step a file in parts
s3cmd put --quiet --multipart-chunk-size-mb=5 "$PARTS" "s3://$BUCKET/parts.bin"
s3cmd get --quiet "s3://$BUCKET/parts.bin" parts-out.bin
expect_same "$PARTS" parts-out.bin

step remove
s3cmd del "s3://$BUCKET/dir/hello.txt" "s3://$BUCKET/copy.txt"
expect_refused s3cmd info "s3://$BUCKET/dir/hello.txt"

step a tree in and out
s3cmd put --quiet --recursive "$TREE/" "s3://$BUCKET/tree/"
mkdir tree-out
s3cmd get --quiet --recursive "s3://$BUCKET/tree/" tree-out/
expect_same_tree "$TREE" tree-out

step preserve the mtime
touch --date='2001-02-03 04:05:06' hello.txt
s3cmd put --preserve hello.txt "s3://$BUCKET/preserved.txt"
s3cmd info "s3://$BUCKET/preserved.txt" >info.txt
expect_line '/mtime:981173106/' info.txt
expect_line "MD5 sum:   $(md5sum <hello.txt | cut -d ' ' -f 1)" info.txt
expect_line 'MIME type: text/plain' info.txt

step sync finds nothing to do the second time
cp -r "$TREE" source
s3cmd sync --quiet source/ "s3://$BUCKET/synced/"
s3cmd sync source/ "s3://$BUCKET/synced/" >synced.txt
expect_no_line 'upload:' synced.txt

step sync copies a file that has changed and kept its size, and no other
changed="$(find source -type f -size +0 -print -quit)"
other_bytes "$changed"
s3cmd sync --no-progress source/ "s3://$BUCKET/synced/" >synced.txt
[ "$(grep -c '^upload:' synced.txt)" = 1 ] || fail "sync copied $(head -5 synced.txt)"
mkdir synced
s3cmd sync --quiet "s3://$BUCKET/synced/" synced/
expect_same_tree source synced
[ "$(stat -c %Y "$changed")" = "$(stat -c %Y "synced/${changed#source/}")" ] || fail the mtimes differ

step a large file in and out
s3cmd put --quiet "$FILE" "s3://$BUCKET/file.bin"
s3cmd get --quiet "s3://$BUCKET/file.bin" file-out.bin
expect_same "$FILE" file-out.bin

step remove the bucket
s3cmd rb --recursive --force "s3://$BUCKET"
s3cmd ls >buckets.txt
expect_no_line "s3://$BUCKET" buckets.txt
