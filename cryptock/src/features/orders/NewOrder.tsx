/** Make an order: fill in, read it in words with its amounts, confirm once. */
import {
  Button,
  Dialog,
  DialogActions,
  DialogContent,
  DialogTitle,
  MenuItem,
  TextField,
  ToggleButton,
  ToggleButtonGroup,
  Typography,
  Box,
} from '@mui/material'
import { useState } from 'react'
import { type Amount, amount, compare, multiply, sign, typedAmount } from '@/shared/amount'
import type { Exchange, NewOrder as Wire, OrderType, Side, WalletSet } from '@/shared/api/wire'
import { useGetExchangesQuery, useGetWalletsQuery, useMakeOrderMutation } from '@/shared/api/xwrap'
import type { Problem } from '@/shared/api/problem'
import { baseOf, dollars, grouped, pairName, quoteOf } from '@/shared/format'
import { useAppSelector, useTopic } from '@/shared/hooks'
import { useFreshness } from '@/shared/live/freshness'
import { selectTicker } from '@/shared/live/market'
import { AmountField, problemOf } from '@/shared/ui/AmountField'
import { Empty, ErrorNote } from '@/shared/ui/parts'

const TYPES: { type: OrderType; name: string }[] = [
  { type: 'limit', name: 'limit, stays until filled or cancelled' },
  { type: 'limit-immediate-cancel', name: 'limit, what does not fill at once is cancelled' },
  { type: 'limit-fill-kill', name: 'limit, all of it at once or nothing' },
  { type: 'market', name: 'market, at the best prices there are' },
]

