import * as assert from 'uvu/assert'
import type { Random } from '../support/random.js'
import type { AttributeChange, AttributesModel } from './attributes.js'
import type { BranchModel, Changes } from './branch-model.js'
import type { BucketRequests } from './s3-requests.js'

/** Operations in progress at the same time: from the head before to the head after. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** The effect of an operation, and a check of its response for when the model has caught up. */
export interface Outcome {
  readonly write?: { readonly id: string; readonly changes: (model: BranchModel) => Changes }
  /** Its effect on attributes, after the model has caught up. */
  readonly attributes?: (model: BranchModel, span: Span) => readonly AttributeChange[]
  readonly verify: (model: BranchModel, span: Span) => void
}

export interface Operation {
  readonly name: string
  readonly run: () => Promise<Outcome>
}

/** The inputs of operations. */
export interface World {
  readonly random: Random
  readonly model: BranchModel
  readonly attributes: AttributesModel
  readonly requests: BucketRequests
  /** The ETag of each body that was written; the same body has the same one. */
  readonly etags: Map<string, string>
  /** A commit of another branch of the repo. */
  readonly foreignId: string
}

/** Keys that are far apart in PFS and neighbours in a listing, and vice versa. */
export const keys = ['a', 'a b', 'a-b', 'd/1', 'd/2/3', 'd(x)', 'd.e', 'z', 'é', '%41', '😀']
/** Texts for the metadata and the tag of a write; '' sends none. */
export const texts = ['', '', 'a', 'b', 'c']
export const bodies = ['', 'one', 'two', 'three', 'four', 'five']

/** Asks about each commit that was the head in a span. */
export function assertSometime({ from, to }: Span, holds: (head: number) => boolean, message: string): void {
  for (let head = from; head <= to; head += 1) if (holds(head)) return
  assert.unreachable(`${message} at no time from commit ${from} to ${to}`)
}
