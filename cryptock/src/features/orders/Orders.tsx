import Add from '@mui/icons-material/Add'
import Download from '@mui/icons-material/Download'
import { Box, Button, Chip, Drawer, Menu, MenuItem } from '@mui/material'
import { useDeferredValue, useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { selectCanTrade } from '@/shared/api/session'
import type { Order } from '@/shared/api/wire'
import { ROWS_MAX, useGetOrdersQuery } from '@/shared/api/xwrap'
import { download } from '@/shared/csv'
import { count, pairName, wireTime } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { selectOrders } from '@/shared/live/orders'
import { useAllPages } from '@/shared/live/pages'
import { OrderState, OrderStory } from '@/shared/orders/OrderStory'
import { Ago, Card, Empty, ErrorNote, Num, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { ordersCsv } from './csv'
import { NewOrder } from './NewOrder'
import { choices, type Filter, filtered } from './state'

const COLUMNS: Column<Order>[] = [
  { name: 'When', width: '88px', cell: (order) => <Ago at={wireTime(order.created_at)} /> },
  { name: 'State', width: '148px', cell: (order) => <OrderState order={order} /> },
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
  const [older, setOlder] = useState(false)
  const read = useAllPages('orders', older)
  useAllPages('trades', older) // for the story of each
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
            {older && !read.done && ', reading older ones …'}
          </Box>
        </>
      }
      action={
        <>
          {all.length >= ROWS_MAX && !older && (
            <Button onClick={() => setOlder(true)}>Read older orders</Button>
          )}
          <Button
            startIcon={<Download />}
            disabled={orders.length === 0}
            onClick={() => download('orders.csv', [ordersCsv(orders)])}
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
          {(anchor === null ? [] : choices(all))
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
      <ErrorNote error={read.error} retry={read.retry} />
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
      <Drawer
        anchor="right"
        slotProps={{ paper: { 'aria-label': 'Story of the order' } }}
        open={openId !== null}
        onClose={() => setOpenId(null)}
      >
        {openId !== null && <OrderStory id={openId} onClose={() => setOpenId(null)} />}
      </Drawer>
    </Card>
  )
}
