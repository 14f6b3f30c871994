import { appendFileSync, closeSync, openSync } from 'node:fs'
import type { ResponseLog } from '../index.js'
import { faultOfWriting, reasonFrom } from './fault.js'
import { printable } from './program-log.js'

/** A log file in the format of Amazon S3 server access logs. */
export interface AccessLog {
  write(log: ResponseLog): void
  /** Reopens the file after log rotation has renamed it. */
  reopen(): void
  close(): void
}

const standardOutput: AccessLog = {
  write: (log) => process.stdout.write(`${accessLogLine(log)}\n`),
  reopen: () => undefined,
  close: () => undefined,
}

/**
 * Opens a file for appending; '-' is standard output. Throws a Fault if that fails. Calls `onError` if a line cannot be
 * written, but not again until one can.
 */
export function openAccessLog(path: string, onError: (error: unknown) => void): AccessLog {
  if (path === '-') return standardOutput
  let file = open()
  let isBroken = false

  function open(): number {
    try {
      return openSync(path, 'a', 0o640)
    } catch (thrown) {
      throw faultOfWriting(`--access-log: cannot write ${path}`, thrown)
    }
  }

  return {
    write(log) {
      try {
        // Workers share the file, so each line must be a single write.
        appendFileSync(file, `${accessLogLine(log)}\n`)
        isBroken = false
      } catch (thrown) {
        if (!isBroken)
          onError(new Error(`cannot write the access log ${path}: ${reasonFrom(thrown)}`, { cause: thrown }))
        isBroken = true
      }
    },
    reopen() {
      const before = file
      file = open()
      closeSync(before)
    },
    close: () => closeSync(file),
  }
}

/** S3's operation names by action, except those of the form `REST.<method>.<resource>`. */
const operations: Readonly<Record<string, string>> = {
  AbortMultipartUpload: 'REST.DELETE.UPLOAD',
  CompleteMultipartUpload: 'REST.POST.UPLOAD',
  CopyObject: 'REST.COPY.OBJECT',
  CreateMultipartUpload: 'REST.POST.UPLOADS',
  DeleteObjectTagging: 'REST.DELETE.OBJECT_TAGGING',
  DeleteObjects: 'REST.POST.MULTI_OBJECT_DELETE',
  GetBucketAcl: 'REST.GET.ACL',
  GetBucketLocation: 'REST.GET.LOCATION',
  GetBucketVersioning: 'REST.GET.VERSIONING',
  GetObjectAcl: 'REST.GET.ACL',
  GetObjectAttributes: 'REST.GET.OBJECT_ATTRIBUTES',
  GetObjectTagging: 'REST.GET.OBJECT_TAGGING',
  ListMultipartUploads: 'REST.GET.UPLOADS',
  ListObjectVersions: 'REST.GET.BUCKETVERSIONS',
  ListParts: 'REST.GET.UPLOAD',
  PutBucketAcl: 'REST.PUT.ACL',
  PutBucketVersioning: 'REST.PUT.VERSIONING',
  PutObjectAcl: 'REST.PUT.ACL',
  PutObjectTagging: 'REST.PUT.OBJECT_TAGGING',
  UploadPart: 'REST.PUT.PART',
  UploadPartCopy: 'REST.COPY.PART',
}

/**
 * A line with the 26 fields of https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html; unknown values are
 * `-`.
 */
function accessLogLine(log: ResponseLog): string {
  const { time, bucket, key, action, method, target, status, code, requester, versionId } = log
  const resource = key !== undefined ? 'OBJECT' : bucket !== undefined ? 'BUCKET' : 'SERVICE'
  const operation = (action !== undefined && operations[action]) || `REST.${printable(method)}.${resource}`
  return [
    '-',
    field(bucket),
    `[${logTime(time)}]`,
    field(log.remoteAddress),
    field(requester),
    log.requestId,
    operation,
    field(key),
    quoted(`${method} ${target} HTTP/1.1`),
    status,
    field(code),
    log.bytesOut || '-',
    action === 'GetObject' && status === 200 ? log.bytesOut : action === 'PutObject' ? log.bytesIn : '-',
    Math.round(log.milliseconds),
    log.firstByteMilliseconds === undefined ? '-' : Math.round(log.firstByteMilliseconds),
    '-',
    quoted(log.userAgent),
    field(versionId),
    ...Array.from({ length: 8 }, () => '-'),
  ].join(' ')
}

function field(value: string | undefined): string {
  return value === undefined || value === '' ? '-' : printable(value)
}

/** Adds double quotes, and percent-encodes those in the value. */
function quoted(value: string | undefined): string {
  if (value === undefined) return '-'
  const text = value.split(' ').map(printable).join(' ')
  return `"${text.replaceAll('"', '%22')}"`
}

/** Such as `06/Feb/2026:00:00:38 +0000`. */
function logTime(time: Date): string {
  const [, day, month, year, clock] = /^\w+, (\d+) (\w+) (\d+) (\S+)/.exec(time.toUTCString()) ?? []
  return `${day}/${month}/${year}:${clock} +0000`
}
