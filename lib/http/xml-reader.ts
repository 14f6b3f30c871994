import { TextDecoder } from 'node:util'
import sax from 'sax'
import { S3Error } from '../errors.js'

/** An element as it stood: text is never trimmed or turned into a number. */
export interface XmlElement {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

/** Largest XML body that is read, in bytes; S3 takes 1 MiB for DeleteObjects, its longest common request. */
const maxXmlBytes = 1024 * 1024
const maxDepth = 16

/** Text as it stands, and the entities of XML without those of HTML. */
const saxOptions = { strictEntities: true, trim: false, normalize: false }

interface OpenElement {
  readonly name: string
  text: string
  readonly children: XmlElement[]
}

/**
 * Reads a whole XML body into its root element; undefined for an empty body. Throws MalformedXML also for what S3
 * requests never hold: declarations of types or entities, and more than 16 levels.
 */
export async function readXml(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number = maxXmlBytes,
): Promise<XmlElement | undefined> {
  const parser = createParser()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    parser.write(decode(decoder, chunk))
  }
  if (bytes === 0) return undefined
  parser.write(decode(decoder))
  return parser.close()
}

/** The text of the first child of that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text
}

/** The answer to a document that is XML, yet not what the operation reads. */
export function malformedXml(cause?: unknown): S3Error {
  return new S3Error('MalformedXML', cause === undefined ? {} : { cause })
}

function createParser(): { write(text: string): void; close(): XmlElement } {
  const root: OpenElement = { name: '', text: '', children: [] }
  const open: OpenElement[] = [root]
  const parser = sax.parser(true, saxOptions)
  const innermost = (): OpenElement => open[open.length - 1] ?? root
  parser.onerror = (error) => {
    throw malformedXml(error)
  }
  parser.onattribute = ({ name }) => {
    // sax asks the object of attributes for the names that it has, and fails where one of them hides its methods.
    if (name in Object.prototype) throw malformedXml()
  }
  parser.ondoctype = () => {
    throw malformedXml()
  }
  parser.onopentag = (tag) => {
    if (open.length > maxDepth) throw malformedXml()
    open.push({ name: tag.name.replace(/^.*:/, ''), text: '', children: [] })
  }
  parser.ontext = (text) => {
    innermost().text += text
  }
  parser.oncdata = (text) => {
    innermost().text += text
  }
  parser.onclosetag = () => {
    const element = open.pop()
    if (element !== undefined) innermost().children.push(element)
  }
  return {
    write: (text) => void parser.write(text),
    close: () => {
      parser.close()
      const [element, ...more] = root.children
      if (element === undefined || more.length > 0) throw malformedXml()
      return element
    },
  }
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
