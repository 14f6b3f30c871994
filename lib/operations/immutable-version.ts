import { S3Error } from '../errors.js'

/** The answer to who would delete one version: it is part of a commit. */
export function immutableVersion(): S3Error {
  return new S3Error('MethodNotAllowed', {
    message:
      'A version of an object is part of a commit, and history does not change. Delete the key without a versionId.',
  })
}
