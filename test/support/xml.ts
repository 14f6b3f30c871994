import sax from 'sax'

/** An element of an answer, with all that is in it. */
export interface XmlElement {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

/** The root element of a document. */
export function parseXml(document: string): XmlElement {
  interface Open {
    readonly name: string
    text: string
    readonly children: Open[]
  }
  const top: Open = { name: '', text: '', children: [] }
  const open = [top]
  const parser = sax.parser(true)
  parser.onerror = (error) => {
    throw error
  }
  parser.onopentag = ({ name }) => {
    const element: Open = { name, text: '', children: [] }
    open.at(-1)?.children.push(element)
    open.push(element)
  }
  parser.ontext = (text) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += text
  }
  parser.onclosetag = () => void open.pop()
  parser.write(document).close()
  const [root] = top.children
  if (root === undefined) throw new Error('the document has no element')
  return root
}
