/** The first bytes of a client, before its frames (RFC 9113, 3.4). */
const prefaceBytes = 24
const frameHeadBytes = 9

/** Parses the bytes of an HTTP/2 client, in any chunks; returns the type of each frame. */
export function createFrameReader(onFrame: (type: number) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0)
  /** Bytes to pass over before the next frame's head. */
  let skip = prefaceBytes
  return (chunk) => {
    let rest = chunk
    for (;;) {
      const passed = Math.min(skip, rest.length)
      skip -= passed
      rest = rest.subarray(passed)
      const missing = frameHeadBytes - pending.length
      pending = Buffer.concat([pending, rest.subarray(0, missing)])
      if (skip > 0 || pending.length < frameHeadBytes) return
      rest = rest.subarray(missing)
      onFrame(pending.readUInt8(3))
      skip = pending.readUIntBE(0, 3)
      pending = Buffer.alloc(0)
    }
  }
}
