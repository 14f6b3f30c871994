/** Bytes. Each piece is in memory a few times over on its way out; larger ones are little faster. */
const size = 256 * 1024

/**
 * The bytes of a stream in pieces of 256 KiB, the last one shorter; one empty piece for an empty stream. Few large
 * messages cost gRPC half of what many small ones do.
 */
export async function* inPieces(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece: Uint8Array | undefined
  let filled = 0
  let empty = true
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      empty = false
      if (filled === 0 && chunk.length >= size) {
        yield chunk.subarray(0, size)
        chunk = chunk.subarray(size)
        continue
      }
      piece ??= Buffer.allocUnsafeSlow(size)
      const part = chunk.subarray(0, size - filled)
      piece.set(part, filled)
      filled += part.length
      chunk = chunk.subarray(part.length)
      if (filled === size) {
        yield piece
        piece = undefined
        filled = 0
      }
    }
  }
  if (piece !== undefined || empty) yield (piece ?? new Uint8Array()).subarray(0, filled)
}
