/** Orders of the run as they fill: each once, as it is now. */
import { Box } from '@mui/material'
import { memo, useMemo } from 'react'
import { add, type Amount, amount, isZero, share, ZERO } from '@/shared/amount'
import type { Cell, ComponentFormat } from '@/shared/api/runs'
import { baseOf, count, quoteOf, wireTime } from '@/shared/format'
import { type Column, Table } from '@/shared/ui/Table'
import { Ago, Card, Empty, Num, Word } from '@/shared/ui/parts'

interface Order {
  oid: string
  at: number
  exchange: string
  pair: string
  side: string
  size: Amount
  filled: Amount
  price: Amount | null
  fee: Amount
  status: string
  reason: string
  message: string
}

/** The newest state of each order, newest first. */
export function readOrders(format: ComponentFormat, rows: readonly (readonly Cell[])[]): Order[] {
  const columns = new Map(format.columns.map(({ name }, index) => [name, index]))
  const orders = new Map<string, Order>()
  for (const row of rows) {
    const cell = (name: string) => row[columns.get(name) ?? -1] ?? null
    const text = (name: string) => String(cell(name) ?? '')
    const exact = (name: string) => (text(name) === '' ? null : amount(text(name)))
    const oid = text('client_oid')
    const before = orders.get(oid)
    if (text('event') === 'fill') {
      if (before !== undefined) before.fee = add(before.fee, exact('fee') ?? ZERO)
      continue
    }
    orders.set(oid, {
      oid,
      at: before?.at ?? wireTime(text('time')),
      exchange: text('exchange'),
      pair: text('pair'),
      side: text('side'),
      size: exact('size') ?? ZERO,
      filled: exact('filled_size') ?? ZERO,
      price: exact('avg_price'),
      fee: before?.fee ?? ZERO,
      status: text('status'),
      reason: text('done_reason'),
      message: text('message'),
    })
  }
  return [...orders.values()].reverse()
}

const COLUMNS: readonly Column<Order>[] = [
  { name: 'Sent', width: '76px', cell: ({ at }) => <Ago at={at} /> },
  {
    name: 'Order',
    width: 'minmax(96px, 1fr)',
    cell: ({ side, pair, exchange }) => (
      <>
        <Word tone={side === 'buy' ? 'good' : 'bad'}>{side}</Word> {baseOf(pair)}{' '}
        <Box component="span" sx={{ color: 'text.secondary' }}>
          {exchange}
        </Box>
      </>
    ),
  },
  {
    name: 'Size',
    width: '108px',
    number: true,
    cell: ({ size }) => <Num value={size} digits={{ max: 8 }} />,
  },
  {
    name: 'Average price',
    width: '108px',
    number: true,
    cell: ({ price }) => (price === null ? '' : <Num value={price} digits={{ max: 2, min: 2 }} />),
  },
  {
    name: 'Fee',
    width: '64px',
    number: true,
    cell: ({ fee }) => <Num value={fee} digits={{ max: 2, min: 2 }} />,
  },
  { name: 'State', width: '92px', cell: (order) => <State order={order} /> },
]

function State({ order: { size, filled, status, reason, message } }: { order: Order }) {
  const part = Math.floor(share(filled, size) * 100)
  if (status !== 'done')
    return <Word tone="accent">{isZero(filled) ? 'open' : `${part} % filled`}</Word>
  if (reason === 'filled') return <Word tone="good">filled</Word>
  return (
    <span title={message}>
      <Word tone={reason === 'rejected' ? 'bad' : 'dim'}>
        {isZero(filled) ? reason : `${part} % filled`}
      </Word>
    </span>
  )
}

export const RunOrders = memo(function RunOrders({
  format,
  rows,
}: {
  format: ComponentFormat
  rows: Cell[][]
}) {
  const orders = useMemo(() => readOrders(format, rows), [format, rows])
  const quote = orders[0] ? quoteOf(orders[0].pair) : ''
  return (
    <Card
      title="Orders of this run"
      action={
        orders.length > 0 && (
          <Box component="span" sx={{ fontSize: 13, color: 'text.secondary' }}>
            {count(orders.length, 'order')}, in {quote}
          </Box>
        )
      }
    >
      {orders.length === 0 ? (
        <Empty text="None yet: what you confirm is listed here as it fills." />
      ) : (
        <Table
          label="Orders of this run"
          columns={COLUMNS}
          rows={orders}
          keyOf={({ oid }) => oid}
          height="300px"
        />
      )}
    </Card>
  )
})
