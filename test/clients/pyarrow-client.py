# signatures: v4
# pachd: yes
# covers: list, put, get, range, parts, copy, delete, tables, directories, metadata
import os

import pyarrow
from expect import PARTS, client
from pyarrow import fs, parquet

client('pyarrow', pyarrow.__version__)
bucket = os.environ['BUCKET']
s3 = fs.S3FileSystem(
    endpoint_override=os.environ['HOST'],
    scheme='http',
    access_key=os.environ['ACCESS_KEY'],
    secret_key=os.environ['SECRET_KEY'],
    allow_bucket_creation=True,
    allow_bucket_deletion=True,
)

# Make a bucket; write a table, list, read it and one column of it.
s3.create_dir(bucket)
table = pyarrow.table({'number': list(range(100_000)), 'text': [f'row {n}' for n in range(100_000)]})
parquet.write_table(table, f'{bucket}/tables/one.parquet', filesystem=s3)
[info] = [info for info in s3.get_file_info(fs.FileSelector(f'{bucket}/tables')) if info.is_file]
assert info.path == f'{bucket}/tables/one.parquet' and info.size > 0
assert parquet.read_table(info.path, filesystem=s3).equals(table)
assert parquet.read_table(info.path, columns=['number'], filesystem=s3).num_columns == 1

# A file in parts, and a range of it.
with open(PARTS, 'rb') as source:
    content = source.read()
with s3.open_output_stream(f'{bucket}/parts.bin') as target:
    target.write(content)
with s3.open_input_file(f'{bucket}/parts.bin') as source:
    assert source.read() == content
    assert source.read_at(3, 1000) == content[1000:1003]

# Copy between keys with spaces and parentheses, and move.
s3.copy_file(info.path, f'{bucket}/spaced/a b (1).parquet')
s3.move(f'{bucket}/spaced/a b (1).parquet', f'{bucket}/spaced/c d (2).parquet')
assert parquet.read_table(f'{bucket}/spaced/c d (2).parquet', filesystem=s3).equals(table)

# Directories: pyarrow makes a marker for each, and none is left.
s3.create_dir(f'{bucket}/directory/within', recursive=True)
for path in ('directory', 'directory/within'):
    assert s3.get_file_info(f'{bucket}/{path}').type == fs.FileType.Directory
assert [entry.path for entry in s3.get_file_info(fs.FileSelector(f'{bucket}/directory'))] == [f'{bucket}/directory/within']
with s3.open_output_stream(f'{bucket}/directory/within/note.txt', metadata={'Content-Type': 'text/x-note'}) as target:
    target.write(b'note')
with s3.open_input_stream(f'{bucket}/directory/within/note.txt') as source:
    assert source.metadata()['Content-Type'] == b'text/x-note', source.metadata()
s3.delete_dir_contents(f'{bucket}/directory')
assert s3.get_file_info(f'{bucket}/directory').type == fs.FileType.Directory
s3.delete_dir(f'{bucket}/directory')
assert s3.get_file_info(f'{bucket}/directory').type == fs.FileType.NotFound

# Copy, remove.
s3.copy_file(info.path, f'{bucket}/copy.parquet')
assert s3.get_file_info(f'{bucket}/copy.parquet').size == info.size
s3.delete_file(f'{bucket}/copy.parquet')
assert s3.get_file_info(f'{bucket}/copy.parquet').type == fs.FileType.NotFound
s3.delete_dir(bucket)
assert s3.get_file_info(bucket).type == fs.FileType.NotFound
