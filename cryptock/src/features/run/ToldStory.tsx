/** The story of an order that no exchange has: what was asked, what became of it, its trades. */
import { Box, Button, Typography } from '@mui/material'
import type { ReactNode } from 'react'
import { baseOf, grouped, quoteOf, utc, wireTime } from '@/shared/format'
import { Messages } from '@/shared/hub/Messages'
import { OrderState } from '@/shared/orders/OrderStory'
import type { ToldOrder, ToldTrade } from '@/shared/orders/told'
import { Num } from '@/shared/ui/parts'
import { Table } from '@/shared/ui/Table'

export function ToldStory({
  order,
  trades,
  runId,
  onClose,
}: {
  order: ToldOrder
  trades: readonly ToldTrade[]
  runId: string
  onClose: () => void
}) {
  const [base, quote] = [baseOf(order.pair), quoteOf(order.pair)]
  const facts: [string, ReactNode][] = [
    ['State', <OrderState key="s" order={order} />],
    ['Type', order.type],
    ['Size', `${grouped(order.size)} ${base}`],
    ['Limit', order.limit === null ? 'market' : `${grouped(order.limit)} ${quote}`],
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
    ['Made', utc(wireTime(order.created_at))],
    ['Done', order.last_updated_at === null ? '' : utc(wireTime(order.last_updated_at))],
    ['Id', <code key="i">{order.client_order_id}</code>],
    ['Message', order.message],
  ]
  return (
    <Box sx={{ width: { xs: '100vw', sm: 480 }, p: 4 }}>
      <Typography variant="h1" component="h2" sx={{ mb: 3 }}>
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
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <Box key={name} sx={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </Box>
          ))}
      </Box>
      <Typography variant="h2" component="h3" sx={{ mt: 5, mb: 2 }}>
        Trades
      </Typography>
      {trades.length === 0 ? (
        <Typography variant="body2" color="textSecondary">
          None.
        </Typography>
      ) : (
        <Table
          label="Trades of this order"
          rows={trades}
          keyOf={({ key }) => key}
          columns={[
            {
              name: 'UTC',
              width: '76px',
              cell: ({ time }) => utc(wireTime(time)).slice(11, 19),
            },
            {
              name: base,
              width: 'minmax(72px, 1fr)',
              number: true,
              cell: (trade) => <Num value={trade.exec_amount} />,
            },
            {
              name: quote,
              width: 'minmax(72px, 1fr)',
              number: true,
              cell: (trade) => <Num value={trade.exec_price} />,
            },
            {
              name: 'Fee',
              width: 'minmax(72px, 1fr)',
              number: true,
              cell: (trade) => <Num value={trade.fee} digits={{ max: 4 }} />,
            },
            { name: 'Role', width: '48px', cell: ({ maker }) => (maker ? 'maker' : 'taker') },
          ]}
        />
      )}
      <Typography variant="h2" component="h3" sx={{ mt: 5, mb: 2 }}>
        What the hub heard of it
      </Typography>
      <Messages runId={runId} text={order.client_order_id} height="240px" />
      <Button color="inherit" onClick={onClose} sx={{ mt: 5 }}>
        Close
      </Button>
    </Box>
  )
}
