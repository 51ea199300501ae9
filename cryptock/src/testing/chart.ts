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
  LineStyle: { Solid: 0, Dotted: 1, Dashed: 2, LargeDashed: 3 },
  createSeriesMarkers: () => ({
    setMarkers: (markers: unknown[]) => drawn.push(markers),
    detach: () => undefined,
  }),
  createChart: () => ({
    addSeries: series,
    removeSeries: () => undefined,
    applyOptions: () => undefined,
    panes: () => [],
    subscribeCrosshairMove: () => undefined,
    unsubscribeCrosshairMove: () => undefined,
    remove: () => undefined,
    timeScale: () => ({ fitContent: () => undefined }),
  }),
}
