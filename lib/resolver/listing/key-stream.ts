import { setImmediate } from 'node:timers/promises'
import { eachAtMost } from '../../concurrency.js'
import type { Commit } from '../../pfs/client.js'
import { afterEveryPath } from '../../pfs/path.js'
import { compareToRange, isBehind, type KeyRange, type Place, seekFrom } from './key-range.js'
import type { KnownPaths } from './known-paths.js'
import { behindGroup, behindPath, type KeyedInfo, type Lane, percentLanes, plainLane, stepAt } from './lane.js'
import { createLaneHeap } from './lane-heap.js'
import type { PathReader } from './path-reader.js'

/** Files, or children of a directory, in the order of their keys. */
export interface KeyStream {
  /** The next whose key does not begin with `group`; `wanted` is about how many more will be asked for. */
  readonly next: (wanted: number, group?: string) => Promise<KeyedInfo | undefined>
  /** What has become known of the paths that a stream of another range would ask about. */
  readonly knownFor: (range: KeyRange) => KnownPaths
}

/** What a stream is made from. */
export interface StreamSource {
  readonly reader: PathReader
  readonly range: KeyRange
  /** The directory in which all keys of the range are; absent where there can be none. */
  readonly directory: Place | undefined
  /** Whether directories count. */
  readonly hasDirectories: boolean
  /** What is known already of a commit, by its id. */
  readonly recall: (commit: Commit) => KnownPaths
}

/** Lanes that are looked at before the event loop goes on. */
const stepsAtOnce = 256

/** Most questions to PFS at once. */
const parallel = 8

/**
 * Merges lanes, each in key order: one for the paths without an escape, and three for each place where paths have one.
 * A place is found when the lane that leads to it comes there, or asked for where it lies in another direction.
 */
export async function openKeyStream(source: StreamSource, wanted: number): Promise<KeyStream> {
  const { reader, range, directory, hasDirectories } = source
  const lanes = createLaneHeap()
  let steps = 0
  const opened = new Set<string>()
  const asked = new Set<string>()

  const open = async (place: Place): Promise<void> => {
    const name = nameOf(place)
    if (opened.has(name)) return
    opened.add(name)
    const found = percentLanes(place, range)
    for (const lane of found.lanes) lanes.add(lane)
    await openWhereAny(found.places)
  }

  const openWhereAny = async (places: readonly Place[]): Promise<void> => {
    const unasked = places.filter((place) => !asked.has(nameOf(place)))
    await eachAtMost(parallel, unasked, async (place) => {
      asked.add(nameOf(place))
      if (await reader.hasPathFrom(`${place.path}%`)) await open(place)
    })
  }

  /** Reads a lane up to its next key, or to where others must come first. False at its end. */
  const advance = async (lane: Lane, left: number): Promise<boolean> => {
    for (;;) {
      const info = await reader.firstAfter(lane.position, left)
      const path = info?.file.path
      if (info === undefined || path === undefined || !path.startsWith(lane.start)) return false
      if (info.fileType === 'DIR' && !hasDirectories) {
        lane.position = path
        continue
      }
      const step = stepAt(lane, path, range.keys)
      if (step.kind === 'skip') {
        lane.position = step.position
        continue
      }
      if (step.kind === 'percent') {
        if (isBehind(step.place.key, range)) return false
        await openWhereAny(placesBefore(step.place, step.ownLength, range))
        await open(step.place)
        lane.position = `${step.place.path}%${afterEveryPath}`
        lane.bound = `${step.place.key}&`
        return true
      }
      const where = compareToRange(step.key, range)
      if (where === 'behind') return false
      const entry = { key: step.key, info }
      if (where === 'before') {
        const isInGroup = range.mode === 'behind-all' && step.key.startsWith(range.from)
        lane.position = isInGroup ? behindGroup(lane, entry, range.from) : behindPath(path)
        continue
      }
      lane.position = behindPath(path)
      await openWhereAny(placesBefore({ path, key: step.key }, step.ownLength, range))
      lane.entry = entry
      lane.bound = step.key
      return true
    }
  }

  // Also where there can be no key PFS is asked, since the commit may be missing.
  if (directory === undefined) await reader.firstAfter(afterEveryPath, 1)
  else {
    const start = seekFrom(directory, range)
    lanes.add(plainLane(directory, start.position))
    if (start.places.length > 0) {
      // It names the commit that the rest is to be read from.
      await reader.firstAfter(start.position, wanted)
      reader.learn(source.recall((await reader.settle()).commit))
    }
    await openWhereAny(start.places)
  }

  return {
    next: async (left, group) => {
      for (;;) {
        const lane = lanes.take()
        if (lane === undefined) return undefined
        const { entry } = lane
        if (entry === undefined) {
          // What is known already is taken without waiting for anything, and others are to have their turn.
          if (++steps % stepsAtOnce === 0) await setImmediate()
          const isPassed = group !== undefined && lane.stem.startsWith(group)
          if (!isPassed && (await advance(lane, left))) lanes.add(lane)
          continue
        }
        lane.entry = undefined
        const isWanted = group === undefined || !entry.key.startsWith(group)
        if (!isWanted) lane.position = behindGroup(lane, entry, group)
        lanes.add(lane)
        if (isWanted) return entry
      }
    },
    knownFor: (other) => (directory === undefined ? new Map() : knownPlaces(reader, directory, other)),
  }
}

function knownPlaces(reader: PathReader, directory: Place, range: KeyRange): KnownPaths {
  const known = new Map<string, boolean>()
  const visit = (places: readonly Place[]): void => {
    for (const place of places) {
      const start = `${place.path}%`
      const isThere = reader.knowsPathFrom(start)
      if (isThere === undefined) continue
      known.set(start, isThere)
      if (isThere) visit(percentLanes(place, range).places)
    }
  }
  visit(seekFrom(directory, range).places)
  return known
}

/** The places in a path whose `%` comes later in path order, though keys with a lesser character can be there. */
function placesBefore({ path, key }: Place, ownLength: number, { keys, prefix }: KeyRange): Place[] {
  if (!keys.hasEscapes) return []
  const places: Place[] = []
  const difference = path.length - key.length
  for (let index = Math.max(ownLength, prefix.length + difference); index < path.length; index += 1) {
    if (path.charCodeAt(index) >= 0x25) continue
    places.push({ path: path.slice(0, index), key: key.slice(0, index - difference) })
  }
  return places
}

/** One path can be read as several keys, depending on how it goes on: a `%25` as `%` or as itself. */
function nameOf({ path, key }: Place): string {
  return `${path}\0${key}`
}
