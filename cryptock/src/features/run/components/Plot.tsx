/** What Chart.js draws: bars, pies and dots, in the page's colours. Load it lazily. */
import {
  ArcElement,
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartData,
  type ChartOptions,
  LinearScale,
  PieController,
  PointElement,
  ScatterController,
  Tooltip,
} from 'chart.js'
import { useTheme } from '@mui/material/styles'
import { useEffect, useRef } from 'react'

Chart.register(
  ArcElement,
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  PieController,
  PointElement,
  ScatterController,
  Tooltip,
)

export interface Axis {
  label: string
  unit: string
}

export type PlotType = 'bar' | 'pie' | 'scatter'

export default function Plot<Type extends PlotType>({
  type,
  data,
  label,
  axes,
  height,
}: {
  type: Type
  data: ChartData<Type>
  label: string
  axes?: { x: Axis; y: Axis }
  height: number
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const chart = useRef<Chart<Type>>(null)
  const { tokens } = useTheme()
  const newest = useRef(data)
  const x = axes && titled(axes.x)
  const y = axes && titled(axes.y)
  useEffect(() => {
    if (canvas.current === null) return undefined
    const scale = (text: string | undefined) => ({
      title: { display: text !== '', text, color: tokens.dim },
      grid: { color: `${tokens.line}66` },
      border: { color: tokens.line },
      ticks: { color: tokens.dim, maxRotation: 0 },
    })
    const options: ChartOptions = {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      font: { family: "'Inter Variable', sans-serif", size: 12 },
      plugins: {
        legend: { display: false },
        tooltip: {
          backgroundColor: tokens.raised,
          borderColor: tokens.line,
          borderWidth: 1,
          titleColor: tokens.text,
          bodyColor: tokens.text,
        },
      },
      ...(x !== undefined && { scales: { x: scale(x), y: scale(y) } }),
    }
    const made = new Chart<Type>(canvas.current, {
      type,
      data: newest.current,
      options: options as ChartOptions<Type>,
    })
    chart.current = made
    return () => {
      chart.current = null
      made.destroy()
    }
  }, [type, tokens, x, y])
  useEffect(() => {
    newest.current = data
    if (chart.current === null || chart.current.data === data) return
    chart.current.data = data
    chart.current.update('none')
  }, [data])
  return (
    <div style={{ height, position: 'relative' }}>
      <canvas ref={canvas} role="img" aria-label={label} />
    </div>
  )
}

const titled = ({ label, unit }: Axis): string =>
  unit === '' ? label : label === '' ? unit : `${label} (${unit})`
