import { S3Error } from '../errors.js'
import { attributeLimits, type Description } from '../records/record.js'

type Tags = Description['tags']

/** Letters, digits and spaces of any script, and `_ . : / = + - @`. */
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

/**
 * Parses the header `x-amz-tagging`, such as `project=vision&stage=raw`. As in S3, a tag may lack its value, and empty
 * pairs are skipped.
 *
 * @throws S3Error InvalidArgument, InvalidTag, BadRequest
 */
export function parseTagQuery(text: string): Tags {
  const pairs = text.split('&').filter((pair) => pair !== '')
  const tags = pairs.map((pair) => {
    const [key = '', value = '', ...more] = pair.split('=')
    if (key === '' || more.length > 0) throw malformed(text)
    return [decoded(key, text), decoded(value, text)] as const
  })
  if (new Set(tags.map(([key]) => key)).size < tags.length) throw malformed(text)
  return requireTags(tags)
}

function decoded(part: string, text: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    throw malformed(text)
  }
}

function malformed(value: string): S3Error {
  return new S3Error('InvalidArgument', {
    message:
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    fields: { ArgumentName: 'x-amz-tagging', ArgumentValue: value },
  })
}

/**
 * Checks the tags of an object against S3's limits and returns them.
 *
 * @throws S3Error InvalidTag, BadRequest for more than ten
 */
export function requireTags(tags: Tags): Tags {
  if (tags.length > attributeLimits.tags)
    throw new S3Error('BadRequest', { message: 'Object tags cannot be greater than 10' })
  const keys = new Set<string>()
  for (const [key, value] of tags) {
    if (keys.has(key)) throw invalid(key, 'Cannot provide multiple Tags with the same key')
    keys.add(key)
    if (key === '' || key.length > attributeLimits.tagKeyCharacters || !allowed.test(key)) {
      throw invalid(key, 'The TagKey you have provided is invalid')
    }
    if (key.toLowerCase().startsWith('aws:')) throw invalid(key, 'System tags cannot be added/updated by requester')
    if (value.length > attributeLimits.tagValueCharacters || !allowed.test(value)) {
      throw invalid(key, 'The TagValue you have provided is invalid')
    }
  }
  return tags
}

function invalid(key: string, message: string): S3Error {
  return new S3Error('InvalidTag', { message, fields: { TagKey: key } })
}
