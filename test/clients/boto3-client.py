# signatures: v4 v2
# load: large
# pachd: yes
# covers: list, put, get, range, parts, copy, delete, presign, metadata, tags, versions
import hashlib
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from expect import FILE, PARTS, TREE, checksum, client, expect_same_tree, files_of

client('boto3', boto3.__version__)
bucket = os.environ['BUCKET']
config = Config(signature_version='s3') if os.environ['SIGNATURE'] == 'v2' else None


def connect(make, key, secret):
    """Configure with host, key and secret."""
    return make(
        's3', endpoint_url=os.environ['ENDPOINT'], aws_access_key_id=key, aws_secret_access_key=secret, config=config
    )


credentials = (os.environ['ACCESS_KEY'], os.environ['SECRET_KEY'])
s3 = connect(boto3.client, *credentials)


def bucket_names():
    return [entry['Name'] for entry in s3.list_buckets()['Buckets']]


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response['Error']['Code'] == code, error
    else:
        raise AssertionError(f'not refused: {call} {arguments}')


# Where auth is on, nobody else may.
if 'PACH_TOKEN' in os.environ:
    refused('SignatureDoesNotMatch', connect(boto3.client, credentials[0], 'another-secret').list_buckets)
    refused('InvalidAccessKeyId', connect(boto3.client, 'another-token', 'another-token').list_buckets)

# List buckets, make one.
assert 'master.images' in bucket_names()
refused('404', s3.head_bucket, Bucket=bucket)
s3.create_bucket(Bucket=bucket)
assert bucket in bucket_names()
s3.head_bucket(Bucket=bucket)

# Copy in, list, cat, copy out.
put = s3.put_object(Bucket=bucket, Key='dir/hello.txt', Body=b'hello\n')
got = s3.get_object(Bucket=bucket, Key='dir/hello.txt')
assert got['Body'].read() == b'hello\n'
assert got['ETag'] == put['ETag'] == s3.head_object(Bucket=bucket, Key='dir/hello.txt')['ETag']
listing = s3.list_objects_v2(Bucket=bucket, Delimiter='/')
assert [entry['Prefix'] for entry in listing['CommonPrefixes']] == ['dir/']
assert [entry['Key'] for entry in s3.list_objects(Bucket=bucket, Prefix='dir/')['Contents']] == ['dir/hello.txt']
assert s3.get_object(Bucket=bucket, Key='dir/hello.txt', Range='bytes=-3')['Body'].read() == b'lo\n'

# Copy inside the gateway.
s3.copy_object(Bucket=bucket, Key='copy.txt', CopySource={'Bucket': bucket, 'Key': 'dir/hello.txt'})
assert s3.get_object(Bucket=bucket, Key='copy.txt')['Body'].read() == b'hello\n'

# Copy between keys with spaces and parentheses.
s3.put_object(Bucket=bucket, Key='spaced/a b (1).txt', Body=b'hello\n')
s3.copy({'Bucket': bucket, 'Key': 'spaced/a b (1).txt'}, bucket, 'spaced/c d (2)+é.txt')
assert s3.get_object(Bucket=bucket, Key='spaced/c d (2)+é.txt')['Body'].read() == b'hello\n'

# Presigned URLs, used by a client that has no credentials.
spaced = {'Bucket': bucket, 'Key': 'spaced/a b (1).txt'}
upload = urllib.request.Request(s3.generate_presigned_url('put_object', Params=spaced), b'by URL', method='PUT')
# urllib sends a form's type unless there is another, and V2 signs the type.
upload.add_header('content-type', '')
urllib.request.urlopen(upload).close()
with urllib.request.urlopen(s3.generate_presigned_url('get_object', Params=spaced)) as response:
    assert response.read() == b'by URL'
bucket_objects = connect(boto3.resource, *credentials).Bucket(bucket).objects
bucket_objects.filter(Prefix='spaced/').delete()

