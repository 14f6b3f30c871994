import cluster from 'node:cluster'
import { subscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import type { CacheMessage, CommitMessage, PfsCallMessage, QueueMessage, RequestMessage } from '../index.js'

/** In seconds; a write to a busy branch waits for several commits. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120]

/** Prometheus metrics from the diagnostics channels of the library. */
export interface Metrics {
  readonly contentType: string
  /** The metrics in the text format of Prometheus. */
  text(): Promise<string>
  /** Counts the connections of a server. */
  countConnections(server: Server): void
  /** Sets whether pachd is reachable. */
  reached(isReached: boolean): void
}

/** Starts counting; loads prom-client. */
export async function createMetrics(version: string): Promise<Metrics> {
  const { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, register } = await import('prom-client')
  collectDefaultMetrics()
  // The registry responds to the primary process.
  if (cluster.isWorker) new AggregatorRegistry()
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `pfs_s3_${name}`, help, labelNames: [...labelNames] })
  /** With workers, the primary process combines their values with `aggregator`. */
  const gauge = <Label extends string>(
    name: string,
    help: string,
    { labels = [], aggregator = 'sum' }: { labels?: readonly Label[]; aggregator?: 'sum' | 'min' | 'first' } = {},
  ) => new Gauge({ name: `pfs_s3_${name}`, help, labelNames: [...labels], aggregator })
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    buckets: readonly number[] = durationBuckets,
  ) => new Histogram({ name: `pfs_s3_${name}`, help, labelNames: [...labelNames], buckets: [...buckets] })

  gauge('build_info', 'The version of the gateway', { labels: ['version'], aggregator: 'first' }).set({ version }, 1)
  const requests = counter('requests_total', 'Finished requests', ['action', 'status', 'code'])
  const running = gauge('requests_running', 'Running requests')
  const durations = histogram('request_duration_seconds', 'From the request headers to the end of the response', [
    'action',
  ])
  const firstBytes = histogram('first_byte_seconds', 'From the request headers to the first byte of the response', [
    'action',
  ])
  const pfsSeconds = counter('request_pfs_seconds_total', 'Time in which requests waited for PFS', ['action'])
  const received = counter('received_bytes_total', 'Bytes of request bodies', ['action'])
  const sent = counter('sent_bytes_total', 'Bytes of response bodies', ['action'])
  const queued = gauge('write_queue_length', 'Writes that wait for their turn on a branch')
  const waits = histogram('write_queue_wait_seconds', 'How long a write waited for its turn on its branch')
  const commits = counter('commits_total', 'Commits that writes made')
  const writes = histogram(
    'writes_per_commit',
    'Writes that shared a turn on a branch',
    [],
    [1, 2, 5, 10, 50, 200, 2000],
  )
  const turns = histogram('commit_duration_seconds', 'How long a turn on a branch took')
  const calls = counter('pfs_calls_total', 'Finished calls to PFS', ['method', 'status'])
  const callDurations = histogram('pfs_call_duration_seconds', 'How long calls to PFS took', ['method'])
  const lookups = counter('cache_lookups_total', 'Look-ups in a cache', ['cache', 'result'])
  const connections = gauge('connections', 'Open connections of clients')
  const pachd = gauge('pachd_up', 'Whether pachd is reachable', { aggregator: 'min' })

  on<RequestMessage>('request:start', () => running.inc())
  on<RequestMessage>('request:end', ({ log }) => {
    running.dec()
    if (log === undefined) return
    const action = log.action ?? 'unknown'
    requests.inc({ action, status: String(log.status), code: log.code ?? '' })
    durations.observe({ action }, log.milliseconds / 1000)
    if (log.firstByteMilliseconds !== undefined) firstBytes.observe({ action }, log.firstByteMilliseconds / 1000)
    pfsSeconds.inc({ action }, log.pfsMilliseconds / 1000)
    received.inc({ action }, log.bytesIn)
    sent.inc({ action }, log.bytesOut)
  })
  on<QueueMessage>('queue', ({ waiting }) => queued.set(waiting))
  on<CommitMessage>('commit', (message) => {
    commits.inc(message.commits)
    writes.observe(message.writes)
    turns.observe(message.milliseconds / 1000)
    for (const wait of message.waitMilliseconds) waits.observe(wait / 1000)
  })
  on<PfsCallMessage>('pfs:end', ({ method, status = 'UNKNOWN', milliseconds = 0 }) => {
    calls.inc({ method, status })
    callDurations.observe({ method }, milliseconds / 1000)
  })
  on<CacheMessage>('cache', ({ cache, isHit }) => lookups.inc({ cache, result: isHit ? 'hit' : 'miss' }))

  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    countConnections(server) {
      server.on('connection', (socket) => {
        connections.inc()
        socket.once('close', () => connections.dec())
      })
    },
    reached: (isReached) => pachd.set(Number(isReached)),
  }
}

function on<Message>(name: string, listen: (message: Message) => void): void {
  subscribe(`pfs-s3-gateway:${name}`, (message) => listen(message as Message))
}