export function NewOrder({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { data: exchanges } = useGetExchangesQuery(undefined, { skip: !open })
  const { data: wallets } = useGetWalletsQuery(undefined, { skip: !open })
  const sets = wallets?.sets.filter((set) => !set.closing) ?? []
  const [exchange] = exchanges ?? []
  return (
    <Dialog open={open} onClose={onClose} aria-labelledby="new-order">
      <DialogTitle id="new-order">New order</DialogTitle>
      {exchange === undefined || exchanges === undefined ? (
        <Empty text="No exchange is loaded." />
      ) : sets.length === 0 ? (
        <Empty text="Orders are paid from a wallet set, and there is none yet.">
          <Button href="/wallets?new" variant="outlined">
            Allocate funds
          </Button>
        </Empty>
      ) : (
        <Form exchanges={exchanges} sets={sets} onClose={onClose} />
      )}
    </Dialog>
  )
}

function Form({
  exchanges,
  sets,
  onClose,
}: {
  exchanges: Exchange[]
  sets: WalletSet[]
  onClose: () => void
}) {
  const [setId, setSetId] = useState(sets[0]?.id ?? 0)
  const [place, setPlace] = useState(exchanges[0]?.exchange ?? '')
  const venue = exchanges.find(({ exchange }) => exchange === place)
  const [chosen, setPair] = useState('')
  const pair = venue?.pairs.includes(chosen) ? chosen : (venue?.pairs[0] ?? '')
  const [side, setSide] = useState<Side>('buy')
  const [type, setType] = useState<OrderType>('limit')
  const [sizeText, setSize] = useState('')
  const [limitText, setLimit] = useState('')
  const [confirming, setConfirming] = useState(false)
  // One id for one order: however often it is asked for, it is made once.
  const [clientOid, setClientOid] = useState(() => crypto.randomUUID())
  const [make, { isLoading, error, reset }] = useMakeOrderMutation()
  const [refusal, setRefusal] = useState('')

  useTopic('ticker', place, pair)
  const ticker = useAppSelector((state) => selectTicker(state, place, pair))
  const { fresh, why } = useFreshness(place, pair)

  const rules = venue?.increments[pair]
  const isMarket = type === 'market'
  const best = (side === 'buy' ? ticker?.ask : ticker?.bid) ?? null
  const limit = typedAmount(limitText)
  const price = isMarket ? best : limit
  const size = typedAmount(sizeText)
  const set = sets.find(({ id }) => id === setId)
  const spends = side === 'buy' ? quoteOf(pair) : baseOf(pair)
  const available =
    set?.wallets.find((each) => each.exchange === place && each.currency === spends)?.available ??
    amount('0')
  const worth = size !== null && price !== null ? multiply(size, price) : null
  const fee = worth === null || venue === undefined ? null : multiply(worth, venue.fees.taker)
  const problem = check()

  function check(): string {
    if (rules === undefined) return 'This pair is not traded.'
    if (size === null || sign(size) <= 0) return 'Give a size.'
    const wrongSize = problemOf(size, { min: rules.min_order, step: rules.lot_size })
    if (wrongSize) return `Size: ${wrongSize}`
    if (!isMarket) {
      if (limit === null || sign(limit) <= 0) return 'Give a limit.'
      const wrongLimit = problemOf(limit, { step: rules.tick_size })
      if (wrongLimit) return `Limit: ${wrongLimit}`
    }
    if (worth !== null && compare(worth, rules.min_notional) < 0)
      return `It has to be worth at least ${rules.min_notional} ${quoteOf(pair)}.`
    const needed = side === 'sell' ? size : worth
    if (needed !== null && compare(needed, available) > 0)
      return `${set?.run_id ?? 'The wallet set'} has ${grouped(available)} ${spends} available.`
    return ''
  }

  const sentence = size === null ? '' : describe(size)
  function describe(of: Amount): string {
    const what = `${side === 'buy' ? 'Buy' : 'Sell'} ${grouped(of)} ${baseOf(pair)} on ${place}`
    const how = isMarket ? 'at market' : `at ${grouped(limit ?? of)} ${quoteOf(pair)} or better`
    const about =
      worth === null
        ? 'at a price that is not known now'
        : `about ${dollars(worth)} ${quoteOf(pair)}, fee at most ≈ ${dollars(fee ?? worth)} ${quoteOf(pair)}`
    return `${what} ${how} (${about}), paid by ${set?.run_id ?? ''}?`
  }

  const send = async () => {
    const order: Wire = {
      run_id: set?.run_id ?? '',
      client_oid: clientOid,
      exchange: place,
      type,
      pair,
      side,
      wallet_set_id: setId,
      size: size ?? amount('0'),
      ...(isMarket || limit === null ? {} : { limit }),
    }
    const answer = await make(order)
    if (answer.data === undefined) return
    const [status, message] = answer.data
    if (status === 'accepted') onClose()
    else setRefusal(message)
  }
  const back = () => {
    // What was refused was not made; a changed order is another one, unless nobody knows what became of the first.
    if (
      refusal !== '' ||
      (error !== undefined && (error as Problem).status > 0 && (error as Problem).status < 500)
    )
      setClientOid(crypto.randomUUID())
    setRefusal('')
    reset()
    setConfirming(false)
  }

  if (confirming)
    return (
      <>
        <DialogContent>
          <Typography sx={{ fontSize: 16 }}>{sentence}</Typography>
          {venue?.mode === 'live' && (
            <Typography color="warning" sx={{ mt: 2 }}>
              This is real money.
            </Typography>
          )}
          {!fresh && (
            <Typography color="warning" sx={{ mt: 2 }}>
              Prices may be out of date: {why}.
            </Typography>
          )}
          {refusal && (
            <ErrorNote
              error={{ status: 400, kind: 'order_rejected', message: refusal }}
              effect="order"
            />
          )}
          <ErrorNote error={error} effect="order" />
        </DialogContent>
        <DialogActions>
          <Button color="inherit" onClick={back} disabled={isLoading}>
            Back
          </Button>
          <Button
            variant="contained"
            loading={isLoading}
            disabled={refusal !== ''}
            onClick={() => void send()}
          >
            {side === 'buy' ? 'Buy' : 'Sell'} {size === null ? '' : grouped(size)} {baseOf(pair)}
          </Button>
        </DialogActions>
      </>
    )
  return (
    <>
      <DialogContent>
        <Box
          sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', sm: '1fr 1fr' }, gap: 4, pt: 2 }}
        >
          <ToggleButtonGroup
            exclusive
            fullWidth
            size="small"
            value={side}
            aria-label="Side"
            onChange={(_, next: Side | null) => next && setSide(next)}
          >
            <ToggleButton value="buy">Buy</ToggleButton>
            <ToggleButton value="sell">Sell</ToggleButton>
          </ToggleButtonGroup>
          <TextField
            select
            label="Paid by"
            value={setId}
            onChange={(event) => setSetId(Number(event.target.value))}
          >
            {sets.map((each) => (
              <MenuItem key={each.id} value={each.id}>
                {each.run_id}
              </MenuItem>
            ))}
          </TextField>
          <TextField
            select
            label="Exchange"
            value={place}
            onChange={(event) => setPlace(event.target.value)}
          >
            {exchanges.map((each) => (
              <MenuItem key={each.exchange} value={each.exchange}>
                {each.exchange} ({each.mode})
              </MenuItem>
            ))}
          </TextField>
          <TextField
            select
            label="Pair"
            value={pair}
            onChange={(event) => setPair(event.target.value)}
          >
            {venue?.pairs.map((each) => (
              <MenuItem key={each} value={each}>
                {pairName(each)}
              </MenuItem>
            ))}
          </TextField>
          <TextField
            select
            label="Type"
            value={type}
            onChange={(event) => setType(event.target.value as OrderType)}
            sx={{ gridColumn: '1 / -1' }}
          >
            {TYPES.map((each) => (
              <MenuItem key={each.type} value={each.type}>
                {each.name}
              </MenuItem>
            ))}
          </TextField>
          <AmountField
            label="Size"
            unit={baseOf(pair)}
            value={sizeText}
            onChange={setSize}
            {...(side === 'sell' && { max: available })}
            {...(rules && { step: rules.lot_size })}
          />
          {!isMarket && (
            <AmountField
              label="Limit"
              unit={quoteOf(pair)}
              value={limitText}
              onChange={setLimit}
              {...(rules && { step: rules.tick_size })}
            />
          )}
        </Box>
        <Typography variant="body2" color="textSecondary">
          Best {side === 'buy' ? 'ask' : 'bid'} now:{' '}
          {best === null || !fresh ? 'not known' : `${grouped(best)} ${quoteOf(pair)}`}. Available:{' '}
          {grouped(available)} {spends}.
        </Typography>
      </DialogContent>
      <DialogActions>
        <Typography variant="body2" color="textSecondary" sx={{ flex: 1 }}>
          {sizeText && problem}
        </Typography>
        <Button color="inherit" onClick={onClose}>
          Close
        </Button>
        <Button variant="contained" disabled={problem !== ''} onClick={() => setConfirming(true)}>
          Review
        </Button>
      </DialogActions>
    </>
  )
}
