/** What a result follows from, folded. */
import { Box } from '@mui/material'
import type { Manifest, Run } from '@/shared/api/runs'
import { pairName } from '@/shared/format'
import { Card, Empty } from '@/shared/ui/parts'
import { Copy } from './Command'
import { Pairs } from './parts'
import { freqText } from './series'
import { minute, setting } from './words'

export function ManifestCard({ run }: { run: Run }) {
  const { manifest } = run
  if (manifest === undefined)
    return (
      <Card title="Manifest">
        <Empty text="This run has none: only backtests are written down so that they can be repeated." />
      </Card>
    )
  const text = JSON.stringify(manifest, null, 2)
  return (
    <Card title="Manifest" action={<Copy text={text} what="the manifest" />}>
      <Box
        component="details"
        sx={{ '& summary': { cursor: 'pointer', fontSize: 13, color: 'text.secondary' } }}
      >
        <summary>Code, data and parameters from which this result follows</summary>
        <Box sx={{ mt: 3 }}>
          <Pairs rows={rowsOf(manifest)} />
          <Box
            component="pre"
            tabIndex={0}
            aria-label="Manifest as JSON"
            sx={{
              fontFamily: (t) => t.numbers,
              fontSize: 12,
              maxHeight: 320,
              overflow: 'auto',
              bgcolor: 'background.default',
              borderRadius: '6px',
              p: 3,
              mt: 4,
              mb: 0,
            }}
          >
            {text}
          </Box>
        </Box>
      </Box>
    </Card>
  )
}

const short = (digest: string): string => `${digest.slice(0, 16)}…`

function rowsOf({ key, code, strategy, data, params }: Manifest): [string, string][] {
  return [
    ['Key', short(key)],
    [
      'Code',
      `Cryptick ${code.cryptick}, source ${short(code.source)}${code.commit ? `, commit ${code.commit.slice(0, 10)}` : ''}, Python ${code.python}`,
    ],
    ['Strategy', `${strategy.name}, source ${short(strategy.source)}`],
    ...(params.seed === undefined ? [] : [['Seed', setting(params.seed)] as [string, string]]),
    [
      'Data',
      data
        .map(
          ({ exchange, pair, freq_s, start_s, end_s, rows, columns }) =>
            `${pairName(pair)} on ${exchange}: ${rows} candles of ${freqText(freq_s)}, ${minute(start_s * 1000)} to ${minute(end_s * 1000)}, SHA-256 ${short(columns)}`,
        )
        .join('\n'),
    ],
  ]
}
