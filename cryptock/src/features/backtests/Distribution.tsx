/** How often returns were where. Load it lazily: Chart.js is large. */
import { useTheme } from '@mui/material/styles'
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js'
import { useEffect, useRef } from 'react'
import { count } from '@/shared/format'
import { histogram, type Returns } from './series'
import { gain } from './words'

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip)

const HEIGHT = 220

export default function Distribution({ returns: { unit, values } }: { returns: Returns }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { tokens, typography } = useTheme()
  useEffect(() => {
    if (canvas.current === null) return undefined
    const bins = histogram(values)
    const digits = Math.max(
      0,
      Math.min(4, -Math.floor(Math.log10((bins[0]?.to ?? 1) - (bins[0]?.from ?? 0))) - 2),
    )
    const font = { family: typography.fontFamily ?? '', size: 12 }
    const chart = new Chart(canvas.current, {
      type: 'bar',
      data: {
        labels: bins.map(({ from }) => gain(from, digits)),
        datasets: [
          {
            data: bins.map((bin) => bin.count),
            backgroundColor: bins.map(({ from }) => (from < 0 ? tokens.loss : tokens.gain)),
            barPercentage: 0.95,
            categoryPercentage: 1,
          },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        plugins: {
          legend: { display: false },
          tooltip: {
            displayColors: false,
            callbacks: {
              title: ([item]) => {
                const bin = bins[item?.dataIndex ?? 0]
                return bin ? `${gain(bin.from, digits)} to ${gain(bin.to, digits)}` : ''
              },
              label: ({ dataIndex }) => count(bins[dataIndex]?.count ?? 0, unit),
            },
          },
        },
        scales: {
          x: {
            ticks: { color: tokens.dim, font, maxRotation: 0, autoSkipPadding: 12 },
            grid: { display: false },
            border: { color: tokens.line },
          },
          y: {
            ticks: { color: tokens.dim, font, precision: 0 },
            grid: { color: `${tokens.line}66` },
            border: { display: false },
          },
        },
      },
    })
    return () => chart.destroy()
  }, [values, unit, tokens, typography])
  const losses = values.filter((each) => each < 0).length
  return (
    <div style={{ height: HEIGHT, position: 'relative' }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Returns of ${count(values.length, unit)}: from ${gain(Math.min(...values))} to ${gain(Math.max(...values))}, ${losses} of them losses`}
      />
    </div>
  )
}
