/** Candles, and markers on them. */
import { lazy, useMemo } from 'react'
import { HEIGHT, type Shown } from './Components'
import { Drawn } from './Drawn'
import { candlesOf } from './candlesOf'
import { shownNumber } from './cells'

const CandleChart = lazy(() => import('./CandleChart'))

export function Candles({ format, data }: Shown) {
  const { candles, marks } = useMemo(() => candlesOf(data), [data])
  const last = candles.at(-1)
  const unit = format.axes.y?.unit ?? ''
  const said = last === undefined ? '' : `close ${shownNumber(last.close)} ${unit}`
  return (
    <Drawn format={format} data={data} note={said}>
      <CandleChart
        label={`Candles of ${format.title}: ${said}`}
        candles={candles}
        marks={marks}
        height={HEIGHT}
      />
    </Drawn>
  )
}
