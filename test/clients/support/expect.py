"""For the scripts of clients in Python: what they are to copy, and how two copies are compared."""

import filecmp
import hashlib
import os

TREE = os.environ['TREE']
FILE = os.environ['FILE']
PARTS = os.environ['PARTS']


def client(name, version):
    """Reports name and version for the table of clients."""
    print(f'client: {name} {version}', flush=True)


def files_of(directory):
    """Paths below a directory, relative to it, with slashes."""
    for folder, _, names in os.walk(directory):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), directory).replace(os.sep, '/')


def checksum(path):
    """SHA-256 of a file, in hex."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def expect_same_tree(one, other):
    """The same files with equal content, and more than none."""
    names = sorted(files_of(one))
    assert names and names == sorted(files_of(other)), 'the same names'
    equal, different, unreadable = filecmp.cmpfiles(one, other, names, shallow=False)
    assert len(equal) == len(names), f'different: {different[:5]}, unreadable: {unreadable[:5]}'
