# signatures: v4
# setups: one
# covers: list, put, get, range, delete, sync
source "$SUPPORT/expect.sh"
client restic "$(restic version | awk '{ print $2 }')"
export AWS_ACCESS_KEY_ID="$ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$SECRET_KEY"
export RESTIC_REPOSITORY="s3:$ENDPOINT/$BUCKET/backup" RESTIC_PASSWORD=password

step make a bucket and a repository
restic init

step back a tree up, twice
cd "$TREE"
restic backup --quiet .
restic backup . >"$HOME/second.txt"
cd "$HOME"
expect_line ' 0 new,' second.txt

step back a file up, check, read the data again
restic backup --quiet "$FILE" "$PARTS"
restic check --quiet --read-data

step restore the tree
restic snapshots --json >snapshots.json
restic restore --quiet "$(grep -o '"short_id":"[^"]*"' snapshots.json | head -1 | cut -d'"' -f4)" --target tree-out
expect_same_tree "$TREE" tree-out

step forget and prune
restic forget --quiet --keep-last 1 --group-by '' --prune
restic check --quiet
