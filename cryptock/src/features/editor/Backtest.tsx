import { MenuItem, TextField, Typography } from '@mui/material'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { typedAmount } from '@/shared/amount'
import { useGetStoredHistoryQuery, useStartRunMutation } from '@/shared/api/cryptick'
import { quoteOf, utc } from '@/shared/format'
import { AmountField, problemOf } from '@/shared/ui/AmountField'
import { Confirm, Empty, ErrorNote } from '@/shared/ui/parts'

/** Try a version on all the history there is of an exchange. */
export function Backtest({
  name,
  version,
  onClose,
}: {
  name: string
  version: number
  onClose: () => void
}) {
  const navigate = useNavigate()
  const { data: history, error } = useGetStoredHistoryQuery()
  const [start, starting] = useStartRunMutation()
  const [requestId] = useState(() => crypto.randomUUID())
  const [amount, setAmount] = useState('10000')
  const [chosen, setChosen] = useState<string | null>(null)
  const candles = history?.candles ?? []
  const exchanges = [...new Set(candles.map(({ exchange }) => exchange))]
  const exchange = chosen ?? exchanges[0] ?? ''
  const of = candles.filter((each) => each.exchange === exchange)
  const quote = of[0] === undefined ? 'USD' : quoteOf(of[0].pair)
  const balance = typedAmount(amount)
  const from = Math.min(...of.map((each) => each.start))
  const to = Math.max(...of.map((each) => each.end))
  const run = async () => {
    if (balance === null || starting.isLoading) return
    const { data } = await start({
      strategy: `${name}@${version}`,
      form: {
        mode: 'backtest',
        balances: [{ exchange, base: quote, balance }],
        label: `version ${version}`,
        request_id: requestId,
      },
    })
    if (data !== undefined) await navigate(`/runs/${data.run_id}`)
  }
  return (
    <Confirm
      open
      title={`Backtest version ${version} of ${name}`}
      verb="Start the backtest"
      busy={starting.isLoading}
      disabled={balance === null || problemOf(balance, {}) !== '' || of.length === 0}
      onClose={onClose}
      onConfirm={() => void run()}
    >
      <ErrorNote error={error ?? starting.error} />
      {history !== undefined && candles.length === 0 ? (
        <Empty text="There are no candles to test on: start xWrap on an exchange, or import some." />
      ) : (
        <>
          <TextField
            select
            fullWidth
            label="Exchange"
            value={exchange}
            onChange={(event) => setChosen(event.target.value)}
            sx={{ my: 2 }}
          >
            {exchanges.map((each) => (
              <MenuItem key={each} value={each}>
                {each}
              </MenuItem>
            ))}
          </TextField>
          <AmountField label="Funds" unit={quote} value={amount} onChange={setAmount} />
          {of.length > 0 && (
            <Typography variant="body2">
              On all its candles, {utc(from * 1000).slice(0, 10)} to {utc(to * 1000).slice(0, 10)},
              with the parameters’ defaults.
            </Typography>
          )}
        </>
      )}
    </Confirm>
  )
}
