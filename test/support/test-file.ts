import { spawn } from 'node:child_process'

export interface TestFileResult {
  readonly passed: number
  /** At least 1 where the file itself is at fault: no test ran, a hook threw, the process did not end. */
  readonly failed: number
  /** Why the file failed, in addition to its output; '' if it did not. */
  readonly reason: string
  /** Standard output and standard error as they came. */
  readonly output: string
}

export interface TestFileLimits {
  /** For the whole file. */
  readonly runMilliseconds: number
  /** For the process to end by itself after the last test. */
  readonly exitMilliseconds: number
}

/** Runs one uvu file in a separate process, with `env` added, and parses the summary that uvu prints. */
export async function runTestFile(
  path: string,
  limits: TestFileLimits,
  env: Readonly<Record<string, string>> = {},
): Promise<TestFileResult> {
  const { output, exitCode, killed } = await runToEnd(path, limits, env)
  const total = summaryCount(output, 'Total')
  const passed = summaryCount(output, 'Passed')
  const skipped = summaryCount(output, 'Skipped')
  const reason = faultOf({ total, passed, skipped, exitCode, killed })
  return { passed, failed: reason === '' ? 0 : Math.max(1, total - passed + skipped), reason, output }
}

function faultOf(run: { total: number; passed: number; skipped: number; exitCode: number | null; killed: string }) {
  if (run.killed !== '') return run.killed
  if (run.total === 0) return 'ran no tests: does every suite call run()?'
  // uvu reports success where a `before` hook throws.
  if (run.passed < run.total) return `${run.total - run.passed} of ${run.total} tests did not pass`
  if (run.skipped > 0) return `${run.skipped} tests were skipped`
  if (run.exitCode !== 0) return `exit code ${run.exitCode}`
  return ''
}

function summaryCount(output: string, name: string): number {
  return Number(new RegExp(`^ {2}${name}: +(\\d+)$`, 'm').exec(output)?.[1] ?? 0)
}

function runToEnd(path: string, limits: TestFileLimits, env: Readonly<Record<string, string>>) {
  return new Promise<{ output: string; exitCode: number | null; killed: string }>((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', path], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
    })
    let output = ''
    let killed = ''
    const killAfter = (milliseconds: number, why: string) =>
      setTimeout(() => {
        killed = why
        child.kill('SIGKILL')
      }, milliseconds)
    const timers = [killAfter(limits.runMilliseconds, `did not end within ${limits.runMilliseconds} ms`)]
    const collect = (text: string) => {
      output += text
      if (timers.length === 1 && /^ {2}Duration:/m.test(output)) {
        timers.push(killAfter(limits.exitMilliseconds, 'its process did not end by itself: something was left open'))
      }
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.once('error', reject)
    child.once('close', (exitCode) => {
      for (const timer of timers) clearTimeout(timer)
      resolve({ output, exitCode, killed })
    })
  })
}
