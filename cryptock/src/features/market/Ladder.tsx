import { Box } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import visuallyHidden from '@mui/utils/visuallyHidden'
import { useMemo } from 'react'
import { type Amount, middle, share, subtract } from '@/shared/amount'
import { baseOf, digitsOf, grouped, quoteOf } from '@/shared/format'
import { useAppSelector, useTopic } from '@/shared/hooks'
import { useFreshness } from '@/shared/live/freshness'
import { selectBook } from '@/shared/live/market'
import { selectOpen } from '@/shared/live/orders'
import { Card, Empty } from '@/shared/ui/parts'
import { cumulate, outline, scaleOf, type Step } from './depth'

const ROWS = 10
const DEPTH = 150
const [WIDTH, HEIGHT] = [400, 96]

/** Depth chart and ladder of one pair, with one's own orders in them. */
export function Ladder({ exchange, pair, tick }: { exchange: string; pair: string; tick: Amount }) {
  useTopic('book', exchange, pair)
  const { tokens } = useTheme()
  const book = useAppSelector((state) => selectBook(state, exchange, pair))
  const orders = useAppSelector(selectOpen)
  const { fresh, why } = useFreshness(exchange, pair)
  const own = useMemo(
    () =>
      new Set(
        orders
          .filter(
            (order) =>
              order.exchange === exchange && order.pair === pair && order.type !== 'market',
          )
          .map(({ limit }) => Number(limit)),
      ),
    [orders, exchange, pair],
  )
  if (book === null || book.bids.length === 0 || book.asks.length === 0)
    return (
      <Card title="Book">
        <Empty text={fresh ? 'Waiting for the book …' : `There is no book: ${why}.`} />
      </Card>
    )
  const bids = cumulate(book.bids, DEPTH)
  const asks = cumulate(book.asks, DEPTH)
  const scale = scaleOf(bids, asks)
  const [bid, ask] = [bids[0] as Step, asks[0] as Step]
  const digits = digitsOf(tick)
  const most = [bids[ROWS - 1] ?? bid, asks[ROWS - 1] ?? ask].reduce((a, b) =>
    Number(a.total) > Number(b.total) ? a : b,
  ).total
  const row = (step: Step, side: 'bid' | 'ask') => (
    <Box
      key={step.price}
      role="row"
      sx={{
        display: 'grid',
        gridTemplateColumns: '12px 1fr 1fr 1fr',
        columnGap: 2,
        height: 22,
        alignItems: 'center',
        px: 1,
        '& > *': { textAlign: 'right' },
      }}
      // Not a class: there would be another one for each of so many lengths.
      style={{
        background: `linear-gradient(to left, ${tokens[side === 'bid' ? 'gain' : 'loss']}22 ${share(step.total, most) * 100}%, transparent 0)`,
      }}
    >
      <Box
        role="cell"
        title={own.has(Number(step.price)) ? 'your order' : undefined}
        sx={{ color: 'primary.main' }}
      >
        {own.has(Number(step.price)) ? '●' : ''}
      </Box>
      <Box role="cell" sx={{ color: (t) => (side === 'bid' ? t.tokens.gain : t.tokens.loss) }}>
        {grouped(step.price, { min: digits })}
      </Box>
      <Box role="cell">{grouped(step.size, { max: 4, min: 4 })}</Box>
      <Box role="cell" sx={{ color: 'text.secondary' }}>
        {grouped(step.total, { max: 4, min: 4 })}
      </Box>
    </Box>
  )
  return (
    <Card title={`Book of ${exchange}`} sx={{ opacity: fresh ? 1 : 0.5 }}>
      {scale && (
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          width="100%"
          height={HEIGHT}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Depth of the book around ${grouped(middle(bid.price, ask.price), { max: digits })} ${quoteOf(pair)}`}
        >
          <path
            d={outline(bids, 'bids', scale, WIDTH, HEIGHT)}
            fill={`${tokens.gain}33`}
            stroke={tokens.gain}
            vectorEffect="non-scaling-stroke"
          />
          <path
            d={outline(asks, 'asks', scale, WIDTH, HEIGHT)}
            fill={`${tokens.loss}33`}
            stroke={tokens.loss}
            vectorEffect="non-scaling-stroke"
          />
          {[...own].map((price) => {
            const x = WIDTH / 2 + ((price - scale.middle) / scale.reach) * (WIDTH / 2)
            return x < 0 || x > WIDTH ? null : (
              <line
                key={price}
                x1={x}
                x2={x}
                y1={0}
                y2={HEIGHT}
                stroke={tokens.accent}
                strokeDasharray="3 3"
                vectorEffect="non-scaling-stroke"
              />
            )
          })}
        </svg>
      )}
      <Box
        role="table"
        aria-label="Best prices"
        sx={{ fontSize: 12, fontFamily: (t) => t.numbers, mt: 2 }}
      >
        <Box
          role="row"
          sx={{
            display: 'grid',
            gridTemplateColumns: '12px 1fr 1fr 1fr',
            columnGap: 2,
            px: 1,
            color: 'text.secondary',
            '& > *': { textAlign: 'right' },
          }}
        >
          <Box role="columnheader">
            <span style={visuallyHidden}>own orders</span>
          </Box>
          <span role="columnheader">{quoteOf(pair)}</span>
          <span role="columnheader">{baseOf(pair)}</span>
          <span role="columnheader">sum</span>
        </Box>
        {asks
          .slice(0, ROWS)
          .reverse()
          .map((step) => row(step, 'ask'))}
        <Box
          role="row"
          sx={{ px: 1, py: 1, color: 'text.secondary', borderBlock: 1, borderColor: 'divider' }}
        >
          <Box role="cell" aria-colspan={4}>
            spread {grouped(subtract(ask.price, bid.price), { min: digits })} {quoteOf(pair)}
          </Box>
        </Box>
        {bids.slice(0, ROWS).map((step) => row(step, 'bid'))}
      </Box>
    </Card>
  )
}
