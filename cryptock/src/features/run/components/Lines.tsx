/** One or several series over time. */
import { useTheme } from '@mui/material/styles'
import { lazy, useMemo } from 'react'
import { wireTime } from '@/shared/format'
import { curveColours } from '@/shared/ui/curves'
import { Legend } from '@/shared/ui/Legend'
import { HEIGHT, type Shown } from './Components'
import { cellText } from './cells'
import { Drawn } from './Drawn'

const SeriesChart = lazy(() => import('@/shared/ui/SeriesChart'))

export function Lines({ format, data }: Shown) {
  const theme = useTheme()
  const { columns, title } = format
  const series = useMemo(() => {
    const colours = curveColours(theme)
    // Rows come in the order in which they were told; a chart needs that of time.
    const rows = data.rows.map((row) => [Math.floor(wireTime(String(row[0])) / 1000), row] as const)
    if (rows.some(([at], index) => at < (rows[index - 1]?.[0] ?? at)))
      rows.sort(([a], [b]) => a - b)
    return columns.slice(1).map(({ name }, index) => ({
      name,
      colour: colours[index % colours.length] ?? theme.tokens.accent,
      points: rows.map(([at, row]) => {
        const value = row[index + 1]
        return [at, value === null || value === undefined ? null : Number(value)] as const
      }),
    }))
  }, [data, columns, theme])
  const last = data.rows.at(-1)
  const unit = format.axes.y?.unit ?? ''
  const said = columns
    .slice(1)
    .map(({ name, type }, index) => `${name} ${cellText(last?.[index + 1] ?? null, type)}`)
    .join(', ')
  return (
    <Drawn format={format} data={data} note={`${said}${unit && ` ${unit}`}`}>
      {series.length > 1 && <Legend entries={series} />}
      <SeriesChart
        label={`${title}: ${said}${unit && ` ${unit}`}`}
        series={series}
        height={series.length > 1 ? HEIGHT - 25 : HEIGHT}
      />
    </Drawn>
  )
}
