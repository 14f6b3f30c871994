# signatures: v4
# setups: one
# covers: list, put, get, range, parts, tables
import os
from importlib.resources import files

import boto3
import duckdb
from expect import client

client('DuckDB', duckdb.__version__)
bucket = os.environ['BUCKET']
s3 = boto3.client(
    's3',
    endpoint_url=os.environ['ENDPOINT'],
    aws_access_key_id=os.environ['ACCESS_KEY'],
    aws_secret_access_key=os.environ['SECRET_KEY'],
)
s3.create_bucket(Bucket=bucket)

[extension] = files('duckdb_extension_httpfs').glob('extensions/*/httpfs.duckdb_extension')
db = duckdb.connect()
db.load_extension(str(extension))
db.execute(
    f"""
    CREATE SECRET (TYPE s3, ENDPOINT '{os.environ['HOST']}', URL_STYLE 'path', USE_SSL false, REGION 'us-east-1',
      KEY_ID '{os.environ['ACCESS_KEY']}', SECRET '{os.environ['SECRET_KEY']}')
    """
)

# Write a table in parts, read it, a column and a part of it.
db.execute("CREATE TABLE numbers AS SELECT range AS number, hash(range) AS other FROM range(2_000_000)")
db.execute(f"COPY numbers TO 's3://{bucket}/tables/a b (1).parquet' (FORMAT parquet, COMPRESSION uncompressed)")
[(count, total)] = db.execute(f"SELECT count(*), sum(number) FROM 's3://{bucket}/tables/a b (1).parquet'").fetchall()
assert (count, total) == (2_000_000, 1_999_999_000_000), (count, total)
few = db.execute(f"SELECT number FROM 's3://{bucket}/tables/a b (1).parquet' WHERE number BETWEEN 7 AND 9").fetchall()
assert few == [(7,), (8,), (9,)], few

# Write files of a partitioned table, find them by a pattern.
db.execute(
    f"COPY (SELECT number, number % 3 AS third FROM numbers LIMIT 300) TO 's3://{bucket}/parted' (FORMAT csv, PARTITION_BY third)"
)
found = db.execute(f"SELECT count(*) FROM glob('s3://{bucket}/parted/*/*.csv')").fetchall()
assert found == [(3,)], found
rows = db.execute(f"SELECT third, count(*) FROM read_csv('s3://{bucket}/parted/*/*.csv') GROUP BY third").fetchall()
assert sorted(rows) == [(0, 100), (1, 100), (2, 100)], rows
