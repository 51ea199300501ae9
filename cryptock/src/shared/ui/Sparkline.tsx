/** How numbers went, in the height of a line of text. */
import { useTheme } from '@mui/material/styles'

export function Sparkline({
  values,
  label,
  width = 72,
  height = 20,
}: {
  values: readonly number[]
  /** What the line shows, for who does not see it: its way is told after it. */
  label: string
  width?: number
  height?: number
}) {
  const { tokens } = useTheme()
  const first = values[0]
  const last = values.at(-1)
  if (first === undefined || last === undefined || values.length < 2) return null
  const least = Math.min(...values)
  const most = Math.max(...values)
  const inside = height - 4 // the line is not cut at its ends
  const points = values.map((value, index) => {
    const up = most === least ? 0.5 : (value - least) / (most - least)
    return `${(1 + (index / (values.length - 1)) * (width - 2)).toFixed(1)},${(2 + (1 - up) * inside).toFixed(1)}`
  })
  const way = last > first ? 'up' : last < first ? 'down' : 'level'
  return (
    <svg
      role="img"
      aria-label={`${label}: ${way} from start to end`}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      style={{ display: 'block', flex: 'none', maxWidth: '100%' }}
    >
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke={{ up: tokens.gain, down: tokens.loss, level: tokens.dim }[way]}
        strokeWidth={1.5}
        vectorEffect="non-scaling-stroke"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  )
}
