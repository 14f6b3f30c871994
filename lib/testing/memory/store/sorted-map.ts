/**
 * A persistent map from strings to values, sorted by key: a B+ tree whose nodes are immutable once another owner can see
 * them. A write copies the path to its key; the writes of one owner copy each node only once.
 */

/** Identifies the batch of writes that may modify a node in place. */
export type Owner = object

interface Leaf<V> {
  readonly kind: 'leaf'
  readonly owner: Owner
  readonly keys: string[]
  readonly values: V[]
}

interface Branch<V> {
  readonly kind: 'branch'
  readonly owner: Owner
  /** The smallest key below each child. */
  readonly keys: string[]
  readonly children: SortedMap<V>[]
}

/** A node of the map; the root represents the whole map. */
export type SortedMap<V> = Leaf<V> | Branch<V>

const maxEntries = 64

/** Creates an empty map. */
export function createSortedMap<V>(): SortedMap<V> {
  return { kind: 'leaf', owner: {}, keys: [], values: [] }
}

/** Whether the map is empty. */
export function isEmpty(map: SortedMap<unknown>): boolean {
  return map.keys.length === 0
}

/** The value at `key`, or undefined. */
export function getValue<V>(map: SortedMap<V>, key: string): V | undefined {
  let node = map
  while (node.kind === 'branch') node = at(node.children, childIndex(node.keys, key))
  const index = firstNotBelow(node.keys, key)
  return node.keys[index] === key ? node.values[index] : undefined
}

/** The map with `value` at `key`. Modifies nodes of `owner` in place. */
export function setValue<V>(map: SortedMap<V>, key: string, value: V, owner: Owner): SortedMap<V> {
  const root = setBelow(map, key, value, owner)
  if (root.keys.length <= maxEntries) return root
  return branchOf(splitNode(root, key, owner), owner)
}

/** The map without `key`. Modifies nodes of `owner` in place. */
export function deleteKey<V>(map: SortedMap<V>, key: string, owner: Owner): SortedMap<V> {
  if (getValue(map, key) === undefined) return map
  let root = deleteBelow(map, key, owner)
  while (root.kind === 'branch' && root.children.length === 1) root = at(root.children, 0)
  return root
}

/** The last key before `key`, which may be missing itself. */
export function keyBefore(map: SortedMap<unknown>, key: string): string | undefined {
  let node = map
  let left: SortedMap<unknown> | undefined
  while (node.kind === 'branch') {
    const index = childIndex(node.keys, key)
    left = node.children[index - 1] ?? left
    node = at(node.children, index)
  }
  const index = firstNotBelow(node.keys, key)
  if (index > 0) return node.keys[index - 1]
  while (left?.kind === 'branch') left = left.children.at(-1)
  return left?.keys.at(-1)
}

/** The first key after `key`, which may be missing itself. */
export function keyAfter(map: SortedMap<unknown>, key: string): string | undefined {
  let node = map
  let least: string | undefined
  while (node.kind === 'branch') {
    const index = childIndex(node.keys, key)
    least = node.keys[index + 1] ?? least
    node = at(node.children, index)
  }
  const index = firstNotBelow(node.keys, key)
  return node.keys[node.keys[index] === key ? index + 1 : index] ?? least
}

/** The entries in ascending order, starting at the first key that is not before `from`. */
export function* entriesFrom<V>(map: SortedMap<V>, from = ''): Generator<[key: string, value: V]> {
  for (const leaf of leavesFrom(map, from)) {
    for (let i = firstNotBelow(leaf.keys, from); i < leaf.keys.length; i++) yield [at(leaf.keys, i), at(leaf.values, i)]
  }
}

/** The entries in descending order, starting at the last key before `before`, or at the last key. */
export function* entriesBefore<V>(map: SortedMap<V>, before?: string): Generator<[key: string, value: V]> {
  for (const leaf of leavesBefore(map, before)) {
    const end = before === undefined ? leaf.keys.length : firstNotBelow(leaf.keys, before)
    for (let i = end - 1; i >= 0; i--) yield [at(leaf.keys, i), at(leaf.values, i)]
  }
}

/** The keys whose values differ between two maps, in order. Skips nodes that both maps share. */
export function* differingEntries<V>(
  before: SortedMap<V>,
  after: SortedMap<V>,
): Generator<[key: string, before: V | undefined, after: V | undefined]> {
  const olds = entriesOutside(before, nodesOf(after))
  const youngs = entriesOutside(after, nodesOf(before))
  let old = olds.next().value
  let young = youngs.next().value
  while (old || young) {
    const isOld = old !== undefined && (!young || old[0] <= young[0])
    const isYoung = young !== undefined && (!old || young[0] <= old[0])
    const oldValue = isOld ? old?.[1] : undefined
    const youngValue = isYoung ? young?.[1] : undefined
    if (oldValue !== youngValue) yield [(isOld ? old?.[0] : young?.[0]) ?? '', oldValue, youngValue]
    if (isOld) old = olds.next().value
    if (isYoung) young = youngs.next().value
  }
}

function* entriesOutside<V>(node: SortedMap<V>, known: ReadonlySet<SortedMap<V>>): Generator<[string, V], undefined> {
  if (known.has(node)) return
  if (node.kind === 'branch') for (const child of node.children) yield* entriesOutside(child, known)
  else for (let i = 0; i < node.keys.length; i++) yield [at(node.keys, i), at(node.values, i)]
}

