/** Colours that all kinds of colour vision tell apart, and dashes for when they are not enough. */
import type { Theme } from '@mui/material/styles'
import type { Scheme } from '@/shared/theme'
import { curveColours } from '@/shared/ui/curves'

/** How SVG draws a dash. */
export const DASHES = ['', '6 4', '2 2', '10 4'] as const

export type Dash = 0 | 1 | 2 | 3

export const CURVES_MAX = 8

/** How the curve of a place is drawn: neither colour nor dash alone is needed to know it again. */
export function look(theme: Theme, index: number): { colour: string; dash: Dash } {
  const colours = curveColours(theme)
  return {
    colour: colours[index % colours.length] ?? theme.tokens.accent,
    dash: (index % DASHES.length) as Dash,
  }
}

type Rgb = readonly [red: number, green: number, blue: number]

// Nine points of the map viridis: even steps of lightness, for every kind of colour vision.
const VIRIDIS: readonly Rgb[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
]

const ENDS: Record<Scheme, { low: Rgb; middle: Rgb; high: Rgb }> = {
  light: { low: [190, 84, 30], middle: [246, 247, 249], high: [25, 94, 190] },
  dark: { low: [240, 140, 90], middle: [38, 45, 55], high: [96, 160, 250] },
}

export interface Shade {
  fill: string
  /** For what is written on it; contrast is 4.5 : 1 or better. */
  ink: string
}

/** The shade of a value between the lowest and the highest; around zero where there are both signs. */
export function shader(values: readonly number[], scheme: Scheme): (value: number) => Shade {
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (low < 0 && high > 0) {
    const reach = Math.max(-low, high)
    const { low: bad, middle, high: good } = ENDS[scheme]
    return (value) =>
      shade(mixed(middle, value < 0 ? bad : good, Math.min(1, Math.abs(value) / reach)))
  }
  return (value) => shade(viridis(high > low ? (value - low) / (high - low) : 0.5))
}

export const isDiverging = (values: readonly number[]): boolean =>
  Math.min(...values) < 0 && Math.max(...values) > 0

function viridis(share: number): Rgb {
  const place = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1)
  const index = Math.min(Math.floor(place), VIRIDIS.length - 2)
  const [from, to] = [VIRIDIS[index], VIRIDIS[index + 1]]
  return from && to ? mixed(from, to, place - index) : [0, 0, 0]
}

/** Even steps for the eye: mixed in OKLab. */
function mixed(from: Rgb, to: Rgb, share: number): Rgb {
  const [a, b] = [toLab(from), toLab(to)]
  const lab = a.map((each, index) => each + ((b[index] ?? each) - each) * share)
  return fromLab(lab as unknown as Rgb)
}

const linear = (channel: number): number => {
  const share = channel / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}

const gamma = (value: number): number => {
  const share = Math.min(1, Math.max(0, value))
  return Math.round(255 * (share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055))
}

function toLab(rgb: Rgb): Rgb {
  const [r, g, b] = rgb.map(linear) as unknown as Rgb
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

function fromLab([lightness, a, b]: Rgb): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ]
}

export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map(linear) as unknown as Rgb
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function shade(rgb: Rgb): Shade {
  // Of black and white one always has 4.58 : 1 or more.
  return { fill: `rgb(${rgb.join(' ')})`, ink: luminance(rgb) > 0.179 ? '#000000' : '#ffffff' }
}
