# signatures: v4
# environment: s3fs
# pachd: yes
# covers: list, put, get, range, parts, copy, delete, presign, tables, directories, metadata, tags
import os
import urllib.request

import pandas
import s3fs
from expect import PARTS, TREE, checksum, client, expect_same_tree
from s3fs import S3FileSystem

client('s3fs', f'{s3fs.__version__} with pandas {pandas.__version__}')
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

# Copy between keys with spaces and parentheses; a range; a presigned URL.
fs.pipe(f'{bucket}/spaced/a b (1).txt', b'hello\n')
fs.cp(f'{bucket}/spaced/a b (1).txt', f'{bucket}/spaced/c d (2).txt')
assert fs.cat_file(f'{bucket}/spaced/c d (2).txt', start=1, end=4) == b'ell'
with urllib.request.urlopen(fs.sign(f'{bucket}/spaced/c d (2).txt')) as response:
    assert response.read() == b'hello\n'

# A file in parts.
with open(PARTS, 'rb') as source, fs.open(f'{bucket}/parts.bin', 'wb', block_size=5 << 20) as target:
    target.write(source.read())
fs.get(f'{bucket}/parts.bin', 'parts-out.bin')
assert checksum('parts-out.bin') == checksum(PARTS)

# Directories, metadata and tags.
fs.touch(f'{bucket}/directory/')
fs.invalidate_cache()
assert fs.isdir(f'{bucket}/directory')
fs.pipe(f'{bucket}/directory/hello.txt', b'hello\n')
assert fs.ls(f'{bucket}/directory', refresh=True)[-1] == f'{bucket}/directory/hello.txt'
fs.setxattr(f'{bucket}/directory/hello.txt', copy_kwargs={'ContentType': 'text/x-greeting'}, camera='north')
assert fs.metadata(f'{bucket}/directory/hello.txt', refresh=True)['camera'] == 'north'
assert fs.info(f'{bucket}/directory/hello.txt', refresh=True)['ContentType'] == 'text/x-greeting'
fs.put_tags(f'{bucket}/directory/hello.txt', {'project': 'vision'})
assert fs.get_tags(f'{bucket}/directory/hello.txt') == {'project': 'vision'}
fs.rm(f'{bucket}/directory', recursive=True)
fs.invalidate_cache()
assert not fs.exists(f'{bucket}/directory')

# A table of pandas.
options = {'endpoint_url': os.environ['ENDPOINT'], 'key': os.environ['ACCESS_KEY'], 'secret': os.environ['SECRET_KEY']}
table = pandas.DataFrame({'number': range(10_000), 'text': [f'row {n}' for n in range(10_000)]})
for name in ('table (1).parquet', 'table (1).csv'):
    write, read = (table.to_parquet, pandas.read_parquet) if name.endswith('parquet') else (table.to_csv, pandas.read_csv)
    write(f's3://{bucket}/tables/{name}', index=False, storage_options=options)
    assert read(f's3://{bucket}/tables/{name}', storage_options=options).equals(table)

# A tree in and out.
fs.put(f'{TREE}/', f'{bucket}/tree/', recursive=True)
fs.get(f'{bucket}/tree/', 'tree-out/', recursive=True)
expect_same_tree(TREE, 'tree-out')

# Remove the bucket.
fs.rm(fs.find(bucket))
fs.rmdir(bucket)
fs.invalidate_cache()
assert bucket not in fs.ls('')
