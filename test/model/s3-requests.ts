import { parseXml, type XmlElement } from '../support/xml.js'

/** An answer read whole. */
export interface Answer {
  readonly status: number
  readonly text: string
  /** A header's value, or null. */
  readonly header: (name: string) => string | null
}

/** Requests without signatures to one bucket: thousands of them, where the SDK takes most of the time. */
export interface BucketRequests {
  readonly send: (
    method: string,
    key: string,
    options?: {
      readonly query?: Readonly<Record<string, string>>
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    },
  ) => Promise<Answer>
}

export function bucketRequests(endpoint: string, bucket: string): BucketRequests {
  return {
    async send(method, key, { query = {}, headers = {}, body } = {}) {
      const path = key.split('/').map(encodeURIComponent).join('/')
      const parameters = new URLSearchParams(query).toString()
      const target = `${endpoint}/${bucket}${key === '' ? '' : `/${path}`}${parameters === '' ? '' : `?${parameters}`}`
      const response = await fetch(target, { method, headers, ...(body !== undefined && { body }) })
      const text = await response.text()
      return { status: response.status, text, header: (name) => response.headers.get(name) }
    },
  }
}

/** The root element of an answer. */
export function xmlOf({ text }: Answer): XmlElement {
  return parseXml(text)
}

/** The text of a child of an element; '' without one. */
export function textOf(element: XmlElement, name: string): string {
  return element.children.find((child) => child.name === name)?.text ?? ''
}
