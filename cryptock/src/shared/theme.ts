/** The page's one theme: the same names in light and dark. */
import { createTheme, type Theme } from '@mui/material/styles'

export type Scheme = 'light' | 'dark'

const NUMBERS = "'JetBrains Mono Variable', monospace"

const TOKENS = {
  dark: {
    page: '#0f1216',
    card: '#161a20',
    raised: '#1e242c',
    line: '#2a313b',
    text: '#e6e9ee',
    dim: '#98a2b0',
    accent: '#5b9bf8',
    accentHover: '#7fb2fb',
    onAccent: '#0b1220',
    gain: '#3cb8a8',
    loss: '#ee8468',
    warn: '#e0a63a',
    danger: '#f0705c',
    paper: '#35b5a5',
    live: '#f0a92e',
    backtest: '#a78bfa',
  },
  light: {
    page: '#f6f7f9',
    card: '#ffffff',
    raised: '#ffffff',
    line: '#dde1e7',
    text: '#171b21',
    dim: '#5a6472',
    accent: '#1d62d6',
    accentHover: '#174fae',
    onAccent: '#ffffff',
    gain: '#1b7468',
    loss: '#b4431f',
    warn: '#8a5a00',
    danger: '#bb3220',
    paper: '#13766a',
    live: '#9a6200',
    backtest: '#6d3fd4',
  },
} as const

type Tokens = (typeof TOKENS)[Scheme]

declare module '@mui/material/styles' {
  interface Theme {
    tokens: Tokens
    numbers: string
  }
  interface ThemeOptions {
    tokens: Tokens
    numbers: string
  }
}

/** Each asset has its own colour, the same in all charts. */
const ASSETS: Record<string, string> = {
  BTC: '#f2a33a',
  ETH: '#7c8cf8',
  LTC: '#8fa3b8',
  BCH: '#5fbf6a',
  ZEC: '#e3c94b',
  XMR: '#e77a3c',
  XRP: '#58b4d6',
  SOL: '#a56bea',
  ADA: '#3f6fd8',
  DOT: '#e0609f',
  EOS: '#b08d6a',
  DOGE: '#c9b458',
  USD: '#4f9d8f',
  EUR: '#4d86c9',
  USDT: '#46b39d',
}

export function assetColour(currency: string): string {
  const known = ASSETS[currency]
  if (known !== undefined) return known
  let hash = 0
  for (const letter of currency) hash = (hash * 31 + letter.charCodeAt(0)) % 360
  return `hsl(${hash} 45% 55%)`
}

export function makeTheme(scheme: Scheme): Theme {
  const t = TOKENS[scheme]
  const border = `1px solid ${t.line}`
  return createTheme({
    tokens: t,
    numbers: NUMBERS,
    palette: {
      mode: scheme,
      primary: { main: t.accent, dark: t.accentHover, contrastText: t.onAccent },
      error: { main: t.danger },
      warning: { main: t.warn },
      success: { main: t.gain },
      background: { default: t.page, paper: t.card },
      text: { primary: t.text, secondary: t.dim },
      divider: t.line,
      action: { selected: `${t.accent}18`, hover: `${t.accent}0d` },
    },
    spacing: 4,
    shape: { borderRadius: 6 },
    typography: {
      fontFamily: "'Inter Variable', system-ui, sans-serif",
      fontSize: 14,
      h1: { fontSize: 20, fontWeight: 650, lineHeight: 1.4 },
      h2: { fontSize: 14, fontWeight: 650, lineHeight: 1.4 },
      body1: { fontSize: 14, lineHeight: 1.4 },
      body2: { fontSize: 13, lineHeight: 1.4 },
      caption: { fontSize: 12, lineHeight: 1.4 },
      button: { fontSize: 13, fontWeight: 600, textTransform: 'none' },
    },
    transitions: {
      duration: {
        shortest: 120,
        shorter: 120,
        short: 120,
        standard: 120,
        complex: 120,
        enteringScreen: 120,
        leavingScreen: 120,
      },
    },
    components: {
      MuiCssBaseline: {
        styleOverrides: {
          body: { fontFeatureSettings: '"tnum"', fontSize: 14 },
          '#root': { minHeight: '100dvh' },
          ':focus-visible': { outline: `2px solid ${t.accent}`, outlineOffset: 1 },
          '@keyframes flash': {
            from: { backgroundColor: `${t.accent}44` },
            to: { backgroundColor: 'transparent' },
          },
          '@media (prefers-reduced-motion: reduce)': {
            '*, ::before, ::after': {
              animationDuration: '0s !important',
              transitionDuration: '0s !important',
            },
          },
        },
      },
      MuiPaper: {
        defaultProps: { elevation: 0 },
        styleOverrides: { root: { backgroundImage: 'none' } },
      },
      MuiDialog: {
        defaultProps: { fullWidth: true, maxWidth: 'sm' },
        styleOverrides: { paper: { backgroundColor: t.raised, border, borderRadius: 8 } },
      },
      MuiAutocomplete: { styleOverrides: { paper: { backgroundColor: t.raised, border } } },
      MuiDrawer: { styleOverrides: { paper: { backgroundColor: t.raised, borderLeft: border } } },
      MuiDialogTitle: { styleOverrides: { root: { fontSize: 16, fontWeight: 650 } } },
      MuiDialogActions: { styleOverrides: { root: { padding: 16 } } },
      MuiButton: { defaultProps: { disableElevation: true, size: 'small' } },
      MuiButtonBase: { defaultProps: { disableRipple: true } },
      MuiTextField: { defaultProps: { size: 'small', fullWidth: true } },
      MuiTooltip: {
        defaultProps: { enterDelay: 300 },
        styleOverrides: {
          tooltip: { backgroundColor: t.raised, color: t.text, border, fontSize: 12 },
        },
      },
    },
  })
}
