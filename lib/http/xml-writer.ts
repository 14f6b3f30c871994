/** What an element holds: text, elements by name (an array is one element for each item), or nothing. */
export type XmlContent =
  | string
  | number
  | boolean
  | undefined
  | { readonly [name: string]: XmlContent | readonly XmlContent[] }

/** What every document begins with. */
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A document with one root element in S3's namespace; of a list, one content after the other. */
export function xmlDocument(root: string, content: XmlContent | readonly XmlContent[]): string {
  const text = isList(content) ? content.map(inner).join('') : inner(content)
  return `${xmlDeclaration}<${root} xmlns="${namespace}">${text}</${root}>`
}

/** A document without a namespace, as S3 writes its errors. */
export function plainXmlDocument(root: string, content: XmlContent): string {
  return `${xmlDeclaration}<${root}>${inner(content)}</${root}>`
}

function inner(content: XmlContent): string {
  if (content === undefined) return ''
  if (typeof content !== 'object') return escapeText(String(content))
  return Object.entries(content)
    .map(([name, value]) => elements(name, value))
    .join('')
}

/** An undefined value leaves its element out; '' writes an empty one. */
function elements(name: string, value: XmlContent | readonly XmlContent[]): string {
  if (isList(value)) return value.map((item) => elements(name, item)).join('')
  return value === undefined ? '' : `<${name}>${inner(value)}</${name}>`
}

function isList(value: XmlContent | readonly XmlContent[]): value is readonly XmlContent[] {
  return Array.isArray(value)
}

/** Control characters go out as character references, as S3 writes them, though XML 1.0 has no such references. */
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
