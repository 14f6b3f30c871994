# signatures: v4
# environment: s3fs
# setups: one
# covers: list, put, get, delete, sync, versions
source "$SUPPORT/expect.sh"
client DVC "$(dvc --version)"
export AWS_ACCESS_KEY_ID="$ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$SECRET_KEY" DVC_NO_ANALYTICS=true

step make a bucket and a repository of DVC
python3 -c "
import botocore.session
s3 = botocore.session.get_session().create_client('s3', endpoint_url='$ENDPOINT', region_name='us-east-1')
s3.create_bucket(Bucket='$BUCKET')"
mkdir project && cd project
dvc init --quiet --no-scm
dvc remote add --quiet --default pfs "s3://$BUCKET/store (1)"
dvc remote modify pfs endpointurl "$ENDPOINT"

step push a tree
cp -r "$TREE" data
dvc add --quiet data
dvc push
dvc push >second.txt
expect_line 'up to date' second.txt

step pull it again
rm -rf data .dvc/cache
dvc pull
expect_same_tree "$TREE" data

step push a change, remove from the remote what is not used any more
echo changed >data/changed.txt
dvc add --quiet data
dvc push
dvc gc --quiet --force --workspace --cloud
rm -rf data .dvc/cache
dvc pull
[ "$(cat data/changed.txt)" = changed ] || fail the change
cd ..

step a remote that keeps each version of a file under its own name
mkdir versioned && cd versioned
dvc init --quiet --no-scm
dvc remote add --quiet --default pfs "s3://$BUCKET/versioned"
dvc remote modify pfs endpointurl "$ENDPOINT"
dvc remote modify pfs version_aware true
cp -r "$TREE" data
dvc add --quiet data
dvc push
cp data.dvc ../first.kept
changed="$(find data -type f -size +0 -print -quit)"
other_bytes "$changed"
cp -r data changed
dvc add --quiet data
dvc push

step pull the first version again, then the second
cp data.dvc ../second.kept
for version in first second; do
  rm -rf data .dvc/cache
  cp "../$version.kept" data.dvc
  dvc pull
  if [ "$version" = first ]; then expect_same_tree "$TREE" data; else expect_same_tree changed data; fi
done
