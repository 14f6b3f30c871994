import type { CallOptions, FileOperation } from '../client.js'
import { findCommit } from './lookup.js'
import { isFileSet, openCommit, permissionsForBytes } from './opened-commit.js'
import { cleanPath, directoryPath, parseWritePath } from './paths.js'
import type { State } from './state.js'
import { addContent, addRaw, type Changes, deleteDirectory, deletePath } from './store/changes.js'
import { type Directory, findDirectory, findFile } from './store/directory.js'
import { walkBelow, wholeTree } from './store/walk.js'

/** A call that writes. */
export interface Writing {
  readonly changes: Changes
  readonly options: CallOptions | undefined
  /** The tree in which a deleted directory is looked up; throws if pachd cannot tell yet. */
  parent(): Directory | undefined
}

/** Adds one message of `ModifyFile` or `CreateFileSet` to the changes of its call; a copy waits for its source. */
export function recordOperation(state: State, writing: Writing, operation: FileOperation): Promise<void> | undefined {
  const { changes } = writing
  if ('copyFile' in operation) return recordCopy(state, writing, operation.copyFile)
  if ('addFile' in operation) {
    const { path, raw, datum } = operation.addFile
    addRaw(changes, parseWritePath(path), raw, datum)
  } else {
    const { path, datum } = operation.deleteFile
    if (path.endsWith('/')) deleteDirectory(changes, directoryPath(path), writing.parent(), datum)
    else deletePath(changes, parseWritePath(path), datum)
  }
  return undefined
}

async function recordCopy(
  state: State,
  { changes, options }: Writing,
  { dst, src, datum, append = false }: Extract<FileOperation, { copyFile: unknown }>['copyFile'],
): Promise<void> {
  const target = parseWritePath(dst)
  // Of a missing source pachd says so before it asks who wants to read it.
  if (!isFileSet(src.commit)) findCommit(state, src.commit)
  const { snapshot } = await openCommit(state, src.commit, options, permissionsForBytes(src.commit))
  for (const [path, records] of copied(snapshot.root, cleanPath(src.path), target)) {
    const wanted = records.filter((record) => !src.datum || record.datum === src.datum)
    for (const { content } of wanted) {
      if (!append) deletePath(changes, path, datum)
      addContent(changes, path, content, datum)
    }
  }
}

/** The file at `source` and the files below it, each with the path that its copy gets. */
function* copied(root: Directory, source: string, target: string) {
  const records = findFile(root, source)
  if (records) yield [target, records] as const
  const sourceDirectory = directoryPath(source)
  const directory = findDirectory(root, sourceDirectory)
  if (!directory) return
  for (const entry of walkBelow(directory, sourceDirectory, wholeTree)) {
    if ('directory' in entry) continue
    yield [directoryPath(target) + entry.path.slice(sourceDirectory.length), entry.records] as const
  }
}
