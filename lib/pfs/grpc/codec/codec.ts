import type { Message } from 'google-protobuf'
import timestamps from 'google-protobuf/google/protobuf/timestamp_pb.js'
import wrappers from 'google-protobuf/google/protobuf/wrappers_pb.js'
import { asBuffer } from '../../../encoding.js'
import type { Branch, Commit, File, Repo, RepoType } from '../../client.js'
import { PfsError } from '../../errors.js'
import * as pfs from '../generated/pfs_pb.cjs'

/** Encodes and decodes a value of lib/pfs/client.ts as a protobuf message. */
export interface Codec<Value> {
  encode(value: Value): Buffer
  /** Throws if the bytes are not such a message. */
  decode(bytes: Buffer): Value
}

/** Creates the codec of a generated message type from its two conversions. */
export function createCodec<Value, M extends Message>(
  type: { deserializeBinary(bytes: Uint8Array): M },
  messageFromValue: (value: Value) => M,
  valueFromMessage: (message: M) => Value,
): Codec<Value> {
  return {
    encode: (value) => asBuffer(messageFromValue(value).serializeBinary()),
    decode: (bytes) => valueFromMessage(type.deserializeBinary(bytes)),
  }
}

/** A message without relevant fields: `google.protobuf.Empty` and similar requests and responses. */
export const empty: Codec<void> = { encode: () => Buffer.alloc(0), decode: () => undefined }

export function messageFromDate(date: Date | undefined): timestamps.Timestamp | undefined {
  if (date === undefined) return undefined
  const message = new timestamps.Timestamp()
  message.fromDate(date)
  return message
}

/** Rounds nanoseconds down to milliseconds. */
export function dateFromMessage(message: timestamps.Timestamp | undefined): Date | undefined {
  return message?.toDate()
}

/** Parses a repo type; pachd reads '' as `user`. Throws for a type that pachd's database does not know. */
export function parseRepoType(text: string): RepoType {
  switch (text) {
    case '':
      return 'user'
    case 'user':
    case 'meta':
    case 'spec':
      return text
    default:
      throw new PfsError('UNKNOWN', `repo type ${JSON.stringify(text)} must be user, meta or spec`)
  }
}

export function messageFromProject(name: string): pfs.Project {
  return new pfs.Project().setName(name)
}

/** The name of the project; `default` if it is missing. */
export function projectFromMessage(message: pfs.Project | undefined): string {
  return message?.getName() || 'default'
}

export function messageFromRepo(repo: Repo): pfs.Repo {
  return new pfs.Repo().setName(repo.name).setType(repo.type).setProject(messageFromProject(repo.project))
}

export function repoFromMessage(message: pfs.Repo | undefined): Repo {
  return {
    project: projectFromMessage(message?.getProject()),
    name: message?.getName() ?? '',
    type: parseRepoType(message?.getType() ?? ''),
  }
}

export function messageFromBranch(branch: Branch): pfs.Branch {
  return new pfs.Branch().setRepo(messageFromRepo(branch.repo)).setName(branch.name)
}

export function branchFromMessage(message: pfs.Branch | undefined): Branch {
  return { repo: repoFromMessage(message?.getRepo()), name: message?.getName() ?? '' }
}

export function messageFromCommit(commit: Commit): pfs.Commit {
  const message = new pfs.Commit().setRepo(messageFromRepo(commit.repo)).setId(commit.id ?? '')
  if (commit.branch === undefined) return message
  return message.setBranch(messageFromBranch({ repo: commit.repo, name: commit.branch }))
}

/** The repo of the commit itself, or else of its branch. */
export function commitFromMessage(message: pfs.Commit | undefined): Commit {
  const branch = message?.getBranch()
  const id = message?.getId()
  const name = branch?.getName()
  return {
    repo: repoFromMessage(message?.getRepo() ?? branch?.getRepo()),
    ...(id && { id }),
    ...(name && { branch: name }),
  }
}

export function messageFromFile(file: File): pfs.File {
  return new pfs.File()
    .setCommit(messageFromCommit(file.commit))
    .setPath(file.path)
    .setDatum(file.datum ?? '')
}

export function fileFromMessage(message: pfs.File | undefined): File {
  const datum = message?.getDatum()
  return {
    commit: commitFromMessage(message?.getCommit()),
    path: message?.getPath() ?? '',
    ...(datum && { datum }),
  }
}

/** Field 1 of `google.protobuf.BytesValue`, length-delimited. */
export const valueTag = 0x0a

/** Encodes a varint of at most 32 bits, as protobuf does for lengths. */
export function encodeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.of(...bytes, rest)
}

/** Decodes a varint of at most 32 bits; undefined if its end is missing. */
export function decodeVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0
  for (let index = start; index < start + 5; index++) {
    const byte = bytes[index]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * (index - start))
    if (byte < 0x80) return { value, end: index + 1 }
  }
  return undefined
}

/** The bytes of a `BytesValue` before its value; empty for an empty value. */
export function bytesValueHead(length: number): Buffer {
  return length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(valueTag), encodeVarint(length)])
}

/** `google.protobuf.BytesValue`; the decoded bytes are a view of the message, not a copy. */
export const bytesValue: Codec<Uint8Array> = {
  encode: (value) => Buffer.concat([bytesValueHead(value.length), value]),
  decode(message) {
    if (message.length === 0) return message
    const length = message[0] === valueTag ? decodeVarint(message, 1) : undefined
    if (length !== undefined && length.end + length.value === message.length) return message.subarray(length.end)
    return asBuffer(wrappers.BytesValue.deserializeBinary(message).getValue_asU8())
  },
}
