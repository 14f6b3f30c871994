# signatures: v4
import os

import pyarrow
from pyarrow import fs, parquet

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

# Copy, remove.
s3.copy_file(info.path, f'{bucket}/copy.parquet')
assert s3.get_file_info(f'{bucket}/copy.parquet').size == info.size
s3.delete_file(f'{bucket}/copy.parquet')
assert s3.get_file_info(f'{bucket}/copy.parquet').type == fs.FileType.NotFound
s3.delete_dir(bucket)
assert s3.get_file_info(bucket).type == fs.FileType.NotFound
