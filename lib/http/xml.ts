import { TextDecoder } from 'node:util'
import sax from 'sax'
import { yieldTurn } from '../concurrency.js'
import { S3Error } from '../errors.js'
import { ByteCollector } from './byte-reader.js'
import type { HttpRequest } from './request.js'

/** The elements that an element may contain, and callbacks. Any other content is MalformedXML. */
export interface XmlShape {
  /** Elements that contain text; each may occur once in its parent. */
  readonly texts?: readonly string[]
  /** Elements that contain elements; each may be repeated. */
  readonly elements?: Readonly<Record<string, XmlShape>>
  /** Called at the start of the element; may throw to refuse it. */
  readonly onStart?: () => void
  /** Called at the end of the element with its texts, which are not trimmed or converted. */
  readonly onEnd?: (texts: ReadonlyMap<string, string>) => void
}

/** Largest XML body in bytes; S3 allows 1 MiB for DeleteObjects, its longest common request. */
const maxXmlBytes = 1024 * 1024

/**
 * Longest tag, comment or instruction, in UTF-16 code units. sax builds each of them character by character, at 32 bytes
 * of memory per character.
 */
const maxMarkupLength = 2048

/** Code units to parse before the limit above is checked again. */
const sliceLength = 1024

/** Keeps text unchanged, and knows the entities of XML but not those of HTML. */
const saxOptions = { strictEntities: true, trim: false, normalize: false }

/** A body and the request that it belongs to. */
export interface XmlSource {
  readonly body: AsyncIterable<Uint8Array>
  readonly request: Pick<HttpRequest, 'memory'>
}

/**
 * Parses an XML body with the given root element and shape as a stream: only the texts of open elements are kept.
 *
 * @returns false for an empty body.
 * @throws S3Error MalformedXML at the first unexpected element, text or declaration, and beyond `maxBytes`.
 */
export async function readXml(
  { body, request }: XmlSource,
  root: string,
  shape: XmlShape,
  maxBytes: number = maxXmlBytes,
): Promise<boolean> {
  const parser = createParser({ elements: { [root]: shape } })
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    // The values that are kept are never longer than the text that they come from.
    request.memory.hold(chunk.length)
    await parser.write(decode(decoder, chunk))
  }
  if (bytes === 0) return false
  await parser.write(decode(decoder))
  parser.close()
  return true
}

/** The error for a document that is XML, but not of the expected shape. */
export function malformedXml(cause?: unknown): S3Error {
  return new S3Error('MalformedXML', cause === undefined ? {} : { cause })
}

interface OpenElement {
  readonly shape: XmlShape
  readonly texts: Map<string, string>
}

