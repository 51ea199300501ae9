/** The whole story of an order: what was asked, what became of it, its trades. */
import { Box, Button, Typography } from '@mui/material'
import { type ReactNode, useState } from 'react'
import { selectCanTrade } from '../api/session'
import { useCancelOrderMutation } from '../api/xwrap'
import { baseOf, grouped, pairName, quoteOf, wireTime } from '../format'
import { useAppSelector } from '../hooks'
import { Ago, Confirm, ErrorNote, Num, Word } from '../ui/parts'
import { Table } from '../ui/Table'
import { stateOf, type ToldOrder, type ToldTrade } from './state'

type Fact = [string, ReactNode]

export function OrderState({ order }: { order: Parameters<typeof stateOf>[0] }) {
  const { word, tone } = stateOf(order)
  return <Word tone={tone}>{word}</Word>
}

export function OrderStory({
  order,
  trades,
  runId,
  cancellable = false,
  children,
  onClose,
}: {
  order: ToldOrder
  trades: readonly ToldTrade[]
  runId: string
  cancellable?: boolean
  /** What led to it. */
  children?: ReactNode
  onClose: () => void
}) {
  const mayTrade = useAppSelector(selectCanTrade)
  const [asking, setAsking] = useState(false)
  const [cancel, { isLoading, error }] = useCancelOrderMutation()
  const [base, quote] = [baseOf(order.pair), quoteOf(order.pair)]
  const facts: Fact[] = [
    ['Pair', pairName(order.pair)],
    ['State', <OrderState key="s" order={order} />],
    ['Type', order.type],
    ['Size', `${grouped(order.size)} ${base}`],
    [
      'Limit',
      order.limit === null || order.type === 'market'
        ? 'market'
        : `${grouped(order.limit)} ${quote}`,
    ],
    [
      'Filled',
      <>
        <Num value={order.filled_size} /> {base}
      </>,
    ],
    [
      'Average price',
      <>
        <Num value={order.avg_price} /> {quote}
      </>,
    ],
    ...(order.fee === null
      ? []
      : [
          [
            'Fee',
            <>
              <Num value={order.fee} /> {quote}
            </>,
          ] as Fact,
        ]),
    ['Made', <Ago key="m" at={wireTime(order.created_at)} />],
    ...(order.last_updated_at === null
      ? []
      : [['Changed', <Ago key="c" at={wireTime(order.last_updated_at)} />] as Fact]),
    ['For', runId],
    ['Id', <code key="i">{order.client_order_id}</code>],
    ...(order.message ? [['Message', order.message] as Fact] : []),
  ]
  const doCancel = async () => {
    const answer = await cancel({
      exchange: order.exchange,
      client_order_id: order.client_order_id,
    })
    if (answer.error === undefined) setAsking(false)
  }
  return (
    <Box sx={{ width: { xs: '100vw', sm: 440 }, p: 4 }}>
      <Typography variant="h1" sx={{ mb: 3 }}>
        {order.side === 'buy' ? 'Buy' : 'Sell'} {grouped(order.size)} {base} on {order.exchange}
      </Typography>
      <Box
        component="dl"
        sx={{
          display: 'grid',
          gridTemplateColumns: '120px 1fr',
          rowGap: 2,
          fontSize: 13,
          m: 0,
          '& dd': { m: 0, overflowWrap: 'anywhere' },
          '& dt': { color: 'text.secondary' },
        }}
      >
        {facts.map(([name, value]) => (
          <Box key={name} sx={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Box>
        ))}
      </Box>
      <Typography variant="h2" sx={{ mt: 5, mb: 2 }}>
        Trades
      </Typography>
      {trades.length === 0 ? (
        <Typography variant="body2" color="textSecondary">
          None yet.
        </Typography>
      ) : (
        <Table
          label="Trades of this order"
          rows={trades}
          keyOf={({ key }) => key}
          columns={[
            { name: 'When', width: '80px', cell: (trade) => <Ago at={wireTime(trade.time)} /> },
            {
              name: base,
              width: '1fr',
              number: true,
              cell: (trade) => <Num value={trade.exec_amount} />,
            },
            {
              name: quote,
              width: '1fr',
              number: true,
              cell: (trade) => <Num value={trade.exec_price} />,
            },
            {
              name: 'Fee',
              width: '1fr',
              number: true,
              cell: (trade) => <Num value={trade.fee} digits={{ max: 4 }} />,
            },
            {
              name: 'Role',
              width: '48px',
              cell: (trade) => (trade.maker ? 'maker' : 'taker'),
            },
          ]}
        />
      )}
      {children}
      <Box sx={{ display: 'flex', gap: 2, mt: 5 }}>
        {cancellable && order.status !== 'done' && (
          <Button
            variant="outlined"
            color="error"
            disabled={!mayTrade}
            onClick={() => setAsking(true)}
          >
            Cancel this order
          </Button>
        )}
        <Button color="inherit" onClick={onClose}>
          Close
        </Button>
      </Box>
      <Confirm
        open={asking}
        title="Cancel this order?"
        verb="Cancel the order"
        danger
        busy={isLoading}
        disabled={order.status === 'done'}
        onConfirm={() => void doCancel()}
        onClose={() => setAsking(false)}
      >
        <Typography>
          {order.status === 'done'
            ? 'It is done already.'
            : `${grouped(order.size)} ${base} on ${order.exchange}, of which ${grouped(order.filled_size)} ${base} are filled. What is left is cancelled; it may still fill until that arrives.`}
        </Typography>
        <ErrorNote error={error} effect="cancel" />
      </Confirm>
    </Box>
  )
}
