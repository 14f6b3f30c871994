import * as assert from 'uvu/assert'
import type { BranchModel } from './branch-model.js'

/** The metadata and the tags of an object, as texts; '' if it has none. */
export interface Attributes {
  readonly metadata: string
  readonly tags: string
}

/** The effect of a write on the attributes of one content of a key; an undefined part stays unchanged. */
export interface AttributeChange {
  readonly key: string
  readonly body: string
  readonly set: Partial<Attributes> | { readonly copyOf: { readonly key: string; readonly body: string } }
}

type Part = keyof Attributes
const parts: readonly Part[] = ['metadata', 'tags']

/**
 * The attributes that each content of each key may have. Writes at the same time may take effect in any order, so there
 * may be several; after a round without writes to a content, reads must still agree with one of them.
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
      for (const { key, body, set } of changes) {
        for (const part of parts) {
          const values =
            'copyOf' in set
              ? [...(before.get(nameOf(set.copyOf, part)) ?? ['']), ...(round.get(nameOf(set.copyOf, part)) ?? [])]
              : [set[part] ?? []].flat()
          if (values.length === 0) continue
          const name = nameOf({ key, body }, part)
          const known = round.get(name) ?? new Set()
          for (const value of values) known.add(value)
          round.set(name, known)
        }
      }
    }
    for (const [name, values] of round) this.#possible.set(name, values)
    this.#before = before
  }

  /** Throws unless a content of a key may have had these attributes at some time of the last round. */
  verify(content: { readonly key: string; readonly body: string }, seen: Partial<Attributes>): void {
    for (const part of parts) {
      const value = seen[part]
      if (value === undefined) continue
      const name = nameOf(content, part)
      const possible = new Set([...(this.#before.get(name) ?? ['']), ...(this.#possible.get(name) ?? [''])])
      assert.ok(possible.has(value), `${name} is "${value}" and not of ${JSON.stringify([...possible])}`)
    }
  }
}

function nameOf({ key, body }: { readonly key: string; readonly body: string }, part: Part): string {
  return `${part} of ${JSON.stringify([key, body])}`
}

/** The content that a version of the model has. */
export function contentAt(
  model: BranchModel,
  id: string | null,
  key: string,
): { key: string; body: string } | undefined {
  const body = model.at(model.indexOf(id)).get(key)
  return body === undefined ? undefined : { key, body }
}
