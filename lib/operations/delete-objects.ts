import { S3Error } from '../errors.js'
import { xmlResponse } from '../http/response.js'
import { childText, malformedXml, readXml, type XmlElement } from '../http/xml-reader.js'
import { type XmlContent, xmlDocument } from '../http/xml-writer.js'
import { s3ErrorFrom } from '../resolver/s3-error.js'
import type { BucketCall, Operation } from './call.js'
import { immutableVersion } from './delete-object.js'
import { requireWritable } from './writable.js'

const maxKeys = 1000

/** DeleteObjects: all keys in one commit, each with an answer of its own. */
export const deleteObjects: Operation<BucketCall> = async (call) => {
  const { bucket, body } = call
  requireWritable(bucket)
  const { quiet, objects } = parseDelete(await readXml(body))
  const results = await deleteEach(call, objects)
  return xmlResponse(
    xmlDocument('DeleteResult', {
      Deleted: quiet ? [] : results.map(({ deleted }) => deleted),
      Error: results.map(({ error }) => error),
    }),
  )
}

interface NamedObject {
  readonly key: string
  readonly versionId: string | undefined
}

interface Result {
  readonly deleted?: XmlContent
  readonly error?: XmlContent
}

function parseDelete(root: XmlElement | undefined): { quiet: boolean; objects: readonly NamedObject[] } {
  if (root === undefined) throw new S3Error('MissingRequestBodyError')
  if (root.name !== 'Delete') throw malformedXml()
  const objects = root.children.filter(({ name }) => name === 'Object').map(parseObject)
  if (objects.length === 0 || objects.length > maxKeys) throw malformedXml()
  return { quiet: childText(root, 'Quiet')?.trim().toLowerCase() === 'true', objects }
}

function parseObject(element: XmlElement): NamedObject {
  const key = childText(element, 'Key')
  if (key === undefined || key === '') throw malformedXml()
  return { key, versionId: childText(element, 'VersionId') }
}

/** A key that is named twice is deleted once; one that cannot be a path is not there to be deleted. */
async function deleteEach(call: BucketCall, objects: readonly NamedObject[]): Promise<readonly Result[]> {
  const { gateway, bucket, options } = call
  const plans = objects.map((object) => ({ ...object, ...planned(call, object) }))
  const paths = [...new Set(plans.flatMap(({ path }) => path ?? []))]
  const outcomes = await gateway.commits.commit(
    bucket.branch,
    paths.map((path) => ({ path })),
    options,
  )
  const byPath = new Map(paths.map((path, index) => [path, outcomes[index]]))
  return plans.map(({ key, versionId, path, refusal }) => {
    const outcome = path === undefined ? undefined : byPath.get(path)
    if (outcome?.status !== 'fulfilled') {
      return failed(
        key,
        versionId,
        s3ErrorFrom(refusal ?? outcome?.reason, { kind: 'object', bucket: bucket.name, key }),
      )
    }
    return { deleted: { Key: key, DeleteMarker: true, DeleteMarkerVersionId: outcome.value.commitId } }
  })
}

function planned({ gateway }: BucketCall, { key, versionId }: NamedObject): { path?: string; refusal?: unknown } {
  try {
    return versionId === undefined ? { path: gateway.keys.pathFromKey(key) } : { refusal: immutableVersion() }
  } catch (refusal) {
    return { refusal }
  }
}

function failed(key: string, versionId: string | undefined, { code, message }: S3Error): Result {
  return { error: { Key: key, VersionId: versionId, Code: code, Message: message } }
}
