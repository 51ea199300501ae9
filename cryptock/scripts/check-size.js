/** The first load has to stay small: what the landing page needs before anything is shown, gzipped. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const MAX_KB = 300
/** @typedef {{ file: string, imports?: string[] }} Chunk */
/** @type {unknown} */
const read = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'))
const manifest = /** @type {Record<string, Chunk | undefined>} */ (read)
const seen = new Set()

/** @param {string} name */
function size(name) {
  const chunk = manifest[name]
  if (chunk === undefined || seen.has(name)) return 0
  seen.add(name)
  let bytes = gzipSync(readFileSync(`dist/${chunk.file}`), { level: 9 }).length
  for (const other of chunk.imports ?? []) bytes += size(other)
  return bytes
}

for (const page of [
  'src/features/home/Home.tsx',
  'src/features/market/Market.tsx',
  'src/features/wallets/Wallets.tsx',
  'src/features/orders/Orders.tsx',
  'src/features/overview/Overview.tsx',
  'src/features/backtests/Backtests.tsx',
  'src/features/backtests/Report.tsx',
  'src/app/RunPage.tsx',
]) {
  seen.clear()
  const kb = Math.round((size('index.html') + size(page)) / 1000)
  console.log(`first load of ${page}: ${kb} kB gzip`)
  if (kb > MAX_KB) {
    console.error(`that is more than ${MAX_KB} kB`)
    process.exitCode = 1
  }
}
