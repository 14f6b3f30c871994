import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'

/** Makes a bucket and gives its name back. */
export const newBucket = async (s3: S3Client, Bucket: string) => {
  await s3.send(new CreateBucketCommand({ Bucket }))
  return Bucket
}

/** The metadata of an object's current version. */
export const head = (s3: S3Client, Bucket: string, Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key }))

/** Writes an object; its version id. */
export async function put(s3: S3Client, Bucket: string, Key: string, Body: string): Promise<string> {
  const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket, Key, Body }))
  return VersionId
}

/** Deletes a key; the version id of the delete marker. */
export async function remove(s3: S3Client, Bucket: string, Key: string): Promise<string> {
  const { VersionId = '' } = await s3.send(new DeleteObjectCommand({ Bucket, Key }))
  return VersionId
}

/** The text of an object, or of one of its versions. */
export async function read(s3: S3Client, Bucket: string, Key: string, VersionId?: string) {
  const command = new GetObjectCommand({ Bucket, Key, ...(VersionId !== undefined && { VersionId }) })
  const { Body } = await s3.send(command)
  return Body?.transformToString()
}

/** `key versionId size`, `key versionId -` for a delete marker, `>` before the latest; in the order of the document. */
export async function listed(s3: S3Client, Bucket: string, input: Partial<ListObjectVersionsCommandInput> = {}) {
  const page = await s3.send(new ListObjectVersionsCommand({ Bucket, ...input }))
  const rows = [
    ...(page.Versions ?? []).map(({ Key, VersionId, Size, IsLatest }) => ({ Key, VersionId, Size, IsLatest })),
    ...(page.DeleteMarkers ?? []).map(({ Key, VersionId, IsLatest }) => ({ Key, VersionId, Size: '-', IsLatest })),
  ]
  return {
    page,
    rows: rows.map(({ Key, VersionId, Size, IsLatest }) => `${IsLatest ? '>' : ''}${Key} ${VersionId} ${Size}`),
    prefixes: page.CommonPrefixes?.map(({ Prefix }) => Prefix),
  }
}
