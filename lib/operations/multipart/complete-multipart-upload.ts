import { checksumValue } from '../../checksums.js'
import type { Change } from '../../commits/change.js'
import { committedOf } from '../../commits/commit-queue.js'
import { yieldTurn } from '../../concurrency.js'
import { S3Error } from '../../errors.js'
import type { S3Response } from '../../http/response.js'
import { type DocumentResponse, respondLate, xmlResponse } from '../../http/response.js'
import { xmlDocument } from '../../http/xml.js'
import { type Description, emptyDescription } from '../../records/record.js'
import { joinParts } from '../../resolver/uploads/join-parts.js'
import { compositeEtag, listUploadParts, type Part, removeUpload } from '../../resolver/uploads/parts.js'
import {
  completionPath,
  noSuchUpload,
  stagingBranch,
  type UploadName,
  uploadPath,
} from '../../resolver/uploads/staging.js'
import {
  type Completion,
  completionContent,
  existedAtStart,
  readStart,
  resolveCompletion,
  resolveUpload,
  type Upload,
} from '../../resolver/uploads/upload.js'
import { type ObjectCall, requireWritable } from '../call.js'
import { urlOfObject } from '../post-object.js'
import { readWriteCondition, writeObject } from '../write.js'
import {
  type CompletedPart,
  fingerprintOf,
  readCompletedParts,
  requireChecksums,
  requireSameChecksums,
  selectParts,
} from './completed-parts.js'
import { uploadNameOf } from './multipart-upload.js'
import { objectChecksum, requireChecksumType, requireObjectSums } from './upload-checksum.js'

/**
 * CompleteMultipartUpload: joins the parts in one commit, without moving bytes. A repeated request gets the same response;
 * if two replicas get it concurrently, they may make two versions of the same content.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
export async function completeMultipartUpload(call: ObjectCall): Promise<S3Response> {
  requireWritable(call.bucket)
  const name = await uploadNameOf(call)
  const completed = await readCompletedParts(call)
  requireChecksums(name.id, completed)
  requireChecksumType(call.request, name.id.checksum)
  return respondLate(() => call.gateway.uploadMutex(name.id.text, () => complete(call, name, completed)))
}

async function complete(
  call: ObjectCall,
  name: UploadName,
  completed: readonly CompletedPart[],
): Promise<DocumentResponse> {
  const done = (await findEarlierCompletion(call, name, completed)) ?? (await join(call, name, completed))
  return answerFrom(call, name, done)
}

/** The response to an earlier, identical request; throws NoSuchUpload if a different request completed the upload. */
async function findEarlierCompletion(
  { gateway, options }: ObjectCall,
  name: UploadName,
  completed: readonly CompletedPart[],
): Promise<Completion | undefined> {
  const completion = await resolveCompletion(gateway.pfs, name, options)
  if (completion !== undefined && completion.request !== fingerprintOf(completed)) throw noSuchUpload(name.id.text)
  return completion
}

async function join(call: ObjectCall, name: UploadName, completed: readonly CompletedPart[]): Promise<Completion> {
  const { gateway, key, options } = call
  const { pfs } = gateway
  const path = gateway.keys.pathFromKey(key)
  const condition = readWriteCondition(call, key)
  const upload = await resolveUpload(pfs, name, options)
  const uploaded = await listUploadParts(pfs, upload, { after: 0, number: 0 }, options)
  const parts = selectParts(name.id, completed, new Map(uploaded.map((part) => [part.partNumber, part])))
  await yieldTurn()
  const checksum = await checkedObject(call, upload, completed, parts)
  await yieldTurn()
  const joined = await joinParts(pfs, parts, gateway.stagedParts, options)
  // Another replica may have completed the upload in the meantime.
  const before = await findEarlierCompletion(call, name, completed)
  if (before !== undefined) return before
  const description = await describe(call, upload, parts, checksum)
  const object = { path, content: { copyOf: joined }, description, ...condition }
  const { etag, commitId: versionId } = await writeObject(call, object).catch(async (error: unknown) => {
    throw await conflictOr(error, call, upload, path)
  })
  // The object is committed. If the client leaves now, it may repeat the request, and gets this response.
  const { signal: _, ...lasting } = options
  const completion = { request: fingerprintOf(completed), etag, versionId, ...(checksum && { checksum }) }
  await keepCompletion({ ...call, options: lasting }, upload, completion)
  return completion
}

/** S3 reports a conflict for a key that was written during the upload: retrying the upload can help only then. */
async function conflictOr(error: unknown, call: ObjectCall, upload: Upload, path: string): Promise<unknown> {
  const isTaken = error instanceof S3Error && error.fields.Condition === 'If-None-Match'
  if (!isTaken || (await existedAtStart(call.gateway.pfs, upload, path, call.options))) return error
  const fields = { Condition: 'If-None-Match', Key: call.key }
  return new S3Error('ConditionalRequestConflict', { fields, cause: error })
}

/** The checksum of the object, if one is kept; throws if the client sends a different checksum or size. */
async function checkedObject(
  { request }: ObjectCall,
  { id }: Upload,
  completed: readonly CompletedPart[],
  parts: readonly Part[],
): Promise<string | undefined> {
  requireSameChecksums(id, completed, parts)
  const sums = parts.map(({ info, checksum = Buffer.alloc(0) }) => ({ size: info.sizeBytes, checksum }))
  const checksum = id.checksum && (await objectChecksum(id.checksum, sums))
  const size = sums.reduce((total, part) => total + part.size, 0)
  requireObjectSums(request, id.checksum, { size, checksum })
  return checksum
}

/** Describes the object: the attributes from the start of the upload, its parts, ETag and checksum. */
async function describe(
  { gateway, options }: ObjectCall,
  upload: Upload,
  parts: readonly Part[],
  value: string | undefined,
): Promise<Description> {
  if (gateway.records.mode === 'off') return emptyDescription
  const { attributes } = await readStart(gateway.pfs, upload, options)
  const { checksum } = upload.id
  const etag = compositeEtag(parts)
  return {
    ...emptyDescription,
    ...attributes,
    ...(etag !== undefined && { etag }),
    ...(checksum && value !== undefined && { checksum: { ...checksum, value } }),
    parts: parts.map((part) => ({
      number: part.partNumber,
      size: part.info.sizeBytes,
      ...(part.checksum && { checksum: part.checksum.toString('base64') }),
    })),
  }
}

/** Stores the response, then deletes the upload and its parts. */
async function keepCompletion({ gateway, options }: ObjectCall, upload: Upload, completion: Completion): Promise<void> {
  const staging = stagingBranch(upload.bucket.branch.repo)
  try {
    const kept: Change = { path: completionPath(upload), content: completionContent(completion) }
    committedOf(await gateway.commits.commit(staging, [kept], options))
    await removeUpload(gateway, upload, { path: uploadPath(upload) }, options)
  } catch {
    // The object is committed. Without a stored response, the upload can be completed again, with the same content; the
    // sweep deletes its files later.
  }
}

function answerFrom(call: ObjectCall, { id }: UploadName, completion: Completion): DocumentResponse {
  return xmlResponse(
    xmlDocument('CompleteMultipartUploadResult', {
      Location: urlOfObject(call),
      Bucket: call.bucket.name,
      Key: call.key,
      ETag: completion.etag,
      ...checksumValue(id.checksum, completion.checksum),
    }),
    { 'x-amz-version-id': completion.versionId },
  )
}
