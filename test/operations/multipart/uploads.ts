import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  type S3Client,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3'

export const Bucket = 'master.images'

/** The least size of a part that is not the last. */
export const partBytes = 5 * 1024 * 1024

/** An upload that has begun. */
export type Begun = { readonly Bucket: string; readonly Key: string; readonly UploadId: string }

export async function begin(
  s3: S3Client,
  Key: string,
  more: Partial<CreateMultipartUploadCommandInput> = {},
): Promise<Begun> {
  const { UploadId = '' } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))
  return { Bucket: more.Bucket ?? Bucket, Key, UploadId }
}

export async function sendPart(
  s3: S3Client,
  upload: Begun,
  PartNumber: number,
  Body: Uint8Array | string,
  more: Partial<UploadPartCommandInput> = {},
): Promise<CompletedPart> {
  const sent = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body, ...more }))
  const checksums = Object.entries(sent).filter(([name]) => name.startsWith('Checksum'))
  return { PartNumber, ETag: sent.ETag, ...Object.fromEntries(checksums) }
}

export function complete(s3: S3Client, upload: Begun, Parts: CompletedPart[], more: object = {}) {
  return s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...more }))
}

export async function read(s3: S3Client, Key: string, more: { Bucket?: string } = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}
