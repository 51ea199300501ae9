/** One or several bars per category. */
import { useTheme } from '@mui/material/styles'
import { lazy, useMemo } from 'react'
import { curveColours } from '@/shared/ui/curves'
import { Legend } from '@/shared/ui/Legend'
import { shownNumber } from './cells'
import { HEIGHT, type Shown } from './Components'
import { Drawn } from './Drawn'

const Plot = lazy(() => import('./Plot'))
const NONE = { label: '', unit: '' }

export function Bars({ format, data }: Shown) {
  const theme = useTheme()
  const { columns, axes, title } = format
  const entries = useMemo(() => {
    const colours = curveColours(theme)
    return columns.slice(1).map(({ name }, index) => ({
      name,
      colour: colours[index % colours.length] ?? theme.tokens.accent,
    }))
  }, [columns, theme])
  const drawn = useMemo(
    () => ({
      labels: data.rows.map(([category]) => String(category)),
      datasets: entries.map(({ name, colour }, index) => ({
        label: name,
        data: data.rows.map((row) => {
          const height = row[index + 1] ?? null
          return height === null ? null : Number(height)
        }),
        backgroundColor: colour,
        borderRadius: 3,
        maxBarThickness: 64,
      })),
    }),
    [data, entries],
  )
  const said = data.rows
    .slice(0, 12)
    .map(([category, height]) => `${category} ${shownNumber(Number(height))}`)
    .join(', ')
  return (
    <Drawn format={format} data={data}>
      {entries.length > 1 && <Legend entries={entries} />}
      <Plot
        type="bar"
        data={drawn}
        label={`${title}: ${said}`}
        axes={{ x: NONE, y: axes.y ?? NONE }}
        height={entries.length > 1 ? HEIGHT - 25 : HEIGHT}
      />
    </Drawn>
  )
}
