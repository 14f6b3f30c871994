# signatures: v4
# setups: one
# covers: list, put, get, range, parts, copy, move, delete
source "$SUPPORT/expect.sh"
jar="$(basename "$HADOOP"/hadoop-aws-*.jar .jar)"
client 'Hadoop S3A' "${jar#hadoop-aws-}"

step configure with host, key and secret
cat >core-site.xml <<END
<configuration>
  <property><name>fs.s3a.endpoint</name><value>$ENDPOINT</value></property>
  <property><name>fs.s3a.endpoint.region</name><value>us-east-1</value></property>
  <property><name>fs.s3a.path.style.access</name><value>true</value></property>
  <property><name>fs.s3a.access.key</name><value>$ACCESS_KEY</value></property>
  <property><name>fs.s3a.secret.key</name><value>$SECRET_KEY</value></property>
  <property><name>fs.s3a.multipart.size</name><value>5M</value></property>
  <property><name>fs.s3a.multipart.threshold</name><value>5M</value></property>
  <property><name>hadoop.tmp.dir</name><value>$PWD/tmp</value></property>
</configuration>
END
hdfs() { java -cp "$PWD:$HADOOP/*" org.apache.hadoop.fs.FsShell "$@"; }
# FsShell makes no buckets.
python3 -c "
import boto3
s3 = boto3.client('s3', endpoint_url='$ENDPOINT', aws_access_key_id='$ACCESS_KEY', aws_secret_access_key='$SECRET_KEY')
s3.create_bucket(Bucket='$BUCKET')"

step put a file and one in parts, list
echo hello >hello.txt
hdfs -mkdir -p "s3a://$BUCKET/a b (1)"
hdfs -put hello.txt "$PARTS" "s3a://$BUCKET/a b (1)/"
hdfs -ls -R "s3a://$BUCKET/" >listing.txt
expect_line "s3a://$BUCKET/a b (1)/hello.txt" listing.txt
expect_line "$(stat --format %s "$PARTS") " listing.txt

step read a range
hdfs -tail "s3a://$BUCKET/a b (1)/$(basename "$PARTS")" >tail.bin
tail --bytes 1024 "$PARTS" >expected-tail.bin
expect_same expected-tail.bin tail.bin

step copy and move between keys with spaces and parentheses
hdfs -cp "s3a://$BUCKET/a b (1)" "s3a://$BUCKET/c d (2)"
hdfs -mv "s3a://$BUCKET/c d (2)" "s3a://$BUCKET/e f (3)"
expect_refused hdfs -test -e "s3a://$BUCKET/c d (2)"
hdfs -get "s3a://$BUCKET/e f (3)" out
expect_same hello.txt out/hello.txt
expect_same "$PARTS" "out/$(basename "$PARTS")"

step remove
hdfs -rm -r -skipTrash "s3a://$BUCKET/a b (1)" "s3a://$BUCKET/e f (3)"
hdfs -ls -R "s3a://$BUCKET/" >listing.txt
[ ! -s listing.txt ] || fail "files are left: $(cat listing.txt)"
