'use strict'
// What the scripts of all pages share.
const lib = LightweightCharts
const data = JSON.parse(document.getElementById('data').textContent)
const byId = (id) => document.getElementById(id)
const dark = matchMedia('(prefers-color-scheme: dark)')
const GAIN = '#2a9d8f'
const LOSS = '#e76f51'
const HOLD = '#9a9a94'
const charts = []

const number = (value, digits) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
const axis = (value) => number(value, Math.abs(value) < 1000 ? 2 : 0)
const percent = (value) => `${number(value * 100, 1)}%`
const utc = (time) => new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' ')

const theme = (isDark) => ({
  layout: {
    background: { type: 'solid', color: 'transparent' },
    textColor: isDark ? '#a0a4a9' : '#62666b',
    panes: { separatorColor: isDark ? '#33373c' : '#e3e3de' },
  },
  grid: {
    vertLines: { color: isDark ? '#272a2f' : '#f0f0ec' },
    horzLines: { color: isDark ? '#272a2f' : '#f0f0ec' },
  },
  rightPriceScale: { borderColor: isDark ? '#33373c' : '#e3e3de' },
  timeScale: { borderColor: isDark ? '#33373c' : '#e3e3de' },
})
const paint = (isDark) => charts.forEach((chart) => chart.applyOptions(theme(isDark)))

const newChart = (element, options) => {
  const chart = lib.createChart(element, {
    autoSize: true,
    localization: { locale: 'en-US', timeFormatter: utc },
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.01 },
    crosshair: { mode: lib.CrosshairMode.Magnet },
    ...options,
  })
  chart.applyOptions(theme(dark.matches))
  charts.push(chart)
  return chart
}

const legend = (element, entries) => {
  element.replaceChildren(
    ...entries.map(([name, text, color]) => {
      const entry = document.createElement('span')
      if (color) {
        const swatch = document.createElement('i')
        swatch.style.background = color
        entry.append(swatch)
      }
      entry.append(text ? `${name} ${text}` : name)
      return entry
    }),
  )
}

dark.addEventListener('change', ({ matches }) => paint(matches))
addEventListener('beforeprint', () => paint(false))
addEventListener('afterprint', () => paint(dark.matches))
