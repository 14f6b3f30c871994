#!/usr/bin/env bash
# Installs the clients below .cache/clients, once for each version: a Python environment for each file of
# requirements/, bin/ for the Go programs, hadoop/ for the jars of S3A. restic comes from the system's packages.
# Arguments select Python environments, such as `main`; nothing else is installed then.
set -euo pipefail
cd "$(dirname "$0")"
cache="$(cd ../.. && pwd)/.cache/clients"
mkdir -p "$cache/bin"

# What is installed is named by what was asked for, so that a changed version is installed anew.
once() {
  local stamp="$cache/$1.done"
  [ "$(cat "$stamp" 2>/dev/null)" = "$2" ] && return
  shift
  "${@:2}"
  echo "$1" >"$stamp"
}

python_environment() {
  rm -rf "${cache:?}/$1"
  python3 -m venv "$cache/$1"
  "$cache/$1/bin/pip" install --quiet --disable-pip-version-check -r "requirements/$1.txt"
}

for file in requirements/*.txt; do
  name="$(basename "$file" .txt)"
  [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
  once "$name" "$(cat "$file")" python_environment "$name"
done
[ $# -eq 0 ] || exit 0

go_program() {
  GOBIN="$cache/bin" go install "$1"
}

while read -r name module; do
  once "$name" "$module" go_program "$module"
done <go-programs.txt

# rclone with two of its backends: the other seventy take minutes to compile.
rclone_program() {
  local module
  module="$(mktemp -d)"
  cp rclone/main.go "$module"
  (
    cd "$module"
    go mod init rclone-s3
    go get "github.com/rclone/rclone@$1"
    go mod tidy
    go build -ldflags "-X github.com/rclone/rclone/fs.Version=$1" -o "$cache/bin/rclone" .
  )
  rm -rf "$module"
}
once rclone "v1.76.0 $(cat rclone/main.go)" rclone_program v1.76.0

hadoop_jars() {
  rm -rf "$cache/hadoop"
  mvn --batch-mode --quiet --file hadoop/pom.xml dependency:copy-dependencies "-DoutputDirectory=$cache/hadoop"
}
once hadoop "$(cat hadoop/pom.xml)" hadoop_jars
