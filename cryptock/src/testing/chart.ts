/** Stands in for lightweight-charts and notes what it was given to draw. */
export const drawn: unknown[][] = []

export const resetChart = (): void => {
  drawn.length = 0
}

const series = () => ({
  setData: (data: unknown[]) => drawn.push(data),
  update: (datum: unknown) => drawn.push([datum]),
  applyOptions: () => undefined,
  priceScale: () => ({ applyOptions: () => undefined }),
})

export const chart = {
  ColorType: { Solid: 'solid' },
  CandlestickSeries: 'candles',
  HistogramSeries: 'histogram',
  AreaSeries: 'area',
  LineSeries: 'line',
  createSeriesMarkers: () => ({
    setMarkers: (markers: unknown[]) => drawn.push(markers),
    detach: () => undefined,
  }),
  createChart: () => ({
    addSeries: series,
    removeSeries: () => undefined,
    remove: () => undefined,
    timeScale: () => ({ fitContent: () => undefined }),
  }),
}
