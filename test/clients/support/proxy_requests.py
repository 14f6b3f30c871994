"""What a proxy could change on the way, sent to $AWS_ENDPOINT_URL; ends at the first thing that arrives otherwise."""

import os
import ssl
import urllib.request

import boto3
from expect import PARTS

bucket = os.environ['BUCKET']
s3 = boto3.client('s3')


def content(key: str, **more: str) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key, **more)['Body'].read()


s3.create_bucket(Bucket=bucket)
assert bucket in [each['Name'] for each in s3.list_buckets()['Buckets']]

# Keys that a proxy could normalise or decode, and names of headers that it could refuse.
keys = ['dir/hello.txt', 'a//b', 'a b (1)+&%.txt', 'per%2Fcent', 'ünï/', './dot', '../up']
for key in keys:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={'a.b_c': 'd'})
    assert content(key) == key.encode(), key
listed = s3.list_objects_v2(Bucket=bucket, Prefix='', Delimiter='')['Contents']
assert sorted(each['Key'] for each in listed) == sorted(keys), listed
assert content('dir/hello.txt', Range='bytes=4-8') == b'hello'

# A URL that is signed, with a header of the answer in its query.
wanted = {'Bucket': bucket, 'Key': 'a b (1)+&%.txt', 'ResponseContentDisposition': 'attachment; filename="a b+.txt"'}
url = s3.generate_presigned_url('get_object', Params=wanted)
trusted = ssl.create_default_context(cafile=os.environ['AWS_CA_BUNDLE'])
with urllib.request.urlopen(url, context=trusted) as answer:
    assert answer.read() == b'a b (1)+&%.txt'
    assert answer.headers['content-disposition'] == 'attachment; filename="a b+.txt"'

# A body above the limits of proxies, in one piece and in parts.
with open(PARTS, 'rb') as file:
    body = file.read()
s3.put_object(Bucket=bucket, Key='piece.bin', Body=body)
assert content('piece.bin') == body
s3.upload_file(PARTS, bucket, 'parts.bin')
assert content('parts.bin') == body