function createParser(document: XmlShape): { write(text: string): Promise<void>; close(): void } {
  const open: OpenElement[] = [{ shape: document, texts: new Map() }]
  let text: { readonly name: string; readonly bytes: ByteCollector } | undefined
  let roots = 0
  let lastEvent = 0
  const parser = sax.parser(true, saxOptions)

  const onEvent = (): void => {
    lastEvent = parser.position
  }

  function onOpen(name: string): void {
    onEvent()
    const parent = open.at(-1)
    if (parent === undefined || text !== undefined) throw malformedXml()
    if (open.length === 1) roots += 1
    if (parent.shape.texts?.includes(name) && !parent.texts.has(name)) {
      text = { name, bytes: new ByteCollector() }
      return
    }
    const shape = elementOf(parent.shape, name)
    if (shape === undefined || roots > 1) throw malformedXml()
    shape.onStart?.()
    open.push({ shape, texts: new Map() })
  }

  /** Keeps text as bytes: a JavaScript string that was joined or sliced keeps the strings it was made from. */
  function onText(piece: string): void {
    onEvent()
    if (text !== undefined) {
      // A reference to half of a surrogate pair is not a character.
      if (/\p{Surrogate}/u.test(piece)) throw malformedXml()
      text.bytes.append(Buffer.from(piece))
    } else if (/[^ \t\r\n]/.test(piece)) throw malformedXml()
  }

  function onClose(): void {
    onEvent()
    if (text !== undefined) {
      open.at(-1)?.texts.set(text.name, text.bytes.bytes().toString())
      text = undefined
      return
    }
    const element = open.pop()
    element?.shape.onEnd?.(element.texts)
  }

  parser.onerror = (error) => {
    throw malformedXml(error)
  }
  parser.onattribute = ({ name }) => {
    // sax calls methods of the object of attributes, and crashes if an attribute shadows one.
    if (name in Object.prototype) throw malformedXml()
  }
  parser.ondoctype = () => {
    throw malformedXml()
  }
  parser.onopentag = ({ name }) => onOpen(name.replace(/^.*:/, ''))
  parser.ontext = onText
  parser.oncdata = onText
  parser.onclosetag = onClose
  parser.oncomment = onEvent
  parser.onprocessinginstruction = onEvent

  return {
    async write(piece) {
      for (let start = 0; start < piece.length; ) {
        await yieldTurn()
        const end = endOfSlice(piece, start)
        parser.write(piece.slice(start, end)).flush()
        start = end
        if (parser.position - lastEvent > maxMarkupLength) throw malformedXml()
      }
    },
    close() {
      parser.close()
      if (roots === 0) throw malformedXml()
    },
  }
}

function elementOf({ elements = {} }: XmlShape, name: string): XmlShape | undefined {
  return Object.hasOwn(elements, name) ? elements[name] : undefined
}

/** The end of the slice that starts at `start`; never splits a surrogate pair. */
function endOfSlice(text: string, start: number): number {
  const end = start + sliceLength
  return (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 ? end + 1 : end
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
  } catch (cause) {
    throw malformedXml(cause)
  }
}

function tooLarge(maxBytes: number): S3Error {
  return new S3Error('MalformedXML', { message: `The XML you provided is longer than ${maxBytes} bytes.` })
}

/** The content of an element: text, elements by name (an array repeats the element), or nothing. */
export type XmlContent =
  | string
  | number
  | boolean
  | undefined
  | { readonly [name: string]: XmlContent | readonly XmlContent[] }

/** The first line of every document. */
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A document with a root element in S3's namespace; the contents of a list follow each other. */
export function xmlDocument(root: string, content: XmlContent | readonly XmlContent[]): string {
  const text = isList(content) ? content.map(inner).join('') : inner(content)
  return `${xmlDeclaration}<${root} xmlns="${namespace}">${text}</${root}>`
}

/** A document without a namespace, in which quotes are not escaped: S3's errors and its response to a form. */
export function plainXmlDocument(root: string, content: XmlContent): string {
  return `${xmlDeclaration}<${root}>${inner(content).replaceAll('&quot;', '"')}</${root}>`
}

function inner(content: XmlContent): string {
  if (content === undefined) return ''
  if (typeof content !== 'object') return escapeText(String(content))
  return Object.entries(content)
    .map(([name, value]) => elements(name, value))
    .join('')
}

/** Skips undefined values; '' becomes an empty element. */
function elements(name: string, value: XmlContent | readonly XmlContent[]): string {
  if (isList(value)) return value.map((item) => elements(name, item)).join('')
  return value === undefined ? '' : `<${name}>${inner(value)}</${name}>`
}

function isList(value: XmlContent | readonly XmlContent[]): value is readonly XmlContent[] {
  return Array.isArray(value)
}

/** Writes control characters as character references, as S3 does, although XML 1.0 does not allow them. */
function escapeText(text: string): string {
  return text.replace(/[&<>"\u0000-\u0008\u000b-\u001f\ufffe\uffff]|\r/g, (character) => {
    switch (character) {
      case '&':
        return '&amp;'
      case '<':
        return '&lt;'
      case '>':
        return '&gt;'
      case '"':
        return '&quot;'
      default:
        return `&#x${character.charCodeAt(0).toString(16)};`
    }
  })
}
