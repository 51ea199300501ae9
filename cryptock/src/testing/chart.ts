/** Stands in for lightweight-charts and notes what it was given to draw. */
export const drawn: unknown[][] = []

export const resetChart = (): void => {
  drawn.length = 0
}

const series = () => ({
  setData: (data: unknown[]) => drawn.push(data),
  applyOptions: () => undefined,
  priceScale: () => ({ applyOptions: () => undefined }),
})

export const chart = {
  ColorType: { Solid: 'solid' },
  CandlestickSeries: 'candles',
  HistogramSeries: 'histogram',
  AreaSeries: 'area',
  createChart: () => ({
    addSeries: series,
    removeSeries: () => undefined,
    remove: () => undefined,
    timeScale: () => ({ fitContent: () => undefined }),
  }),
}
