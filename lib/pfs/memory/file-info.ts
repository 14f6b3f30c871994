import type { FileInfo } from '../client.js'
import type { OpenedCommit } from './opened-commit.js'
import { type Directory, type FileRecord, isDirectory, rootFileName } from './store/directory.js'
import type { ContentHash } from './store/hash.js'
import { getValue } from './store/sorted-map.js'

/** The entry of a file. Its hash is computed when it is read. */
export function infoFromFile(opened: OpenedCommit, path: string, record: FileRecord, hashes: ContentHash): FileInfo {
  const { datum, content } = record
  return {
    file: { commit: opened.commit, path, datum },
    fileType: 'FILE',
    ...(opened.committed && { committed: opened.committed }),
    sizeBytes: content.size,
    get hash() {
      return hashes.fileHash(content)
    },
  }
}

/** The entry of a directory. Its hash is computed when it is read. */
export function infoFromDirectory(
  opened: OpenedCommit,
  path: string,
  directory: Directory,
  hashes: ContentHash,
): FileInfo {
  const datum = path === '/' ? rootDatum(directory) : undefined
  return {
    file: { commit: opened.commit, path, ...(datum && { datum }) },
    fileType: 'DIR',
    ...(opened.committed && { committed: opened.committed }),
    sizeBytes: directory.bytes,
    get hash() {
      return hashes.directoryHash(directory)
    },
  }
}

function rootDatum(root: Directory): string | undefined {
  const entry = getValue(root.entries, rootFileName)
  return entry && !isDirectory(entry) ? entry[0]?.datum : undefined
}
