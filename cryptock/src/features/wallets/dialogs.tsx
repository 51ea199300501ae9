/** What moves funds: each asks once, in words. */
import {
  Box,
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
} from '@mui/material'
import { useState } from 'react'
import { type Amount, compare, negate, sign, typedAmount, ZERO } from '@/shared/amount'
import type { Control, Unallocated, WalletSet } from '@/shared/api/wire'
import {
  useAcknowledgeMutation,
  useAllocateMutation,
  useCreateWalletSetMutation,
  useDeactivateMutation,
  useGetUnallocatedQuery,
} from '@/shared/api/xwrap'
import { grouped } from '@/shared/format'
import { AmountField } from '@/shared/ui/AmountField'
import { Confirm, ErrorNote } from '@/shared/ui/parts'

interface Line {
  exchange: string
  currency: string
  text: string
}

const available = (
  unallocated: Unallocated | undefined,
  exchange: string,
  currency: string,
): Amount => unallocated?.[exchange]?.[currency]?.available ?? ZERO

export function NewSet({ onClose }: { onClose: () => void }) {
  const { data: unallocated, error: unknown } = useGetUnallocatedQuery()
  const [create, { isLoading, error }] = useCreateWalletSetMutation()
  const [name, setName] = useState('')
  const [lines, setLines] = useState<Line[]>([])
  const places = Object.entries(unallocated ?? {}).flatMap(([exchange, wallets]) =>
    Object.values(wallets)
      .filter((wallet) => sign(wallet.available) > 0)
      .map(({ currency }) => ({ exchange, currency })),
  )
  const free = places.filter(
    (place) =>
      !lines.some((line) => line.exchange === place.exchange && line.currency === place.currency),
  )
  const wallets = lines.flatMap(({ exchange, currency, text }) => {
    const allocation = typedAmount(text)
    const most = available(unallocated, exchange, currency)
    return allocation === null || sign(allocation) <= 0 || compare(allocation, most) > 0
      ? []
      : [{ exchange, currency, allocation }]
  })
  const complete = name.trim() !== '' && wallets.length > 0 && wallets.length === lines.length
  const submit = async () => {
    const answer = await create({ run_id: name.trim(), wallets })
    if (answer.error === undefined) onClose()
  }
  return (
    <Dialog open onClose={onClose} aria-labelledby="new-set">
      <DialogTitle id="new-set">New wallet set</DialogTitle>
      <DialogContent>
        <Box sx={{ display: 'grid', gap: 4, pt: 2 }}>
          <TextField
            label="Name"
            required
            value={name}
            onChange={(event) => setName(event.target.value)}
            helperText="What it is for, such as desk"
          />
          {lines.map((line, index) => (
            <AmountField
              key={`${line.exchange}:${line.currency}`}
              label={`${line.currency} on ${line.exchange}`}
              unit={line.currency}
              value={line.text}
              max={available(unallocated, line.exchange, line.currency)}
              onChange={(text) =>
                setLines(lines.map((each, at) => (at === index ? { ...each, text } : each)))
              }
            />
          ))}
          {free.length > 0 && (
            <TextField
              select
              label="+ add funds of"
              value=""
              onChange={(event) => {
                const place = free[Number(event.target.value)]
                if (place) setLines([...lines, { ...place, text: '' }])
              }}
            >
              {free.map((place, index) => (
                <MenuItem key={`${place.exchange}:${place.currency}`} value={index}>
                  {place.currency} on {place.exchange},{' '}
                  {grouped(available(unallocated, place.exchange, place.currency))} unallocated
                </MenuItem>
              ))}
            </TextField>
          )}
        </Box>
        <ErrorNote error={error ?? unknown} effect="funds" />
      </DialogContent>
      <DialogActions>
        <Button color="inherit" onClick={onClose}>
          Back
        </Button>
        <Button
          variant="contained"
          disabled={!complete}
          loading={isLoading}
          onClick={() => void submit()}
        >
          {complete
            ? `Allocate ${wallets.map(({ allocation, currency }) => `${grouped(allocation)} ${currency}`).join(', ')}`
            : 'Allocate'}
        </Button>
      </DialogActions>
    </Dialog>
  )
}

