# signatures: v4
# environment: s3fs
import os

from expect import TREE, expect_same_tree
from s3fs import S3FileSystem

bucket = os.environ['BUCKET']
fs = S3FileSystem(
    endpoint_url=os.environ['ENDPOINT'], key=os.environ['ACCESS_KEY'], secret=os.environ['SECRET_KEY']
)

# List buckets, make one.
assert 'master.images' in fs.ls('')
fs.mkdir(bucket)

# Write, list, read, copy, remove.
with fs.open(f'{bucket}/dir/hello.txt', 'wb') as file:
    file.write(b'hello\n')
assert fs.ls(f'{bucket}/dir') == [f'{bucket}/dir/hello.txt']
assert fs.cat(f'{bucket}/dir/hello.txt') == b'hello\n'
with fs.open(f'{bucket}/dir/hello.txt', 'rb') as file:
    file.seek(3)
    assert file.read() == b'lo\n'
fs.cp(f'{bucket}/dir/hello.txt', f'{bucket}/copy.txt')
assert fs.info(f'{bucket}/copy.txt')['size'] == 6
fs.rm(f'{bucket}/copy.txt')
assert not fs.exists(f'{bucket}/copy.txt')

# A tree in and out.
fs.put(f'{TREE}/', f'{bucket}/tree/', recursive=True)
fs.get(f'{bucket}/tree/', 'tree-out/', recursive=True)
expect_same_tree(TREE, 'tree-out')

# Remove the bucket.
fs.rm(fs.find(bucket))
fs.rmdir(bucket)
fs.invalidate_cache()
assert bucket not in fs.ls('')
