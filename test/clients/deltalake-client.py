# signatures: v4
# setups: one
# covers: list, put, get, range, delete, conditions, tables
import os

import boto3
import pyarrow
from deltalake import DeltaTable, __version__, write_deltalake
from expect import client

client('delta-rs', f'{__version__} (deltalake)')
bucket = os.environ['BUCKET']
s3 = boto3.client(
    's3',
    endpoint_url=os.environ['ENDPOINT'],
    aws_access_key_id=os.environ['ACCESS_KEY'],
    aws_secret_access_key=os.environ['SECRET_KEY'],
)
s3.create_bucket(Bucket=bucket)
options = {
    'AWS_ENDPOINT_URL': os.environ['ENDPOINT'],
    'AWS_ALLOW_HTTP': 'true',
    'AWS_REGION': 'us-east-1',
    'AWS_ACCESS_KEY_ID': os.environ['ACCESS_KEY'],
    'AWS_SECRET_ACCESS_KEY': os.environ['SECRET_KEY'],
    # Two writers of one version: the second one's If-None-Match fails.
    'conditional_put': 'etag',
}
url = f's3://{bucket}/tables/numbers (1)'


def rows(start, end):
    return pyarrow.table({'number': pyarrow.array(range(start, end), pyarrow.int64())})


write_deltalake(url, rows(0, 100), storage_options=options)
write_deltalake(url, rows(100, 150), mode='append', storage_options=options)
table = DeltaTable(url, storage_options=options)
assert table.version() == 1
assert sorted(table.to_pyarrow_table()['number'].to_pylist()) == list(range(150))
assert DeltaTable(url, version=0, storage_options=options).to_pyarrow_table().num_rows == 100

# Delete rows, compact, checkpoint, and remove what is no longer needed.
table.delete('number >= 140')
table.optimize.compact()
table.create_checkpoint()
removed = table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
assert removed, 'the files before the compaction'
assert DeltaTable(url, storage_options=options).to_pyarrow_table().num_rows == 140

# Of two writers that read one version, one wins or is moved behind the other: no row is lost.
one, other = (DeltaTable(url, storage_options=options) for _ in range(2))
write_deltalake(one, rows(200, 210), mode='append')
write_deltalake(other, rows(210, 220), mode='append')
assert DeltaTable(url, storage_options=options).to_pyarrow_table().num_rows == 160

# The threads of pyarrow and deltalake may abort the process while the interpreter ends.
os._exit(0)
