import { Readable } from 'node:stream'
import { timeBeforeWrite } from '../commits/head.js'
import { S3Error } from '../errors.js'
import { type S3Response, xmlResponse } from '../http/response.js'
import { malformedXml, readXml, type XmlSource, xmlDocument } from '../http/xml.js'
import type { Description, Version } from '../records/record.js'
import type { RecordLine } from '../records/record-lines.js'
import { contentIdOf } from '../records/record-path.js'
import { type StoredObject, startOf } from '../resolver/object.js'
import { versionAsOf } from '../resolver/versions/object-version.js'
import { type Call, type ObjectCall, requireWritable, resolveNamedObject } from './call.js'
import { requireTags } from './tags.js'

type Tags = Description['tags']

/**
 * The tags of an object, or of a version of it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html
 */
export async function getObjectTagging(call: ObjectCall): Promise<S3Response> {
  // Another gateway may have replaced them without a commit of data.
  call.gateway.records.refreshKnown(call.bucket.branch.repo)
  const { versionId, description } = await resolveNamedObject(call)
  const Tag = description.tags.map(([Key, Value]) => ({ Key, Value }))
  return xmlResponse(xmlDocument('Tagging', { TagSet: { Tag } }), { 'x-amz-version-id': versionId })
}

/**
 * Replaces the tags of an object, or of a version of it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html
 */
export async function putObjectTagging(call: ObjectCall): Promise<S3Response> {
  await requireRecords(call)
  const tags = await readTags(call)
  return { status: 200, headers: { 'x-amz-version-id': await setTags(call, tags) } }
}

/**
 * Removes the tags of an object, or of a version of it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html
 */
export async function deleteObjectTagging(call: ObjectCall): Promise<S3Response> {
  await requireRecords(call)
  return { status: 204, headers: { 'x-amz-version-id': await setTags(call, []) } }
}

/** Throws unless the caller may write to the bucket and the gateway keeps records. */
async function requireRecords({ gateway, bucket, options }: ObjectCall): Promise<void> {
  requireWritable(bucket)
  await gateway.commits.requireWriteAccess(bucket.branch, options)
  if (gateway.records.mode !== 'off') return
  throw new S3Error('NotImplemented', { message: 'This gateway keeps no records of objects (objectRecords is off).' })
}

async function setTags(call: ObjectCall, tags: Tags): Promise<string> {
  const { gateway, bucket, options } = call
  const object = await resolveNamedObject(call)
  const { file, hash } = object.info
  const name = { repo: bucket.branch.repo, path: file.path, content: contentIdOf(hash) }
  const line = await lineOf(call, tags, object)
  await gateway.records.write([{ name, kind: 'append', line }], options)
  return object.versionId
}

/** The line of a record that sets the tags of an object. An open commit is not a version. */
async function lineOf(call: ObjectCall, tags: Tags, object: StoredObject): Promise<RecordLine> {
  const { version: recorded, isRewritten, description } = object
  const branch = call.bucket.branch.name
  const version = await versionOf(call, object)
  if (version === undefined) {
    const started = await startOf(call.gateway.pfs, object.info.file.commit, call.options)
    const after = timeBeforeWrite({ time: undefined, started })
    return { description: { ...description, tags }, versions: [], announcedFor: branch, ...(after && { after }) }
  }
  const versions = [{ ...version, branch, tags }]
  // The version of another branch is not described for this one.
  if (recorded !== undefined && recorded.branch !== branch) return { description: recorded.description, versions }
  if (!isRewritten) return { versions }
  const announced = { announcedFor: branch, announcedTags: tags }
  return recorded === undefined ? { versions, ...announced } : { versions: [recorded], ...announced }
}

/** The version that wrote an object; undefined while its commit is open. */
async function versionOf(
  { gateway, bucket: { branch }, options }: ObjectCall,
  { version, info: { file } }: StoredObject,
): Promise<Version | undefined> {
  if (version !== undefined) return version
  const commitId = file.commit.id ?? ''
  const records = await gateway.records.read(branch.repo, file.path, options)
  const found = await versionAsOf(gateway, { branch, path: file.path, commitId }, records, options)
  if (found === undefined) return undefined
  const commit = { repo: branch.repo, id: found.commitId }
  const { finishing } = await gateway.pfs.inspectCommit({ commit }, options)
  return finishing && { commitId: found.commitId, branch: branch.name, time: finishing }
}

/** Parses the tags in the field `tagging` of a form, a document `Tagging`. */
export async function readFieldTags({ request }: Call, fields: ReadonlyMap<string, string>): Promise<Tags> {
  const text = fields.get('tagging') ?? ''
  if (text === '') return []
  return readTags({ request, body: Readable.from([Buffer.from(text)]) })
}

/**
 * Parses a document `Tagging`.
 *
 * @throws S3Error MalformedXML, InvalidTag, BadRequest
 */
async function readTags(source: XmlSource): Promise<Tags> {
  const tags: [string, string][] = []
  let sets = 0
  const isThere = await readXml(source, 'Tagging', {
    elements: {
      TagSet: {
        onStart: () => {
          sets += 1
        },
        elements: {
          Tag: {
            texts: ['Key', 'Value'],
            onEnd: (texts) => {
              const [key, value] = [texts.get('Key'), texts.get('Value')]
              if (key === undefined || value === undefined) throw malformedXml()
              tags.push([key, value])
            },
          },
        },
      },
    },
  })
  if (!isThere) throw new S3Error('MissingRequestBodyError')
  if (sets !== 1) throw malformedXml()
  return requireTags(tags)
}
