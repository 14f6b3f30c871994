import { isDeepStrictEqual } from 'node:util'
import {
  type Announcement,
  type Description,
  emptyRecord,
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
  /** The branch of a write with this description whose commit may not be made yet, unless the line has `announcedTags`. */
  readonly announcedFor?: string
  /** The commit of that write is later than this. */
  readonly after?: Date
  /** The tags of the write that is announced for the branch, or that was until it was recorded after these versions. */
  readonly announcedTags?: Description['tags']
  readonly hidden?: HiddenVersion
}

/** Maximum branches of a record with an announced write. */
const maxAnnounced = 100

/** Builds a record from its lines. */
export class RecordBuilder {
  #latest: Description
  #hidden: HiddenVersion | undefined
  readonly #versions: Map<string, RecordedVersion>
  /** Replaced by a change, since most records share the empty one. */
  #announced: ReadonlyMap<string, Announcement>
  #announcedTags: ReadonlyMap<string, Description['tags']>

  constructor({ latest, versions, announced, announcedTags, hidden }: ObjectRecord = emptyRecord) {
    this.#latest = latest
    this.#hidden = hidden
    this.#versions = new Map(versions.map((version) => [idOfVersion(version), version]))
    this.#announced = announced
    this.#announcedTags = announcedTags
  }

  add({ description, versions, announcedFor, after, announcedTags, hidden }: RecordLine): this {
    // Equal descriptions share their memory, and a line if the record is rewritten.
    if (description !== undefined && !isDeepStrictEqual(description, this.#latest)) this.#latest = description
    if (hidden !== undefined) this.#hidden = hidden
    for (const version of versions) this.#addVersion(version, description !== undefined)
    if (announcedFor === undefined) return this
    if (announcedTags === undefined) this.#announce(announcedFor, after)
    else if (this.#announced.has(announcedFor)) {
      this.#announcedTags = new Map(this.#announcedTags).set(announcedFor, announcedTags)
    } else {
      // It was recorded before this line, as the newest version after those of the line.
      const last = Math.max(...versions.map(({ time }) => time.getTime()))
      this.#tagNewestAfter(last, announcedFor, ({ tags }) => tags ?? announcedTags)
    }
    return this
  }

  #addVersion(version: Version, isDescribed: boolean): void {
    const { branch } = version
    const id = idOfVersion(version)
    const known = this.#versions.get(id)
    const description = (isDescribed ? undefined : known?.description) ?? this.#latest
    const announced = this.#announced.get(branch)?.description
    // They may have been replaced before the write was recorded. Comparing 10,000 parts takes milliseconds.
    const replaced = isDescribed ? this.#announcedTags.get(branch) : undefined
    const isAnnounced = replaced !== undefined && isDeepStrictEqual(announced, description)
    const tags = version.tags ?? known?.tags ?? (isAnnounced ? replaced : undefined)
    // Moves a known version to the end.
    this.#versions.delete(id)
    this.#versions.set(id, { ...version, description, ...(tags && { tags }) })
    if (isDescribed || announced === description) this.#withdraw(branch)
  }

  /** Sets the tags of the newest version of a branch, if it is later than `last`. */
  #tagNewestAfter(last: number, branch: string, tagsOf: (version: RecordedVersion) => Description['tags']): void {
    let newest: RecordedVersion | undefined
    for (const version of this.#versions.values()) {
      const time = version.time.getTime()
      if (version.branch === branch && time > last && time >= (newest?.time.getTime() ?? time)) newest = version
    }
    if (newest !== undefined) this.#versions.set(idOfVersion(newest), { ...newest, tags: tagsOf(newest) })
  }

  #announce(branch: string, after: Date | undefined): void {
    this.#withdraw(branch)
    this.#announced = new Map(this.#announced).set(branch, { description: this.#latest, ...(after && { after }) })
    const [first] = this.#announced.keys()
    if (this.#announced.size > maxAnnounced && first !== undefined) this.#withdraw(first)
  }

  /** Removes an announced write that was not made. Its tags were set for the object that is there: the newest version. */
  refuse(branch: string): this {
    const tags = this.#announcedTags.get(branch)
    this.#withdraw(branch)
    if (tags !== undefined) this.#tagNewestAfter(Number.NEGATIVE_INFINITY, branch, () => tags)
    return this
  }

  /** Removes the announced write to a branch, with its tags. */
  #withdraw(branch: string): void {
    if (this.#announced.has(branch)) this.#announced = without(this.#announced, branch)
    if (this.#announcedTags.has(branch)) this.#announcedTags = without(this.#announcedTags, branch)
  }

  build(): ObjectRecord {
    return limitParts({
      latest: this.#latest,
      versions: limitVersions([...this.#versions.values()]),
      announced: this.#announced,
      announcedTags: this.#announcedTags,
      ...(this.#hidden && { hidden: this.#hidden }),
    })
  }
}

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  return new Map([...map].filter(([each]) => each !== key))
}

/** The fewest lines from which a record can be built. */
export function linesOf({ latest, versions, announced, announcedTags, hidden }: ObjectRecord): readonly RecordLine[] {
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
  for (const [branch, announcement] of announced) lines.push({ ...announcement, versions: [], announcedFor: branch })
  if (hidden !== undefined || lines.at(-1)?.description !== latest) {
    lines.push({ description: latest, versions: [], ...(hidden && { hidden }) })
  }
  for (const [branch, tags] of announcedTags) lines.push({ versions: [], announcedFor: branch, announcedTags: tags })
  return lines
}
