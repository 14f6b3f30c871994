import { Fault } from './fault.js'
import { isObject, readNamedJson } from './files.js'

export interface AccessKey {
  readonly secretAccessKey: string
  /** The Pachyderm token that requests with this key act with; absent where Pachyderm's auth is not active. */
  readonly authToken?: string
}

/** Access keys by id, from `{"ACCESSKEY": {"secretAccessKey": "…", "authToken": "…"}}`. */
export function readKeysFile(path: string): ReadonlyMap<string, AccessKey> {
  const content = readNamedJson('the keys file', path)
  if (!isObject(content)) throw new Fault(`the keys file ${path} is not a JSON object`)
  const keys = new Map(Object.entries(content).map(([id, entry]) => [id, parseAccessKey(path, id, entry)]))
  if (keys.size === 0) throw new Fault(`the keys file ${path} names no access key`)
  return keys
}

function parseAccessKey(path: string, id: string, entry: unknown): AccessKey {
  const where = `the keys file ${path}: ${JSON.stringify(id)}`
  if (id === '') throw new Fault(`${where} is no access key`)
  if (!isObject(entry)) throw new Fault(`${where} is not an object`)
  const { secretAccessKey, authToken, ...others } = entry
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw new Fault(`${where} has an unknown property ${JSON.stringify(unknown)}`)
  if (typeof secretAccessKey !== 'string' || secretAccessKey === '') throw new Fault(`${where} has no secretAccessKey`)
  if (authToken === undefined) return { secretAccessKey }
  if (typeof authToken !== 'string' || authToken === '') throw new Fault(`${where} has an authToken that is no text`)
  return { secretAccessKey, authToken }
}
