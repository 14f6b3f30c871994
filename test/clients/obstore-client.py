# signatures: v4
# setups: one
# covers: list, put, get, range, parts, copy, move, delete, presign, conditions
import os
import urllib.request
from datetime import timedelta

import boto3
import obstore
from expect import PARTS, client
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

client('object_store', f'(obstore {obstore.__version__})')
bucket = os.environ['BUCKET']
s3 = boto3.client(
    's3',
    endpoint_url=os.environ['ENDPOINT'],
    aws_access_key_id=os.environ['ACCESS_KEY'],
    aws_secret_access_key=os.environ['SECRET_KEY'],
)
s3.create_bucket(Bucket=bucket)
store = S3Store(
    bucket,
    endpoint=os.environ['ENDPOINT'],
    access_key_id=os.environ['ACCESS_KEY'],
    secret_access_key=os.environ['SECRET_KEY'],
    region='us-east-1',
    virtual_hosted_style_request=False,
    client_options={'allow_http': True},
)

# Put, list, get, a range.
first = store.put('dir/a b (1).txt', b'hello\n')
assert [entry['path'] for page in store.list() for entry in page] == ['dir/a b (1).txt']
assert bytes(store.get('dir/a b (1).txt').bytes()) == b'hello\n'
assert bytes(store.get_range('dir/a b (1).txt', start=1, length=3)) == b'ell'

# Copy and move between keys with spaces and parentheses.
store.copy('dir/a b (1).txt', 'dir/c d (2).txt')
store.rename('dir/c d (2).txt', 'dir/e f (3).txt')
assert bytes(store.get('dir/e f (3).txt').bytes()) == b'hello\n'

# Conditions: create once, update what was read.
try:
    store.put('dir/a b (1).txt', b'again', mode='create')
except AlreadyExistsError:
    pass
else:
    raise AssertionError('the object was replaced')
store.put('dir/a b (1).txt', b'second', mode={'e_tag': first['e_tag']})
try:
    store.put('dir/a b (1).txt', b'third', mode={'e_tag': first['e_tag']})
except PreconditionError:
    pass
else:
    raise AssertionError('the object was replaced')

# A file in parts; presigned URLs.
with open(PARTS, 'rb') as source:
    content = source.read()
store.put('parts.bin', content, use_multipart=True, chunk_size=5 << 20)
assert bytes(store.get('parts.bin').bytes()) == content
with urllib.request.urlopen(obstore.sign(store, 'GET', 'dir/e f (3).txt', timedelta(minutes=1))) as response:
    assert response.read() == b'hello\n'

# Delete.
store.delete([entry['path'] for page in store.list() for entry in page])
assert [page for page in store.list()] in ([], [[]])
s3.delete_bucket(Bucket=bucket)
