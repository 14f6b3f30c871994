import type { Message } from 'google-protobuf'
import timestamps from 'google-protobuf/google/protobuf/timestamp_pb.js'
import { asBuffer } from '../../../bytes.js'

/** How a value of lib/pfs/client.ts travels: as the bytes of one protobuf message. */
export interface Codec<Value> {
  encode(value: Value): Buffer
  /** Throws where the bytes are not such a message. */
  decode(bytes: Buffer): Value
}

/** The codec of a generated message type, which needs both directions between message and value. */
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

/** Every message without fields that matter: `google.protobuf.Empty` and requests and responses like it. */
export const empty: Codec<void> = { encode: () => Buffer.alloc(0), decode: () => undefined }

export function messageFromDate(date: Date | undefined): timestamps.Timestamp | undefined {
  if (date === undefined) return undefined
  const message = new timestamps.Timestamp()
  message.fromDate(date)
  return message
}

/** Milliseconds are what is left of the nanoseconds. */
export function dateFromMessage(message: timestamps.Timestamp | undefined): Date | undefined {
  return message?.toDate()
}