# Content headers, metadata, tags and the MD5 ETag.
headers = {'ContentType': 'text/x-greeting', 'CacheControl': 'max-age=60', 'ContentDisposition': 'inline; filename="a"'}
metadata = {'camera': 'north', 'long': 'x' * 1000}
described = {'Bucket': bucket, 'Key': 'described.txt'}
put = s3.put_object(**described, Body=b'hello\n', Metadata=metadata, Tagging='project=vision&a%20b=c%2Bd', **headers)
assert put['ETag'] == '"' + hashlib.md5(b'hello\n').hexdigest() + '"', put
head = s3.head_object(**described)
assert head['ETag'] == put['ETag'] and head['Metadata'] == metadata, head
assert all(head[name] == value for name, value in headers.items()), head
tags = [{'Key': 'project', 'Value': 'vision'}, {'Key': 'a b', 'Value': 'c+d'}]
assert sorted(s3.get_object_tagging(**described)['TagSet'], key=str) == sorted(tags, key=str)
s3.put_object_tagging(**described, Tagging={'TagSet': tags[:1]})
assert s3.get_object_tagging(**described)['TagSet'] == tags[:1]
s3.copy_object(Bucket=bucket, Key='described-copy.txt', CopySource=described)
copied = s3.head_object(Bucket=bucket, Key='described-copy.txt')
assert copied['Metadata'] == metadata and copied['ContentType'] == 'text/x-greeting', copied
replaced = {'MetadataDirective': 'REPLACE', 'Metadata': {'camera': 'south'}, 'ContentType': 'text/x-other'}
s3.copy_object(**described, CopySource=described, **replaced)
head = s3.head_object(**described)
assert head['Metadata'] == {'camera': 'south'} and head['ContentType'] == 'text/x-other', head
assert s3.get_object_tagging(**described)['TagSet'] == tags[:1]
s3.delete_object_tagging(**described)
assert s3.get_object_tagging(**described)['TagSet'] == []
[listed] = s3.list_objects_v2(Bucket=bucket, Prefix='described.txt')['Contents']
assert listed['ETag'] == put['ETag'] and listed['LastModified'].replace(microsecond=0) == head['LastModified'], listed

# Versions: each is read with what belongs to it, and deleted.
first = s3.put_object(**described, Body=b'first', Metadata={'number': '1'})['VersionId']
second = s3.put_object(**described, Body=b'second', Metadata={'number': '2'})['VersionId']
assert s3.head_object(**described)['VersionId'] == second
old = s3.get_object(**described, VersionId=first)
assert old['Body'].read() == b'first' and old['Metadata'] == {'number': '1'}, old
s3.delete_object(**described, VersionId=second)
assert s3.get_object(**described)['Body'].read() == b'first'
refused('NoSuchVersion', s3.get_object, **described, VersionId=second)
resource_bucket = connect(boto3.resource, *credentials).Bucket(bucket)
resource_bucket.object_versions.filter(Prefix='described').delete()
assert list(resource_bucket.object_versions.filter(Prefix='described')) == []
refused('NoSuchKey', s3.get_object, **described)

# Remove.
s3.delete_object(Bucket=bucket, Key='dir/hello.txt')
refused('NoSuchKey', s3.get_object, Bucket=bucket, Key='dir/hello.txt')
refused('BucketNotEmpty', s3.delete_bucket, Bucket=bucket)
s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': 'copy.txt'}, {'Key': 'never.txt'}]})
assert s3.list_objects_v2(Bucket=bucket)['KeyCount'] == 0

# A tree in and out.
names = sorted(files_of(TREE))
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda name: s3.upload_file(f'{TREE}/{name}', bucket, f'tree/{name}'), names))
pages = s3.get_paginator('list_objects_v2').paginate(Bucket=bucket, Prefix='tree/', PaginationConfig={'PageSize': 300})
keys = [entry['Key'] for page in pages for entry in page['Contents']]
assert keys == sorted((f'tree/{name}' for name in names), key=str.encode), 'each key once, in byte order'


def download(name):
    os.makedirs(os.path.dirname(f'tree-out/{name}'), exist_ok=True)
    s3.download_file(bucket, f'tree/{name}', f'tree-out/{name}')


with ThreadPoolExecutor(8) as pool:
    list(pool.map(download, names))
expect_same_tree(TREE, 'tree-out')

# A file in parts, and a copy of it in parts.
in_parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
s3.upload_file(PARTS, bucket, 'parts.bin', Config=in_parts, ExtraArgs={'Metadata': {'in': 'parts'}})
s3.copy({'Bucket': bucket, 'Key': 'parts.bin'}, bucket, 'parts (1).bin', Config=in_parts)
s3.download_file(bucket, 'parts (1).bin', 'parts-out.bin', Config=in_parts)
assert checksum('parts-out.bin') == checksum(PARTS)
assert s3.head_object(Bucket=bucket, Key='parts (1).bin')['Metadata'] == {'in': 'parts'}
with open(PARTS, 'rb') as source:
    digests = [hashlib.md5(part).digest() for part in iter(lambda: source.read(5 << 20), b'')]
etag = f'"{hashlib.md5(b"".join(digests)).hexdigest()}-{len(digests)}"'
assert s3.head_object(Bucket=bucket, Key='parts.bin')['ETag'] == etag

# A large file in and out.
s3.upload_file(FILE, bucket, 'file.bin')
s3.download_file(bucket, 'file.bin', 'file-out.bin')
assert checksum('file-out.bin') == checksum(FILE)

# A bucket goes when it is empty; its versions are deleted, too.
resource_bucket.object_versions.delete()
assert list(resource_bucket.object_versions.all()) == []
s3.delete_bucket(Bucket=bucket)
assert bucket not in bucket_names()