export function Allocate({ set, onClose }: { set: WalletSet; onClose: () => void }) {
  const { data: unallocated } = useGetUnallocatedQuery()
  const [allocate, { isLoading, error }] = useAllocateMutation()
  const [direction, setDirection] = useState<'in' | 'out'>('in')
  const [at, setAt] = useState(0)
  const [text, setText] = useState('')
  const places =
    direction === 'out'
      ? set.wallets.map(({ exchange, currency, available: most }) => ({ exchange, currency, most }))
      : Object.values(unallocated ?? {}).flatMap((wallets) =>
          Object.values(wallets).map(({ exchange, currency, available: most }) => ({
            exchange,
            currency,
            most,
          })),
        )
  const usable = places.filter(({ most }) => sign(most) > 0)
  const place = usable[at] ?? usable[0]
  const value = typedAmount(text)
  const good =
    place !== undefined && value !== null && sign(value) > 0 && compare(value, place.most) <= 0
  const submit = async () => {
    if (!good) return
    const answer = await allocate({
      wallet_set_id: set.id,
      exchange: place.exchange,
      base: place.currency,
      movement: direction === 'in' ? value : negate(value),
    })
    if (answer.error === undefined) onClose()
  }
  const name = set.run_id ?? String(set.id)
  return (
    <Confirm
      open
      title={`Funds of ${name}`}
      busy={isLoading}
      disabled={!good}
      onConfirm={() => void submit()}
      onClose={onClose}
      verb={
        good
          ? `${direction === 'in' ? 'Give' : 'Take back'} ${grouped(value)} ${place.currency}`
          : 'Move'
      }
    >
      <Box sx={{ display: 'grid', gap: 4, pt: 2 }}>
        <ToggleButtonGroup
          exclusive
          size="small"
          value={direction}
          aria-label="Direction"
          onChange={(_, next: 'in' | 'out' | null) => {
            if (next) {
              setDirection(next)
              setAt(0)
              setText('')
            }
          }}
        >
          <ToggleButton value="in">Give to {name}</ToggleButton>
          <ToggleButton value="out">Take back</ToggleButton>
        </ToggleButtonGroup>
        {place === undefined ? (
          <Typography variant="body2">There is nothing that could be moved.</Typography>
        ) : (
          <>
            <TextField
              select
              label="Currency"
              value={usable.indexOf(place)}
              onChange={(event) => {
                setAt(Number(event.target.value))
                setText('')
              }}
            >
              {usable.map((each, index) => (
                <MenuItem key={`${each.exchange}:${each.currency}`} value={index}>
                  {each.currency} on {each.exchange}
                </MenuItem>
              ))}
            </TextField>
            <AmountField
              label="Amount"
              unit={place.currency}
              value={text}
              max={place.most}
              onChange={setText}
            />
          </>
        )}
      </Box>
      <ErrorNote error={error} effect="funds" />
    </Confirm>
  )
}

export function CloseSet({
  set,
  openOrders,
  onClose,
}: {
  set: WalletSet
  openOrders: number
  onClose: () => void
}) {
  const [deactivate, { isLoading, error }] = useDeactivateMutation()
  const submit = async () => {
    const answer = await deactivate({ wallet_set_id: set.id, force: openOrders > 0 })
    if (answer.error === undefined) onClose()
  }
  const funds = set.wallets
    .filter((wallet) => sign(wallet.balance) > 0)
    .map(({ balance, currency, exchange }) => `${grouped(balance)} ${currency} on ${exchange}`)
  return (
    <Confirm
      open
      title={`Close ${set.run_id ?? ''}?`}
      verb="Close the wallet set"
      danger
      busy={isLoading}
      onConfirm={() => void submit()}
      onClose={onClose}
    >
      <Typography>
        {funds.length === 0
          ? 'It has no funds.'
          : `${funds.join(', ')} go back to what is unallocated.`}
        {openOrders > 0 && ` Its ${openOrders} open orders are cancelled first.`} A run that uses it
        can’t trade any more.
      </Typography>
      <ErrorNote error={error} effect="funds" />
    </Confirm>
  )
}

export function Acknowledge({
  entry,
  onClose,
}: {
  entry: Control['suspense'][number]
  onClose: () => void
}) {
  const [acknowledge, { isLoading, error }] = useAcknowledgeMutation()
  const [note, setNote] = useState('')
  const submit = async () => {
    const answer = await acknowledge({ exchange: entry.exchange, currency: entry.currency, note })
    if (answer.error === undefined) onClose()
  }
  return (
    <Confirm
      open
      title={`Take over ${grouped(entry.amount)} ${entry.currency} on ${entry.exchange}?`}
      verb="Take it over"
      busy={isLoading}
      disabled={note.trim() === ''}
      onConfirm={() => void submit()}
      onClose={onClose}
    >
      <Typography variant="body2" sx={{ mb: 4 }}>
        The exchange’s balance differs from our books by this. Taken over, it changes what is
        unallocated, and orders in {entry.currency} are possible again.
      </Typography>
      <TextField
        label="Why"
        required
        value={note}
        helperText="Kept for the record"
        onChange={(event) => setNote(event.target.value)}
      />
      <ErrorNote error={error} effect="funds" />
    </Confirm>
  )
}
