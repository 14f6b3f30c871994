import { appendFileSync, closeSync, openSync } from 'node:fs'
import type { ResponseLog } from '../index.js'
import { Fault, reasonFrom } from './fault.js'
import { printable } from './program-log.js'

/** A file of lines in the format of Amazon S3 server access logs. */
export interface AccessLog {
  write(log: ResponseLog): void
  /** Opens the file anew, so that whoever rotates logs can rename it before. */
  reopen(): void
  close(): void
}

/** Opens a file to append to; '-' is standard output. A Fault says why that cannot be. */
export function openAccessLog(path: string): AccessLog {
  let file = open()

  function open(): number {
    if (path === '-') return process.stdout.fd
    try {
      return openSync(path, 'a', 0o640)
    } catch (thrown) {
      throw new Fault(`--access-log: cannot write ${path}: ${reasonFrom(thrown)}`)
    }
  }

  return {
    // Lines of several workers go to one file, so each is one write.
    write: (log) => appendFileSync(file, `${accessLogLine(log)}\n`),
    reopen() {
      if (path === '-') return
      const before = file
      file = open()
      closeSync(before)
    },
    close() {
      if (path !== '-') closeSync(file)
    },
  }
}

/** S3's names of operations other than `REST.<method>.BUCKET` and the like, by action. */
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
 * One line with the 26 fields of
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html; what the gateway does not know is `-`.
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

/** In double quotes; a quote within is percent-encoded, so that the fields can be told apart. */
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
