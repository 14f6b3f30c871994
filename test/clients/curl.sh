# signatures: v4
# covers: list, put, get, range, delete
source "$SUPPORT/expect.sh"

# S3 wants x-amz-content-sha256; curl adds it by itself from version 8 on.
s3curl() {
  curl --silent --show-error --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$ACCESS_KEY:$SECRET_KEY" \
    --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

client curl "$(curl --version | awk 'NR == 1 { print $2 }')"

step list buckets, make one
s3curl "$ENDPOINT/" >buckets.xml
expect_line '<Name>master.images</Name>' buckets.xml
s3curl --request PUT "$ENDPOINT/$BUCKET"

step copy in, list, copy out
echo hello >hello.txt
s3curl --upload-file hello.txt "$ENDPOINT/$BUCKET/dir/hello.txt"
s3curl "$ENDPOINT/$BUCKET?list-type=2&prefix=dir%2F" >listing.xml
expect_line '<Key>dir/hello.txt</Key>' listing.xml
s3curl "$ENDPOINT/$BUCKET/dir/hello.txt" >out.txt
expect_same hello.txt out.txt
[ "$(s3curl --range 1-3 "$ENDPOINT/$BUCKET/dir/hello.txt")" = ell ] || fail range

step a large file in and out
s3curl --upload-file "$FILE" "$ENDPOINT/$BUCKET/file.bin"
s3curl --output file-out.bin "$ENDPOINT/$BUCKET/file.bin"
expect_same "$FILE" file-out.bin

step remove
s3curl --request DELETE "$ENDPOINT/$BUCKET/dir/hello.txt"
s3curl --request DELETE "$ENDPOINT/$BUCKET/file.bin"
expect_refused s3curl "$ENDPOINT/$BUCKET/file.bin"
s3curl --request DELETE "$ENDPOINT/$BUCKET"

if [ -n "${PACH_TOKEN:-}" ]; then
  step where auth is on, nobody without a signature may
  expect_refused curl --silent --fail "$ENDPOINT/"
fi
