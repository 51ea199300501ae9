/** What would be traded, in words, before anything is sent. */
import { Alert, Box, Typography } from '@mui/material'
import type { Amount } from '@/shared/amount'
import type { Run } from '@/shared/api/runs'
import { baseOf, count, dollars } from '@/shared/format'
import { Confirm, ErrorNote, Word } from '@/shared/ui/parts'
import { effectWords, orderWords, type PlannedOrder, totals } from './plan'

/** The orders one by one, and all together. */
export function OrderList({
  orders,
  currency,
  label,
}: {
  orders: readonly PlannedOrder[]
  currency: string
  label: string
}) {
  const { turnover, fees } = totals(orders)
  return (
    <>
      <Box component="ol" aria-label={label} sx={{ listStyle: 'none', m: 0, p: 0, fontSize: 13 }}>
        {orders.map((order) => (
          <Box
            component="li"
            key={`${order.exchange}:${order.pair}:${order.side}`}
            sx={{ py: 2, borderBottom: 1, borderColor: 'divider' }}
          >
            <div>
              <Word tone={order.side === 'buy' ? 'good' : 'bad'}>
                {order.side === 'buy' ? '▲' : '▼'}
              </Word>{' '}
              {orderWords(order)}
            </div>
            <Box sx={{ color: 'text.secondary', fontSize: 12, mt: 0.5, pl: 4 }}>
              {effectWords(order)}
            </Box>
          </Box>
        ))}
      </Box>
      <Typography variant="body2" sx={{ mt: 3 }}>
        <strong>{count(orders.length, 'order')}</strong>, turnover{' '}
        <Sum value={turnover} currency={currency} />, fees ≈{' '}
        <Sum value={fees} currency={currency} />
      </Typography>
    </>
  )
}

const Sum = ({ value, currency }: { value: Amount; currency: string }) => (
  <Box component="strong" sx={{ fontFamily: (t) => t.numbers, whiteSpace: 'nowrap' }}>
    {dollars(value)} {currency}
  </Box>
)

/** Asks once, with every order and its amounts, before the preview is traded. */
export function ConfirmPreview({
  run,
  orders,
  asked,
  present,
  currency,
  busy,
  error,
  onConfirm,
  onClose,
}: {
  run: Run
  orders: readonly PlannedOrder[]
  /** The preview that the person looks at; null while nothing is asked. */
  asked: string | null
  /** The one that there is now. */
  present: string
  currency: string
  busy: boolean
  error: unknown
  onConfirm: (press: string) => void
  onClose: () => void
}) {
  const isOther = asked !== null && asked !== present
  const what = count(orders.length, 'order')
  const slices = Number(run.params.slices ?? 1)
  const bases = [...new Set(orders.map(({ pair }) => baseOf(pair)))].join(', ')
  return (
    <Confirm
      open={asked !== null}
      title={isOther ? 'This preview is out of date' : `Trade ${bases}: ${what}?`}
      verb={`Trade ${what}`}
      busy={busy}
      disabled={isOther || orders.length === 0}
      onConfirm={() => asked !== null && onConfirm(asked)}
      onClose={onClose}
    >
      {isOther ? (
        <Alert severity="warning" variant="outlined">
          Prices or the target have changed since you opened it. Nothing was sent: go back and look
          at the new one.
        </Alert>
      ) : (
        <>
          <OrderList orders={orders} currency={currency} label="Orders to confirm" />
          <Typography variant="body2" color="textSecondary" sx={{ mt: 2 }}>
            {slices > 1
              ? `Each is cut into ${slices} parts, ${String(run.params.interval_s)} s apart; what is left is planned anew before each, at the prices of that moment.`
              : 'All of it at once, at the prices of that moment.'}
          </Typography>
          <Typography
            sx={{ mt: 2, fontWeight: 600 }}
            color={run.mode === 'live' ? 'warning' : 'textSecondary'}
            variant="body2"
          >
            {run.mode === 'live' ? 'This is real money.' : 'This is virtual money.'}
          </Typography>
        </>
      )}
      <ErrorNote error={error} effect="order" />
    </Confirm>
  )
}
