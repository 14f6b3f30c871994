import { createCommitLog } from './commits/commit-log.js'
import { createCommitQueue } from './commits/commit-queue.js'
import { createKeyedMutex } from './concurrency.js'
import type { Gateway } from './operations/call.js'
import { createContentCache } from './operations/content-cache.js'
import { SmallFiles } from './operations/small-files.js'
import { VersionBatches } from './operations/version-batches.js'
import type { Settings } from './options.js'
import type { PfsClient } from './pfs/client.js'
import { withErrorContext } from './pfs/error-context.js'
import { createFileLookup } from './pfs/file-lookup.js'
import { RecordStore } from './records/record-store.js'
import { createBucketNames } from './resolver/bucket-name.js'
import { createCommitTimes } from './resolver/commit-times.js'
import { createForks } from './resolver/forks.js'
import { createKeyCodec } from './resolver/key.js'
import { createPageMemory } from './resolver/listing/path-reader.js'
import { createMissingBuckets } from './resolver/missing-bucket.js'
import { StagedParts } from './resolver/uploads/join-parts.js'
import { createAncestry } from './resolver/versions/ancestry.js'
import { createChangeLog } from './resolver/versions/changes.js'
import { createDeleteMarkerSearch } from './resolver/versions/delete-marker-search.js'
import { createHistory } from './resolver/versions/history.js'
import { createVersionWalk } from './resolver/versions/version-walk.js'

/** Creates the state that all requests of one handler share. */
export function createGateway(client: PfsClient, settings: Settings): Gateway {
  const pfs = withErrorContext(client)
  const keys = createKeyCodec(settings.keyEncoding)
  const bucketNames = createBucketNames(settings)
  const commitLog = createCommitLog()
  const commits = createCommitQueue(pfs, { ...settings, commitLog })
  const records = new RecordStore(pfs, commits, {
    mode: settings.objectRecords,
    cacheBytes: settings.cacheBytes,
    keyFromPath: keys.keyFromPath,
    commitLog,
    onError: settings.onError,
  })
  const history = createHistory(pfs)
  const changes = createChangeLog(pfs, keys, commitLog)
  const contentCache = createContentCache(settings.cacheBytes)
  return {
    pfs,
    files: createFileLookup(pfs),
    commits,
    records,
    keys,
    bucketNames,
    missingBuckets: createMissingBuckets(pfs, bucketNames),
    history,
    ancestry: createAncestry(history),
    commitTimes: createCommitTimes(pfs),
    forks: createForks(pfs),
    deleteMarkers: createDeleteMarkerSearch(pfs, commitLog),
    changes,
    versionWalk: createVersionWalk(history, keys, changes, commitLog),
    hidesVersions: settings.objectRecords !== 'off' && settings.deleteVersions === 'hide',
    pages: createPageMemory(),
    region: settings.region,
    signingRegion: settings.signingRegion,
    maxSharedBodyBytes: settings.maxSharedBodyBytes,
    stagedParts: new StagedParts(),
    uploadMutex: createKeyedMutex(),
    repoMutex: createKeyedMutex(),
    versionBatches: new VersionBatches(),
    markerMutex: createKeyedMutex(),
    contentCache,
    smallFiles: new SmallFiles(pfs, contentCache),
  }
}
