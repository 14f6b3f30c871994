import { isDeepStrictEqual } from 'node:util'
import {
  type Description,
  emptyDescription,
  type HiddenVersion,
  idOfVersion,
  limitParts,
  limitVersions,
  type ObjectRecord,
  type RecordedVersion,
  type Version,
} from './record.js'

/** A line of a record, in the order of writing. Gateways append lines without reading the record. */
export interface RecordLine {
  /** The attributes of the versions in this line; undefined if they are known, or are those of the line before. */
  readonly description?: Description
  readonly versions: readonly Version[]
  /** The branch of a write with this description whose commit may not be made yet. */
  readonly announcedFor?: string
  readonly hidden?: HiddenVersion
}

/** Maximum branches of a record with an announced write. */
const maxAnnounced = 100

/** Builds a record from its lines. */
export class RecordBuilder {
  #latest: Description
  #hidden: HiddenVersion | undefined
  readonly #versions: Map<string, RecordedVersion>
  readonly #announced: Map<string, Description>

  constructor({ latest, versions, announced, hidden }: Partial<ObjectRecord> = {}) {
    this.#latest = latest ?? emptyDescription
    this.#hidden = hidden
    this.#versions = new Map(versions?.map((version) => [idOfVersion(version), version]))
    this.#announced = new Map(announced)
  }

  add({ description, versions, announcedFor, hidden }: RecordLine): this {
    // Equal descriptions share their memory, and a line if the record is rewritten.
    if (description !== undefined && !isDeepStrictEqual(description, this.#latest)) this.#latest = description
    if (hidden !== undefined) this.#hidden = hidden
    for (const version of versions) {
      const id = idOfVersion(version)
      const known = description === undefined ? this.#versions.get(id) : undefined
      const tags = version.tags ?? this.#versions.get(id)?.tags
      const recorded = { ...version, description: known?.description ?? this.#latest, ...(tags && { tags }) }
      // Moves a known version to the end.
      this.#versions.delete(id)
      this.#versions.set(id, recorded)
      const announced = this.#announced.get(version.branch)
      if (description !== undefined || announced === recorded.description) this.#announced.delete(version.branch)
    }
    if (announcedFor !== undefined) this.#announce(announcedFor)
    return this
  }

  #announce(branch: string): void {
    this.#announced.delete(branch)
    this.#announced.set(branch, this.#latest)
    const [first] = this.#announced.keys()
    if (this.#announced.size > maxAnnounced && first !== undefined) this.#announced.delete(first)
  }

  build(): ObjectRecord {
    return limitParts({
      latest: this.#latest,
      versions: limitVersions([...this.#versions.values()]),
      announced: this.#announced,
      ...(this.#hidden && { hidden: this.#hidden }),
    })
  }
}

/** The fewest lines from which a record can be built. */
export function linesOf({ latest, versions, announced, hidden }: ObjectRecord): readonly RecordLine[] {
  const groups = new Map<Description, Version[]>()
  for (const { description, ...version } of versions) {
    const group = groups.get(description)
    if (group === undefined) groups.set(description, [version])
    else group.push(version)
  }
  const ofLatest = groups.get(latest)
  groups.delete(latest)
  if (ofLatest !== undefined) groups.set(latest, ofLatest)
  const lines: RecordLine[] = [...groups].map(([description, ofGroup]) => ({ description, versions: ofGroup }))
  for (const [branch, description] of announced) lines.push({ description, versions: [], announcedFor: branch })
  if (hidden !== undefined || lines.at(-1)?.description !== latest) {
    lines.push({ description: latest, versions: [], ...(hidden && { hidden }) })
  }
  return lines
}
