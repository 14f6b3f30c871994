# signatures: v4
# covers: list, put, get, range, parts, copy, delete, presign
import io
import os
import urllib.request
from importlib.metadata import version

from expect import FILE, PARTS, TREE, checksum, client as report_client, expect_same_tree, files_of
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

report_client('minio-py', version('minio'))
bucket = os.environ['BUCKET']
client = Minio(
    os.environ['HOST'], access_key=os.environ['ACCESS_KEY'], secret_key=os.environ['SECRET_KEY'], secure=False
)

# List buckets, make one.
assert 'master.images' in [entry.name for entry in client.list_buckets()]
assert not client.bucket_exists(bucket)
client.make_bucket(bucket)
assert client.bucket_exists(bucket)

# Copy in, list, cat, copy out.
client.put_object(bucket, 'dir/hello.txt', io.BytesIO(b'hello\n'), 6)
assert [entry.object_name for entry in client.list_objects(bucket, recursive=True)] == ['dir/hello.txt']
with client.get_object(bucket, 'dir/hello.txt') as response:
    assert response.read() == b'hello\n'

with client.get_object(bucket, 'dir/hello.txt', offset=1, length=3) as response:
    assert response.read() == b'ell'

# Copy between keys with spaces and parentheses; a presigned URL.
client.put_object(bucket, 'spaced/a b (1).txt', io.BytesIO(b'hello\n'), 6)
client.copy_object(bucket, 'spaced/c d (2).txt', CopySource(bucket, 'spaced/a b (1).txt'))
with urllib.request.urlopen(client.presigned_get_object(bucket, 'spaced/c d (2).txt')) as response:
    assert response.read() == b'hello\n'

# A file in parts.
client.fput_object(bucket, 'parts.bin', PARTS, part_size=5 << 20)
client.fget_object(bucket, 'parts.bin', 'parts-out.bin')
assert checksum('parts-out.bin') == checksum(PARTS)

# Remove.
client.remove_object(bucket, 'dir/hello.txt')
try:
    client.stat_object(bucket, 'dir/hello.txt')
except S3Error as error:
    assert error.code == 'NoSuchKey', error
else:
    raise AssertionError('the object is still there')

# A tree in and out.
for name in files_of(TREE):
    client.fput_object(bucket, f'tree/{name}', f'{TREE}/{name}')
for entry in client.list_objects(bucket, prefix='tree/', recursive=True):
    client.fget_object(bucket, entry.object_name, entry.object_name.replace('tree/', 'tree-out/', 1))
expect_same_tree(TREE, 'tree-out')

# A large file in and out.
client.fput_object(bucket, 'file.bin', FILE)
client.fget_object(bucket, 'file.bin', 'file-out.bin')
assert checksum('file-out.bin') == checksum(FILE)

# Remove the bucket.
objects = [DeleteObject(entry.object_name) for entry in client.list_objects(bucket, recursive=True)]
assert list(client.remove_objects(bucket, objects)) == []
client.remove_bucket(bucket)
assert not client.bucket_exists(bucket)
