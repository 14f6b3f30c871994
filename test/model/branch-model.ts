import * as assert from 'uvu/assert'

/** The content of a versioned bucket by key; bodies are texts. */
export type Contents = ReadonlyMap<string, string>

/** Bodies by key of one commit; undefined for a key that it removes. */
export type Changes = ReadonlyMap<string, string | undefined>

export interface ModelVersion {
  readonly key: string
  readonly id: string
  /** Undefined for a delete marker. */
  readonly body: string | undefined
  readonly isLatest: boolean
}

export interface VersionsQuery {
  readonly prefix: string
  readonly delimiter: string
  readonly keyMarker: string
  readonly versionIdMarker: string
  readonly limit: number
}

/** A page as `key id body`, `key id deleted` or `prefix/`, `>` before the latest. */
export interface VersionsPage {
  readonly rows: readonly string[]
  readonly isTruncated: boolean
}

/** A versioned bucket in the simplest way: the whole of it after every commit. */
export class BranchModel {
  readonly #ids: string[]
  readonly #contents: Contents[] = [new Map()]
  /** The keys that each commit wrote, also with the bytes that they had. */
  readonly #written: ReadonlySet<string>[] = [new Set()]

  constructor(firstId: string) {
    this.#ids = [firstId]
  }

  /** The index of the last commit. */
  get head(): number {
    return this.#ids.length - 1
  }

  get ids(): readonly string[] {
    return this.#ids
  }

  add(id: string, changes: Changes): void {
    const contents = new Map(this.at(this.head))
    for (const [key, body] of changes) {
      if (body === undefined) contents.delete(key)
      else contents.set(key, body)
    }
    this.#ids.push(id)
    this.#contents.push(contents)
    this.#written.push(new Set([...changes].flatMap(([key, body]) => (body === undefined ? [] : [key]))))
  }

  indexOf(id: string | null | undefined): number {
    const index = this.#ids.indexOf(id ?? '')
    assert.ok(index >= 0, `${id} is no commit of the branch`)
    return index
  }

  at(index: number): Contents {
    return this.#contents[index] ?? new Map()
  }

  isRemovedIn(index: number, key: string): boolean {
    return this.at(index - 1).has(key) && !this.at(index).has(key)
  }

  isWrittenIn(index: number, key: string): boolean {
    return this.#written[index]?.has(key) === true
  }

  /** The index of the version of a key as of a commit. */
  versionAt(index: number, key: string): number {
    let version = index
    while (version > 0 && !this.#isVersion(version, key, index)) version -= 1
    return version
  }

  /** Whether a version of a key is the current one at some commit of a span. */
  isCurrentSometime({ from, to }: { readonly from: number; readonly to: number }, key: string, id: string | null) {
    const version = this.indexOf(id)
    for (let head = from; head <= to; head += 1) {
      if (!this.at(head).has(key)) continue
      for (const answered of [head, from]) {
        let index = head
        while (index > 0 && !this.#isVersion(index, key, answered)) index -= 1
        if (index === version) return true
      }
    }
    return false
  }

  #isVersion(index: number, key: string, answered: number): boolean {
    const isWritten = this.isWrittenIn(index, key) && index <= answered
    return isWritten || this.at(index).get(key) !== this.at(index - 1).get(key)
  }

  /**
   * Every version that there is at a commit: by bytes of the key, then newest first. A record tells of a write of the same
   * bytes, which is there once the write is answered: those behind `answered` may be missing.
   */
  versionsAt(head: number, answered = head): ModelVersion[] {
    const keys = new Set(this.#contents.flatMap((contents) => [...contents.keys()]))
    return [...keys].sort(compareUtf8).flatMap((key) => {
      const changed = this.#ids.flatMap((id, index) => {
        const body = this.at(index).get(key)
        return index > 0 && index <= head && this.#isVersion(index, key, answered) ? [{ key, id, body }] : []
      })
      return changed.reverse().map((version, age) => ({ ...version, isLatest: age === 0 }))
    })
  }

  /** The page that ListObjectVersions gives at a commit. */
  versionsPage(head: number, query: VersionsQuery, answered = head): VersionsPage {
    const { prefix, delimiter, keyMarker, versionIdMarker, limit } = query
    const groupOf = (key: string): string | undefined => {
      const found = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
      return found < 0 ? undefined : key.slice(0, found + delimiter.length)
    }
    const rows = new Set<string>()
    for (const { key, id, body, isLatest } of this.versionsAt(head, answered)) {
      if (!key.startsWith(prefix)) continue
      const order = compareUtf8(key, keyMarker)
      const isOlder = versionIdMarker !== '' && this.indexOf(id) < this.indexOf(versionIdMarker)
      if (order < 0 || (order === 0 && !isOlder)) continue
      const group = groupOf(key)
      if (group !== undefined && group === keyMarker) continue
      rows.add(group ?? `${isLatest ? '>' : ''}${key} ${id} ${body ?? 'deleted'}`)
    }
    return { rows: [...rows].slice(0, limit), isTruncated: rows.size > limit }
  }
}

function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
