import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const pfs = createMemoryPfs({ rootToken: 'root-token' })

export default createS3Handler(pfs, { mode: 'pachyderm' }, { basePath: '/api/s3', onError: console.error })

// The body stays a stream, and the gateway sends the response itself.
export const config = { api: { bodyParser: false, externalResolver: true } }
