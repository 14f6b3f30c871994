import * as assert from 'uvu/assert'
import type { BranchModel } from './branch-model.js'
import type { Span } from './world.js'

/** The metadata and the tags of an object, as texts; '' if it has none. */
export interface Attributes {
  readonly metadata: string
  readonly tags: string
}

/** A version of a key: the commit that wrote it. */
export interface KeyVersion {
  readonly key: string
  readonly id: string
}

/** The effect of a write on the attributes of one version; an undefined part stays unchanged. */
export interface AttributeChange extends KeyVersion {
  readonly set: Partial<Attributes> | { readonly copyOf: readonly KeyVersion[] }
}

type Part = keyof Attributes
const parts: readonly Part[] = ['metadata', 'tags']

/**
 * The attributes that each version of each key may have. Writes at the same time may take effect in any order, so there
 * may be several; after a round without writes to a version, reads must still agree with one of them.
 */
export class AttributesModel {
  readonly #possible = new Map<string, ReadonlySet<string>>()
  /** Those of before the round, which reads under way may still see. */
  #before = new Map<string, ReadonlySet<string>>()

  /** Takes the changes of one round of operations at the same time. */
  addRound(changes: readonly AttributeChange[]): void {
    const before = new Map(this.#possible)
    const round = new Map<string, Set<string>>()
    // A copy may have seen what another operation of the round wrote, also another copy.
    for (const _ of changes) {
      for (const { key, id, set } of changes) {
        for (const part of parts) {
          const values =
            'copyOf' in set
              ? set.copyOf
                  .map((source) => nameOf(source, part))
                  .flatMap((source) => [...(before.get(source) ?? []), ...(round.get(source) ?? [])])
              : [set[part] ?? []].flat()
          if (values.length === 0) continue
          const name = nameOf({ key, id }, part)
          const known = round.get(name) ?? new Set()
          for (const value of values) known.add(value)
          round.set(name, known)
        }
      }
    }
    for (const [name, values] of round) this.#possible.set(name, values)
    this.#before = before
  }

  /** Throws unless one of these versions may have had these attributes at some time of the last round. */
  verify(versions: readonly KeyVersion[], seen: Partial<Attributes>): void {
    for (const part of parts) {
      const value = seen[part]
      if (value === undefined) continue
      const names = versions.map((version) => nameOf(version, part))
      const possible = new Set(
        names.flatMap((name) => [...this.#of(name, this.#before), ...this.#of(name, this.#possible)]),
      )
      assert.ok(possible.has(value), `${names} is "${value}" and not of ${JSON.stringify([...possible])}`)
    }
  }

  #of(name: string, at: ReadonlyMap<string, ReadonlySet<string>>): Iterable<string> {
    return at.get(name) ?? []
  }
}

function nameOf({ key, id }: KeyVersion, part: Part): string {
  return `${part} of ${JSON.stringify([key, id])}`
}

/**
 * The versions of a key that a response may describe: the one at the commit that it names and, if a write of the same bytes
 * is under way, that one.
 */
export function versionsSeen(model: BranchModel, span: Span, key: string, id: string | null): readonly KeyVersion[] {
  const index = model.versionAt(model.indexOf(id), key)
  const body = model.at(index).get(key)
  const seen = [{ key, id: model.ids[index] ?? '' }]
  for (let later = span.from + 1; later <= span.to; later += 1) {
    const isSame = model.isWrittenIn(later, key) && model.at(later).get(key) === body
    if (isSame) seen.push({ key, id: model.ids[later] ?? '' })
  }
  return seen
}
