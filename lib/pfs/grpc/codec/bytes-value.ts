import wrappers from 'google-protobuf/google/protobuf/wrappers_pb.js'
import { asBuffer } from '../../../bytes.js'
import type { Codec } from './codec.js'

/** Field 1 of `google.protobuf.BytesValue`, length-delimited. */
const valueTag = 0x0a

/** A varint of at most 32 bits, as protobuf writes lengths. */
export function encodeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.of(...bytes, rest)
}

function decodeVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0
  for (let index = start; index < start + 5; index++) {
    const byte = bytes[index]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * (index - start))
    if (byte < 0x80) return { value, end: index + 1 }
  }
  return undefined
}

/** What stands before the bytes in a `BytesValue`; nothing where there are none. */
export function bytesValueHead(length: number): Buffer {
  return length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(valueTag), encodeVarint(length)])
}

/** `google.protobuf.BytesValue`; the bytes that come out are part of the message's memory, not a copy. */
export const bytesValue: Codec<Uint8Array> = {
  encode: (value) => Buffer.concat([bytesValueHead(value.length), value]),
  decode(message) {
    if (message.length === 0) return message
    const length = message[0] === valueTag ? decodeVarint(message, 1) : undefined
    if (length !== undefined && length.end + length.value === message.length) return message.subarray(length.end)
    return asBuffer(wrappers.BytesValue.deserializeBinary(message).getValue_asU8())
  },
}
