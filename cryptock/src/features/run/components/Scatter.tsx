/** Points of one or several named series. */
import { useTheme } from '@mui/material/styles'
import { lazy, useMemo } from 'react'
import { count } from '@/shared/format'
import { curveColours } from '@/shared/ui/curves'
import { Legend } from '@/shared/ui/Legend'
import { HEIGHT, type Shown } from './Components'
import { Drawn } from './Drawn'
import { pointsOf, seen } from './points'

const Plot = lazy(() => import('./Plot'))
const NONE = { label: '', unit: '' }

export function Scatter({ format, data }: Shown) {
  const theme = useTheme()
  const series = useMemo(() => [...pointsOf(data)], [data])
  const entries = useMemo(() => {
    const colours = curveColours(theme)
    return series.map(([name], index) => ({
      name: name || format.title,
      colour: colours[index % colours.length] ?? theme.tokens.accent,
    }))
  }, [series, format.title, theme])
  const drawn = useMemo(
    () => ({
      datasets: series.map(([, points], index) => ({
        label: entries[index]?.name ?? '',
        data: seen(points),
        backgroundColor: `${entries[index]?.colour ?? ''}99`,
        pointRadius: 2.5,
      })),
    }),
    [series, entries],
  )
  const { axes, title } = format
  return (
    <Drawn format={format} data={data} note={count(data.rows.length, 'point')}>
      {entries.length > 1 && <Legend entries={entries} />}
      <Plot
        type="scatter"
        data={drawn}
        label={`${title}: ${count(data.rows.length, 'point')} of ${entries.map(({ name }) => name).join(', ')}`}
        axes={{ x: axes.x ?? NONE, y: axes.y ?? NONE }}
        height={entries.length > 1 ? HEIGHT - 25 : HEIGHT}
      />
    </Drawn>
  )
}
