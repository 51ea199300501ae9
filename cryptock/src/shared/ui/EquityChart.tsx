/** What runs were worth over time, one curve each. */
import { Box, Skeleton } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { lazy, Suspense, useMemo } from 'react'
import { amount } from '../amount'
import { grouped } from '../format'
import { Legend } from './Legend'
import { curveColours } from './curves'

const SeriesChart = lazy(() => import('./SeriesChart'))

export interface Curve {
  name: string
  /** Times in ms since 1970, rising. */
  points: readonly (readonly [ms: number, value: number])[]
  colour?: string
}

export function EquityChart({
  curves,
  height,
  currency,
  what = 'Equity',
}: {
  curves: readonly Curve[]
  height: number
  /** Or another unit, such as `%`. */
  currency: string
  what?: string
}) {
  const theme = useTheme()
  const series = useMemo(() => {
    const colours = curveColours(theme)
    return curves.map(({ name, points, colour }, index) => ({
      name,
      colour: colour ?? colours[index % colours.length] ?? theme.tokens.accent,
      points: points.map(([ms, value]) => [Math.floor(ms / 1000), value] as const),
    }))
  }, [curves, theme])
  return (
    <Box>
      {series.length > 1 && <Legend entries={series} />}
      <Suspense fallback={<Skeleton variant="rounded" height={height} />}>
        <SeriesChart
          label={`${what} in ${currency}: ${curves.map(told).join('; ')}`}
          series={series}
          height={height}
          area={series.length === 1}
        />
      </Suspense>
    </Box>
  )
}

function told({ name, points }: Curve): string {
  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined) return `${name} is not known yet`
  return `${name} from ${plain(first[1])} to ${plain(last[1])}`
}

const plain = (value: number): string =>
  Math.abs(value) < 1e21 ? grouped(amount(value.toFixed(2))) : '?'
