import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { openPfs } from '../support/test-pfs.js'
import { type BucketRequests, bucketRequests } from './s3-requests.js'

export const repo = { project: 'default', name: 'model', type: 'user' } as const
export const branch = { repo, name: 'master' } as const

/** A run of random operations on one bucket. */
export interface ModelRun {
  readonly gateway: Gateway
  readonly requests: BucketRequests
  /** The operations that were done, for the message of an error. */
  readonly done: string[]
  /** Asks a gateway that knows nothing but what is in PFS. */
  readonly askAnother: (check: (requests: BucketRequests) => Promise<void>) => Promise<void>
}

/** Runs operations on an empty bucket of a gateway that keeps records; an error tells how to repeat them. */
export async function runModel(name: string, run: (modelRun: ModelRun) => Promise<void>): Promise<void> {
  const opened = await openPfs()
  const options = { objectRecords: 'all' } as const
  const gateway = await startGateway({ opened, options })
  const done: string[] = []
  const askAnother: ModelRun['askAnother'] = async (check) => {
    await gateway.flush()
    const other = await startGateway({ opened, options })
    await check(bucketRequests(other.endpoint, 'model'))
    await other.close()
  }
  try {
    await gateway.pfs.createRepo({ repo })
    await gateway.pfs.createBranch({ branch })
    await run({ gateway, requests: bucketRequests(gateway.endpoint, 'model'), done, askAnother })
    assert.ok(done.length > 10, 'too few operations to show anything')
  } catch (error) {
    const details = error instanceof assert.Assertion ? `${error.message}\n${error.details}` : String(error)
    throw new Error(`${name}, behind\n${done.slice(-20).join('\n')}\n${details}`, { cause: error })
  } finally {
    await gateway.close()
    await opened.close()
  }
}