function nodesOf<V>(node: SortedMap<V>, nodes = new Set<SortedMap<V>>()): Set<SortedMap<V>> {
  nodes.add(node)
  if (node.kind === 'branch') for (const child of node.children) nodesOf(child, nodes)
  return nodes
}

function* leavesFrom<V>(node: SortedMap<V>, from: string): Generator<Leaf<V>> {
  if (node.kind === 'leaf') return yield node
  for (let i = childIndex(node.keys, from); i < node.children.length; i++) yield* leavesFrom(at(node.children, i), from)
}

function* leavesBefore<V>(node: SortedMap<V>, before: string | undefined): Generator<Leaf<V>> {
  if (node.kind === 'leaf') return yield node
  const last = before === undefined ? node.children.length - 1 : childIndex(node.keys, before)
  for (let i = last; i >= 0; i--) yield* leavesBefore(at(node.children, i), before)
}

function setBelow<V>(node: SortedMap<V>, key: string, value: V, owner: Owner): SortedMap<V> {
  if (node.kind === 'leaf') {
    const leaf = ownLeaf(node, owner)
    const index = firstNotBelow(leaf.keys, key)
    if (leaf.keys[index] === key) leaf.values[index] = value
    else {
      leaf.keys.splice(index, 0, key)
      leaf.values.splice(index, 0, value)
    }
    return leaf
  }
  const branch = ownBranch(node, owner)
  const index = childIndex(branch.keys, key)
  const child = setBelow(at(branch.children, index), key, value, owner)
  replaceChildren(branch, index, 1, child.keys.length > maxEntries ? splitNode(child, key, owner) : [child])
  return branch
}

function deleteBelow<V>(node: SortedMap<V>, key: string, owner: Owner): SortedMap<V> {
  if (node.kind === 'leaf') {
    const leaf = ownLeaf(node, owner)
    const index = firstNotBelow(leaf.keys, key)
    leaf.keys.splice(index, 1)
    leaf.values.splice(index, 1)
    return leaf
  }
  const branch = ownBranch(node, owner)
  const index = childIndex(branch.keys, key)
  const child = deleteBelow(at(branch.children, index), key, owner)
  replaceChildren(branch, index, 1, isEmpty(child) ? [] : [child])
  mergeSmall(branch, index, owner)
  return branch
}

/** Merges a small child with a neighbour, so that the tree shrinks after deletions. */
function mergeSmall<V>(branch: Branch<V>, index: number, owner: Owner): void {
  const left = Math.min(index, branch.children.length - 2)
  const first = branch.children[left]
  const second = branch.children[left + 1]
  if (!first || !second || first.keys.length + second.keys.length > maxEntries / 2) return
  if (first.kind === 'leaf' && second.kind === 'leaf') {
    const keys = first.keys.concat(second.keys)
    replaceChildren(branch, left, 2, [{ kind: 'leaf', owner, keys, values: first.values.concat(second.values) }])
  } else if (first.kind === 'branch' && second.kind === 'branch') {
    replaceChildren(branch, left, 2, [branchOf(first.children.concat(second.children), owner)])
  }
}

function splitNode<V>(node: SortedMap<V>, added: string, owner: Owner): SortedMap<V>[] {
  // If keys are added in ascending order, nodes are left full instead of half-full.
  const rising = added >= at(node.keys, node.keys.length - 1)
  const middle = rising ? node.keys.length - 1 : node.keys.length >> 1
  const low = node.keys.slice(0, middle)
  const high = node.keys.slice(middle)
  if (node.kind === 'leaf') {
    return [
      { kind: 'leaf', owner, keys: low, values: node.values.slice(0, middle) },
      { kind: 'leaf', owner, keys: high, values: node.values.slice(middle) },
    ]
  }
  return [branchOf(node.children.slice(0, middle), owner), branchOf(node.children.slice(middle), owner)]
}

function replaceChildren<V>(branch: Branch<V>, index: number, count: number, children: SortedMap<V>[]): void {
  branch.children.splice(index, count, ...children)
  branch.keys.splice(index, count, ...children.map(leastKey))
}

function branchOf<V>(children: SortedMap<V>[], owner: Owner): Branch<V> {
  return { kind: 'branch', owner, keys: children.map(leastKey), children }
}

function leastKey(node: SortedMap<unknown>): string {
  return at(node.keys, 0)
}

function ownLeaf<V>(leaf: Leaf<V>, owner: Owner): Leaf<V> {
  if (leaf.owner === owner) return leaf
  return { kind: 'leaf', owner, keys: leaf.keys.slice(), values: leaf.values.slice() }
}

function ownBranch<V>(branch: Branch<V>, owner: Owner): Branch<V> {
  if (branch.owner === owner) return branch
  return { kind: 'branch', owner, keys: branch.keys.slice(), children: branch.children.slice() }
}

/** The index of the child that contains `key`, or would contain it. */
function childIndex(keys: readonly string[], key: string): number {
  const index = firstNotBelow(keys, key)
  return keys[index] === key ? index : Math.max(0, index - 1)
}

function firstNotBelow(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (at(keys, middle) < key) low = middle + 1
    else high = middle
  }
  return low
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`)
  return item
}
