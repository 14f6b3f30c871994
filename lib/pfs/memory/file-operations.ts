import type { CallOptions, FileOperation } from '../client.js'
import { openAsItStands } from './opened-commit.js'
import { cleanPath, directoryPath, parseWritePath } from './paths.js'
import type { State } from './state.js'
import { addContent, addRaw, type Changes, deleteDirectory, deletePath } from './store/changes.js'
import { type Directory, findDirectory, findFile } from './store/directory.js'
import { walkBelow, wholeTree } from './store/walk.js'

/** Adds one message of `ModifyFile` or `CreateFileSet` to the changes of its call. */
export function recordOperation(
  state: State,
  changes: Changes,
  operation: FileOperation,
  options: CallOptions | undefined,
): void {
  if ('addFile' in operation) {
    const { path, raw, datum } = operation.addFile
    addRaw(changes, parseWritePath(path), raw, datum)
  } else if ('deleteFile' in operation) {
    const { path, datum } = operation.deleteFile
    if (path.endsWith('/')) deleteDirectory(changes, directoryPath(path))
    else deletePath(changes, parseWritePath(path), datum)
  } else {
    recordCopy(state, changes, operation.copyFile, options)
  }
}

function recordCopy(
  state: State,
  changes: Changes,
  { dst, src, datum, append = false }: Extract<FileOperation, { copyFile: unknown }>['copyFile'],
  options: CallOptions | undefined,
): void {
  const target = parseWritePath(dst)
  const { root } = openAsItStands(state, src.commit, options, ['REPO_READ']).snapshot
  for (const [path, records] of copied(root, cleanPath(src.path), target)) {
    if (!append) deletePath(changes, path, datum)
    const wanted = records.filter((record) => !src.datum || record.datum === src.datum)
    for (const { content } of wanted) addContent(changes, path, content, datum)
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
