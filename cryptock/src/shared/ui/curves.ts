/** Colours of curves, bars and slices that have no colour of their own. */
import type { Theme } from '@mui/material/styles'

/** Told apart also by who sees no difference of red and green (after Okabe and Ito), on either surface. */
const COLOURS = {
  dark: ['#5b9bf8', '#e69f00', '#2fc4a0', '#cc79a7', '#b9a3ff', '#e0dc5c', '#ff8a5c', '#9aa7b5'],
  light: ['#1d62d6', '#b87700', '#007d5f', '#a8497f', '#6d3fd4', '#857f00', '#c04a16', '#5a6472'],
} as const

export const curveColours = ({ palette }: Theme): readonly string[] => COLOURS[palette.mode]
