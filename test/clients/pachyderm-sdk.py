# environment: pachyderm
# covers: pachd's gRPC API beside S3
"""
Pachyderm's own client against PFS at $PACHD_ADDRESS, and both ways between it and boto3 at $ENDPOINT. It prints a line
for each thing that it has seen work, and fails at the first that does not.
"""

import hashlib
import io
import os
from importlib.metadata import version

import boto3
import grpc
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

print(f"client: pachyderm_sdk {version('pachyderm-sdk')}")
bucket = os.environ['BUCKET']
token = os.environ.get('PACH_TOKEN')
client = Client.from_pachd_address(os.environ['PACHD_ADDRESS'], auth_token=token)
repo = pfs.Repo(name=bucket.split('.')[1], type='user', project=pfs.Project(name='default'))
master = pfs.Branch(repo=repo, name='master')
head = pfs.Commit(repo=repo, branch=master)
s3 = boto3.client(
    's3',
    endpoint_url=os.environ['ENDPOINT'],
    aws_access_key_id=os.environ['ACCESS_KEY'],
    aws_secret_access_key=os.environ['SECRET_KEY'],
)


def file(path, commit=head):
    return pfs.File(commit=commit, path=path)


def read(path, commit=head):
    with client.pfs.pfs_file(file=file(path, commit)) as stream:
        return stream.read()


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except grpc.RpcError as error:
        assert error.code() == code, error
        return error.details()
    raise AssertionError(f'not refused: {call} {arguments}')


def check(what):
    print('ok', what)


# Repos and branches.
refused(grpc.StatusCode.NOT_FOUND, client.pfs.inspect_repo, repo=repo)
client.pfs.create_repo(repo=repo, description='made by the SDK')
assert client.pfs.repo_exists(repo=repo)
assert client.pfs.inspect_repo(repo=repo).description == 'made by the SDK'
assert repo.name in [info.repo.name for info in client.pfs.list_repo(type='user')]
refused(grpc.StatusCode.ALREADY_EXISTS, client.pfs.create_repo, repo=repo)
check('a repo is made, inspected and listed')

# Write in a commit of one's own.
with client.pfs.commit(branch=master) as commit:
    commit.put_file_from_bytes(path='/hello.txt', data=b'hello\n')
    commit.put_file_from_bytes(path='/dir/one.txt', data=b'1')
    commit.put_file_from_bytes(path='/empty', data=b'')
    commit.put_file_from_bytes(path='/hello.txt', data=b'world\n', append=True)
finished = commit.wait()
assert finished.error == '' and finished.finished
assert client.pfs.inspect_branch(branch=master).head.id == commit.id
check('a commit is started, written, finished and waited for')

# Read, also what is not there.
assert read('/hello.txt') == b'hello\nworld\n'
assert read('/empty') == b''
info = client.pfs.inspect_file(file=file('/hello.txt'))
assert (info.size_bytes, info.file_type, len(info.hash)) == (12, pfs.FileType.FILE, 32)
assert not client.pfs.path_exists(file=file('/nope'))
assert 'not found' in refused(grpc.StatusCode.NOT_FOUND, client.pfs.inspect_file, file=file('/nope'))
check('files are read and inspected')

# List.
assert [entry.file.path for entry in client.pfs.list_file(file=file('/'))] == ['/dir/', '/empty', '/hello.txt']
assert [entry.file.path for entry in client.pfs.walk_file(file=file('/dir'))] == ['/dir/', '/dir/one.txt']
assert [entry.file.path for entry in client.pfs.glob_file(commit=head, pattern='/*.txt')] == ['/hello.txt']
check('directories are listed, walked and matched')

# More than one message each way.
large = os.urandom(25 * 1024 * 1024)
with client.pfs.commit(branch=master) as commit:
    commit.put_file_from_file(path='/large', file=io.BytesIO(large))
    commit.copy_file(src=file('/dir/one.txt', pfs.Commit(repo=repo, id=finished.commit.id)), dst='/copy.txt')
    commit.delete_file(path='/empty')
commit.wait()
assert hashlib.sha256(read('/large')).digest() == hashlib.sha256(large).digest()
assert read('/copy.txt') == b'1'
assert not client.pfs.path_exists(file=file('/empty'))
assert read('/empty', pfs.Commit(repo=repo, id=finished.commit.id)) == b''
check('25 MiB go in and out; a file is copied, one deleted and still in the older commit')

# What was written here is seen through S3.
assert bucket in [entry['Name'] for entry in s3.list_buckets()['Buckets']]
keys = [entry['Key'] for entry in s3.list_objects_v2(Bucket=bucket)['Contents']]
assert keys == ['copy.txt', 'dir/one.txt', 'hello.txt', 'large'], keys
assert s3.get_object(Bucket=bucket, Key='hello.txt')['Body'].read() == b'hello\nworld\n'
assert s3.get_object(Bucket=bucket, Key='large')['Body'].read() == large
check('S3 reads what the SDK wrote')

# And the other way.
written = s3.put_object(Bucket=bucket, Key='from/s3.txt', Body=b'from S3')
s3.delete_object(Bucket=bucket, Key='copy.txt')
assert read('/from/s3.txt') == b'from S3'
assert read('/from/s3.txt', pfs.Commit(repo=repo, id=written['VersionId'])) == b'from S3'
assert not client.pfs.path_exists(file=file('/copy.txt'))
check('the SDK reads what S3 wrote, and not what S3 removed')

if token is not None:
    stranger = Client.from_pachd_address(os.environ['PACHD_ADDRESS'], auth_token='another-token')
    refused(grpc.StatusCode.UNAUTHENTICATED, stranger.pfs.inspect_repo, repo=repo)
    assert client.auth.who_am_i().username == 'pach:root'
    check('a token that is not known is refused')

client.pfs.delete_repo(repo=repo)
assert not client.pfs.repo_exists(repo=repo)
assert bucket not in [entry['Name'] for entry in s3.list_buckets()['Buckets']]
check('the repo is deleted, and its bucket is gone')
