import { memo, useEffect, useRef } from 'react'
import { assetColour } from '@/shared/theme'
import type { Cloud as Portfolios } from './picture'
import type { Scale } from './scale'

type Rgb = readonly [number, number, number]

const DOT_PX = 1.3
const WIDE_PX = 700

/** Any colour of CSS as red, green and blue. */
function rgbOf(colour: string, context: CanvasRenderingContext2D): Rgb {
  context.fillStyle = colour // a canvas tells any colour as #rrggbb
  const hex = parseInt(context.fillStyle.slice(1), 16)
  return [hex >> 16, (hex >> 8) & 255, hex & 255]
}

/** Random portfolios, each in the colours of what it holds: drawn once for a size and a theme. */
export const Cloud = memo(function Cloud({
  cloud,
  currencies,
  x,
  y,
  width,
  height,
  opacity,
}: {
  cloud: Portfolios
  currencies: readonly string[]
  x: Scale
  y: Scale
  width: number
  height: number
  opacity: number
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const found = canvas.current
    const context = found?.getContext('2d') ?? null
    if (found === null || context === null) return
    const ratio = window.devicePixelRatio
    found.width = Math.round(width * ratio)
    found.height = Math.round(height * ratio)
    const colours = currencies.map((currency) => rgbOf(assetColour(currency), context))
    context.scale(ratio, ratio)
    context.globalAlpha = opacity
    const { risks, gains, weights } = cloud
    const n = currencies.length
    const dot = DOT_PX * Math.min(1, Math.max(0.6, width / WIDE_PX))
    for (let row = 0; row < risks.length; row += 1) {
      let [red, green, blue, total] = [0, 0, 0, 0]
      for (let each = 0; each < n; each += 1) {
        // Squared, so that what a mix holds most of shows.
        const share = (weights[row * n + each] ?? 0) ** 2
        const [r, g, b] = colours[each] ?? [0, 0, 0]
        red += share * r
        green += share * g
        blue += share * b
        total += share
      }
      context.fillStyle = `rgb(${Math.round(red / total)},${Math.round(green / total)},${Math.round(blue / total)})`
      context.beginPath()
      context.arc(x.to(risks[row] ?? 0), y.to(gains[row] ?? 0), dot, 0, 2 * Math.PI)
      context.fill()
    }
  }, [cloud, currencies, x, y, width, height, opacity])
  return (
    <canvas
      ref={canvas}
      aria-hidden
      style={{ position: 'absolute', inset: 0, width, height, pointerEvents: 'none' }}
    />
  )
})
