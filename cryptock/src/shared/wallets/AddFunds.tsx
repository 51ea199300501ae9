/** Virtual funds for an exchange that trades on paper. */
import { Box, MenuItem, TextField, Typography } from '@mui/material'
import { useState } from 'react'
import { sign, typedAmount } from '../amount'
import type { Exchange } from '../api/wire'
import { useAddFundsMutation } from '../api/xwrap'
import { grouped } from '../format'
import { AmountField } from '../ui/AmountField'
import { Confirm, ErrorNote } from '../ui/parts'

export function AddFunds({ exchanges, onClose }: { exchanges: Exchange[]; onClose: () => void }) {
  const [addFunds, { isLoading, error }] = useAddFundsMutation()
  const [place, setPlace] = useState(exchanges[0]?.exchange ?? '')
  const venue = exchanges.find(({ exchange }) => exchange === place)
  const [chosen, setCurrency] = useState('USD')
  const currency = venue?.currencies.includes(chosen) ? chosen : (venue?.currencies[0] ?? '')
  const [text, setText] = useState('')
  const value = typedAmount(text)
  const good = value !== null && sign(value) > 0 && currency !== ''
  const submit = async () => {
    if (!good) return
    const answer = await addFunds({ exchange: place, base: currency, movement: value })
    if (answer.error === undefined) onClose()
  }
  return (
    <Confirm
      open
      title="Add virtual funds"
      busy={isLoading}
      disabled={!good}
      onConfirm={() => void submit()}
      onClose={onClose}
      verb={good ? `Add ${grouped(value)} ${currency}` : 'Add'}
    >
      <Typography variant="body2" color="textSecondary" sx={{ mb: 4 }}>
        Paper exchanges trade funds that do not exist. They go to what is unallocated.
      </Typography>
      <Box sx={{ display: 'grid', gap: 4 }}>
        <TextField
          select
          label="Exchange"
          value={place}
          onChange={(event) => setPlace(event.target.value)}
        >
          {exchanges.map((each) => (
            <MenuItem key={each.exchange} value={each.exchange}>
              {each.exchange}
            </MenuItem>
          ))}
        </TextField>
        <TextField
          select
          label="Currency"
          value={currency}
          onChange={(event) => setCurrency(event.target.value)}
        >
          {(venue?.currencies ?? []).map((each) => (
            <MenuItem key={each} value={each}>
              {each}
            </MenuItem>
          ))}
        </TextField>
        <AmountField label="Amount" unit={currency} value={text} onChange={setText} />
      </Box>
      <ErrorNote error={error} effect="funds" />
    </Confirm>
  )
}
