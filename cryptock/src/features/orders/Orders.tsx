import Add from '@mui/icons-material/Add'
import Download from '@mui/icons-material/Download'
import { Box, Button, Chip, Drawer, Menu, MenuItem, Typography } from '@mui/material'
import { useDeferredValue, useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { selectCanTrade } from '@/shared/api/session'
import type { Order } from '@/shared/api/wire'
import { useCancelOrderMutation, useGetOrdersQuery } from '@/shared/api/xwrap'
import { baseOf, count, grouped, pairName, quoteOf, wireTime } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { selectOrder, selectOrders, selectTradesOf } from '@/shared/live/orders'
import { Ago, Card, Confirm, Empty, ErrorNote, Num, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { download, ordersCsv } from './csv'
import { NewOrder } from './NewOrder'
import { choices, type Filter, filtered, stateOf } from './state'

const COLUMNS: Column<Order>[] = [
  { name: 'When', width: '88px', cell: (order) => <Ago at={wireTime(order.created_at)} /> },
  { name: 'State', width: '120px', cell: (order) => <State order={order} /> },
  {
    name: 'Side',
    width: '40px',
    cell: (order) => <Word tone={order.side === 'buy' ? 'good' : 'bad'}>{order.side}</Word>,
  },
  { name: 'Pair', width: '84px', cell: (order) => pairName(order.pair) },
  { name: 'Exchange', width: '84px', cell: (order) => order.exchange },
  { name: 'For', width: 'minmax(90px, 1fr)', cell: (order) => order.run_id },
  number('Size', (order) => <Num value={order.size} />),
  number('Filled', (order) => <Num value={order.filled_size} />),
  number('Limit', (order) =>
    order.type === 'market' ? 'market' : <Num value={order.limit} digits={{ min: 2 }} />,
  ),
  number('Average', (order) => <Num value={order.avg_price} digits={{ max: 2, min: 2 }} />),
  number('Fee', (order) => <Num value={order.fee} digits={{ max: 4, min: 4 }} />),
]

function number(name: string, cell: Column<Order>['cell']): Column<Order> {
  return { name, width: 'minmax(100px, 1fr)', number: true, cell }
}

function State({ order }: { order: Order }) {
  const { word, tone } = stateOf(order)
  return <Word tone={tone}>{word}</Word>
}

const nameOf = ({ field, value }: Filter): string =>
  field === 'pair' ? pairName(value) : field === 'run_id' ? `for ${value}` : value

export function Orders() {
  const { error, isLoading, refetch } = useGetOrdersQuery()
  const all = useDeferredValue(useAppSelector(selectOrders))
  const mayTrade = useAppSelector(selectCanTrade)
  const [params, setParams] = useSearchParams()
  const [filters, setFilters] = useState<Filter[]>([])
  const [anchor, setAnchor] = useState<HTMLElement | null>(null)
  const [openId, setOpenId] = useState<number | null>(null)
  const orders = useMemo(() => filtered(all, filters), [all, filters])
  const isNew = params.has('new')
  const setNew = (on: boolean) => setParams(on ? { new: '' } : {}, { replace: true })
  return (
    <Card
      title={
        <>
          Orders{' '}
          <Box component="span" sx={{ color: 'text.secondary', fontWeight: 400 }}>
            {count(orders.length, 'order')}
          </Box>
        </>
      }
      action={
        <>
          <Button
            startIcon={<Download />}
            disabled={orders.length === 0}
            onClick={() => download('orders.csv', ordersCsv(orders), 'text/csv')}
          >
            Export CSV
          </Button>
          <Button
            variant="contained"
            startIcon={<Add />}
            disabled={!mayTrade}
            onClick={() => setNew(true)}
          >
            New order
          </Button>
        </>
      }
    >
      <Box sx={{ display: 'flex', gap: 2, flexWrap: 'wrap', mb: 3 }}>
        {filters.map((filter) => (
          <Chip
            key={`${filter.field}:${filter.value}`}
            size="small"
            label={nameOf(filter)}
            onDelete={() => setFilters(filters.filter((each) => each !== filter))}
          />
        ))}
        <Chip
          size="small"
          variant="outlined"
          label="+ filter"
          onClick={(event) => setAnchor(event.currentTarget)}
        />
        <Menu open={anchor !== null} anchorEl={anchor} onClose={() => setAnchor(null)}>
          {choices(all)
            .filter(
              (each) =>
                !filters.some((known) => known.field === each.field && known.value === each.value),
            )
            .map((each) => (
              <MenuItem
                key={`${each.field}:${each.value}`}
                dense
                onClick={() => {
                  setFilters([...filters, each])
                  setAnchor(null)
                }}
              >
                <Box component="span" sx={{ color: 'text.secondary', mr: 2 }}>
                  {each.field === 'run_id' ? 'for' : each.field}
                </Box>
                {each.field === 'pair' ? pairName(each.value) : each.value}
              </MenuItem>
            ))}
        </Menu>
      </Box>
      <ErrorNote error={error} retry={() => void refetch()} />
      {orders.length > 0 ? (
        <Table
          label="Orders"
          columns={COLUMNS}
          rows={orders}
          keyOf={(order) => order.id}
          height="calc(100dvh - 250px)"
          selected={openId ?? undefined}
          onOpen={(order) => setOpenId(order.id)}
        />
      ) : (
        <Empty
          text={
            isLoading
              ? 'Asking for orders …'
              : filters.length > 0
                ? 'No order fits these filters.'
                : 'There are no orders yet. Those of your runs appear here by themselves.'
          }
        >
          {filters.length > 0 ? (
            <Button onClick={() => setFilters([])}>Show all</Button>
          ) : (
            mayTrade &&
            !isLoading && (
              <Button variant="outlined" onClick={() => setNew(true)}>
                Make one
              </Button>
            )
          )}
        </Empty>
      )}
      <NewOrder key={String(isNew)} open={isNew} onClose={() => setNew(false)} />
      <Drawer anchor="right" open={openId !== null} onClose={() => setOpenId(null)}>
        {openId !== null && <Story id={openId} onClose={() => setOpenId(null)} />}
      </Drawer>
    </Card>
  )
}

/** The whole story of an order. */
function Story({ id, onClose }: { id: number; onClose: () => void }) {
  const order = useAppSelector((state) => selectOrder(state, id))
  const trades = useAppSelector((state) => selectTradesOf(state, id))
  const mayTrade = useAppSelector(selectCanTrade)
  const [asking, setAsking] = useState(false)
  const [cancel, { isLoading, error }] = useCancelOrderMutation()
  if (order === undefined) return null
  const [base, quote] = [baseOf(order.pair), quoteOf(order.pair)]
  const facts: [string, React.ReactNode][] = [
    ['State', <State key="s" order={order} />],
    ['Type', order.type],
    ['Size', `${grouped(order.size)} ${base}`],
    ['Limit', order.type === 'market' ? 'market' : `${grouped(order.limit)} ${quote}`],
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
    [
      'Fee',
      <>
        <Num value={order.fee} /> {quote}
      </>,
    ],
    ['Made', <Ago key="m" at={wireTime(order.created_at)} />],
    ['Changed', <Ago key="c" at={wireTime(order.last_updated_at)} />],
    ['For', order.run_id],
    ['Id', <code key="i">{order.client_order_id}</code>],
    ...(order.message ? [['Message', order.message] as [string, string]] : []),
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
          keyOf={(trade) => trade.id}
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
          ]}
        />
      )}
      <Box sx={{ display: 'flex', gap: 2, mt: 5 }}>
        {order.status !== 'done' && (
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
