import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
// tsc emits nothing for the generated CommonJS modules.
cpSync('lib/pfs/grpc/generated', 'dist/pfs/grpc/generated', { recursive: true })
chmodSync('dist/cli/main.js', 0o755)
