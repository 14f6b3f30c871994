import { Readable } from 'node:stream'
import { S3Error } from '../errors.js'
import { type S3Response, xmlResponse } from '../http/response.js'
import { malformedXml, readXml, type XmlSource, xmlDocument } from '../http/xml.js'
import { type Description, timeOfWrite, type Version } from '../records/record.js'
import type { RecordLine } from '../records/record-lines.js'
import { contentIdOf } from '../records/record-path.js'
import type { StoredObject } from '../resolver/object.js'
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
  const line = lineOf(bucket.branch.name, tags, object, await versionOf(call, object))
  await gateway.records.write([{ name, kind: 'append', line }], options)
  return object.versionId
}

/** The line of a record that sets the tags of an object, in the version that wrote it. */
function lineOf(branch: string, tags: Tags, object: StoredObject, version: Version): RecordLine {
  const { version: recorded, isRewritten } = object
  const versions = [{ ...version, branch, tags }]
  // The version of another branch is not described for this one.
  if (recorded !== undefined && recorded.branch !== branch) return { description: recorded.description, versions }
  if (!isRewritten) return { versions }
  const announced = { announcedFor: branch, announcedTags: tags }
  return recorded === undefined ? { versions, ...announced } : { versions: [recorded], ...announced }
}

/** The version that wrote an object. */
async function versionOf(
  { gateway, bucket: { branch }, options }: ObjectCall,
  { version, info: { file } }: StoredObject,
): Promise<Version> {
  if (version !== undefined) return version
  const headId = file.commit.id ?? ''
  const records = await gateway.records.read(branch.repo, file.path, options)
  const found = await versionAsOf(gateway, { branch, path: file.path, commitId: headId }, records, options)
  const commitId = found?.commitId ?? headId
  const commit = { repo: branch.repo, id: commitId }
  const { finishing, started } = await gateway.pfs.inspectCommit({ commit }, options)
  return { commitId, branch: branch.name, ...timeOfWrite({ time: finishing, started }) }
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
