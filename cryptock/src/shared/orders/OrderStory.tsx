/** The whole story of an order: what it was to do, its fills, what they moved, and what caused it. */
import { Box, Button, Link, Typography } from '@mui/material'
import { type ReactNode, useState } from 'react'
import { Link as RouterLink } from 'react-router'
import { useGetMessagesQuery, useGetRunsQuery } from '../api/cryptick'
import { asProblem } from '../api/problem'
import type { HubMessage } from '../api/runs'
import { selectCanTrade } from '../api/session'
import type { Order, Trade } from '../api/wire'
import { useCancelOrderMutation, useGetMovementsQuery } from '../api/xwrap'
import { baseOf, grouped, pairName, quoteOf, wireTime } from '../format'
import { useAppSelector } from '../hooks'
import { selectOrder, selectTradesOf } from '../live/orders'
import { LEDGER } from '../wallets/ledger'
import { Ago, Confirm, ErrorNote, Num, Word } from '../ui/parts'
import { type Column, Table } from '../ui/Table'
import { stateOf } from './state'

export function OrderState({ order }: { order: Parameters<typeof stateOf>[0] }) {
  const { word, tone } = stateOf(order)
  return <Word tone={tone}>{word}</Word>
}

export function OrderStory({ id, onClose }: { id: number; onClose: () => void }) {
  const order = useAppSelector((state) => selectOrder(state, id))
  const trades = useAppSelector((state) => selectTradesOf(state, id))
  const mayTrade = useAppSelector(selectCanTrade)
  const { data: runs = [] } = useGetRunsQuery()
  const [asking, setAsking] = useState(false)
  const [cancel, { isLoading, error }] = useCancelOrderMutation()
  if (order === undefined)
    return (
      <Sheet title="This order" onClose={onClose}>
        <Typography variant="body2">It has not been read yet.</Typography>
      </Sheet>
    )
  const [base, quote] = [baseOf(order.pair), quoteOf(order.pair)]
  const run = runs.find(({ run_id }) => run_id === order.run_id)
  const facts: [string, ReactNode][] = [
    ['State', <OrderState key="s" order={order} />],
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
    [
      'For',
      run === undefined ? (
        order.run_id
      ) : (
        <>
          <Link component={RouterLink} to={`/runs/${run.run_id}`}>
            {run.run_id}
          </Link>
          , {run.strategy}
        </>
      ),
    ],
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
    <Sheet
      title={`${order.side === 'buy' ? 'Buy' : 'Sell'} ${grouped(order.size)} ${base} on ${order.exchange}`}
      onClose={onClose}
      action={
        order.status !== 'done' && (
          <Button
            variant="outlined"
            color="error"
            disabled={!mayTrade}
            onClick={() => setAsking(true)}
          >
            Cancel this order
          </Button>
        )
      }
    >
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
      <Chapter title="Trades">
        {trades.length === 0 ? (
          'None yet.'
        ) : (
          <Table
            label="Trades of this order"
            rows={trades}
            keyOf={(trade) => trade.id}
            columns={tradeColumns(base, quote)}
          />
        )}
      </Chapter>
      <Ledger order={order} />
      {run !== undefined && <Cause runId={run.run_id} clientOid={order.client_order_id} />}
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
    </Sheet>
  )
}

function Sheet({
  title,
  action,
  children,
  onClose,
}: {
  title: string
  action?: ReactNode
  children: ReactNode
  onClose: () => void
}) {
  return (
    <Box sx={{ width: { xs: '100vw', sm: 560 }, p: 4 }}>
      <Typography variant="h1" component="h2" sx={{ mb: 3 }}>
        {title}
      </Typography>
      {children}
      <Box sx={{ display: 'flex', gap: 2, mt: 5 }}>
        {action}
        <Button color="inherit" onClick={onClose}>
          Close
        </Button>
      </Box>
    </Box>
  )
}

function Chapter({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <Typography variant="h2" component="h3" sx={{ mt: 5, mb: 2 }}>
        {title}
      </Typography>
      <Typography component="div" variant="body2" color="textSecondary">
        {children}
      </Typography>
    </>
  )
}

function tradeColumns(base: string, quote: string): Column<Trade>[] {
  const number = (name: string, cell: Column<Trade>['cell']): Column<Trade> => ({
    name,
    width: 'minmax(72px, 1fr)',
    number: true,
    cell,
  })
  return [
    { name: 'When', width: '80px', cell: (trade) => <Ago at={wireTime(trade.time)} /> },
    number(base, (trade) => <Num value={trade.exec_amount} />),
    number(quote, (trade) => <Num value={trade.exec_price} />),
    number('Fee', (trade) => <Num value={trade.fee} digits={{ max: 4 }} />),
  ]
}

/** What the order moved in the wallets of its run. */
function Ledger({ order }: { order: Order }) {
  const { data, error } = useGetMovementsQuery({ order_id: order.id })
  if (error !== undefined && asProblem(error).status === 404) return null // an xWrap that does not tell
  const lines = data?.filter(({ wallet_set_type }) => wallet_set_type === 'logical')
  return (
    <Chapter title="Ledger">
      {error !== undefined ? (
        <ErrorNote error={error} />
      ) : lines === undefined ? (
        'Asking for what it moved …'
      ) : lines.length === 0 ? (
        'It has moved nothing.'
      ) : (
        <Table
          label="Ledger lines of this order"
          rows={lines}
          keyOf={({ id }) => id}
          columns={LEDGER}
          height="320px"
        />
      )}
    </Chapter>
  )
}

/** The message of the run that asked for the order, and what the run had heard just before. */
function Cause({ runId, clientOid }: { runId: string; clientOid: string }) {
  const { data, error } = useGetMessagesQuery({
    runId,
    after: 0,
    limit: 200,
    method: 'exchange.*',
    text: clientOid,
  })
  const [message] = data?.messages ?? []
  return (
    <Chapter title="Cause">
      {error !== undefined ? (
        <ErrorNote error={error} />
      ) : data === undefined ? (
        'Asking for the message …'
      ) : message === undefined ? (
        'The run has kept no message about it.'
      ) : (
        <>
          Message {message.sequence} of the run, <code>{message.message.method}</code>,{' '}
          <Ago at={wireTime(message.time)} />
          {afterWhat(message)}.
          <Box
            component="pre"
            tabIndex={0}
            aria-label="The message"
            sx={{ fontSize: 12, overflow: 'auto', m: 0, mt: 2, fontFamily: (t) => t.numbers }}
          >
            {JSON.stringify(message.message, null, 1)}
          </Box>
        </>
      )}
    </Chapter>
  )
}

function afterWhat({ cause }: HubMessage): string {
  if (cause === null) return ''
  if (typeof cause === 'number') return `, because of message ${cause}`
  const { method, exchange, pair } = cause
  const of = [pair && pairName(pair), exchange && `on ${exchange}`].filter(Boolean).join(' ')
  return `, because of ${method}${of && ` of ${of}`}`
}
