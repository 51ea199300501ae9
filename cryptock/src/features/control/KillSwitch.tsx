/** The kill switch: what it does in words, asked once, and how far it has come. */
import PowerSettingsNew from '@mui/icons-material/PowerSettingsNew'
import {
  Button,
  Dialog,
  DialogActions,
  DialogContent,
  DialogTitle,
  FormControlLabel,
  LinearProgress,
  Radio,
  RadioGroup,
  TextField,
  Typography,
} from '@mui/material'
import { useState } from 'react'
import { selectCanTrade } from '@/shared/api/session'
import type { Control, KillLevel } from '@/shared/api/wire'
import {
  useGetControlQuery,
  useGetExchangesQuery,
  useSetKillSwitchMutation,
} from '@/shared/api/xwrap'
import { count } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { selectOpen } from '@/shared/live/orders'
import { ErrorNote } from '@/shared/ui/parts'

const RANK: Record<KillLevel, number> = { off: 0, stop: 1, cancel: 2, flatten: 3 }
const LEVELS: { level: KillLevel; title: string; text: string }[] = [
  { level: 'stop', title: 'Stop', text: 'No new orders. Open ones stay and may fill.' },
  { level: 'cancel', title: 'Cancel', text: 'No new orders, and all open ones are cancelled.' },
  {
    level: 'flatten',
    title: 'Flatten',
    text: 'As Cancel, and what the wallet sets hold is sold at market.',
  },
]
const LIVE_WORD = 'STOP LIVE'

/** How far everything is stopped. */
export const levelOf = (control: Control | undefined): KillLevel =>
  control?.kill_switch.find(({ scope }) => scope === null)?.level ?? 'off'

export function KillButton({ onOpen }: { onOpen: () => void }) {
  const { data } = useGetControlQuery()
  const level = levelOf(data)
  return (
    <Button
      color="error"
      variant={level === 'off' ? 'outlined' : 'contained'}
      startIcon={<PowerSettingsNew />}
      onClick={onOpen}
      sx={{ whiteSpace: 'nowrap' }}
    >
      {level === 'off' ? 'Kill' : 'Stopped'}
    </Button>
  )
}

export function KillDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} aria-labelledby="kill-title">
      <DialogTitle id="kill-title">Kill switch</DialogTitle>
      {open && <KillContent onClose={onClose} />}
    </Dialog>
  )
}

function KillContent({ onClose }: { onClose: () => void }) {
  const { data: control } = useGetControlQuery()
  const { data: exchanges = [] } = useGetExchangesQuery()
  const open = useAppSelector(selectOpen)
  const mayTrade = useAppSelector(selectCanTrade)
  const [kill, { isLoading, error }] = useSetKillSwitchMutation()
  const level = levelOf(control)
  const [wanted, setWanted] = useState<KillLevel>('cancel')
  const [word, setWord] = useState('')
  const live = exchanges.filter(({ mode }) => mode === 'live').map(({ exchange }) => exchange)
  const higher = LEVELS.filter((each) => RANK[each.level] > RANK[level])
  const choice = higher.some((each) => each.level === wanted) ? wanted : (higher[0]?.level ?? 'off')
  const apply = async (next: KillLevel) => {
    await kill({ level: next })
    setWord('')
  }
  return (
    <>
      <DialogContent>
        {level !== 'off' && <Stopped level={level} open={open.length} />}
        {higher.length > 0 && (
          <>
            <Typography variant="body2" sx={{ mb: 2 }}>
              {level === 'off' ? 'Trading is on' : 'You can go further'} at all exchanges;{' '}
              {count(open.length, 'order')} open.
            </Typography>
            <RadioGroup
              aria-label="How far"
              value={choice}
              onChange={(_, next) => setWanted(next as KillLevel)}
            >
              {higher.map((each) => (
                <FormControlLabel
                  key={each.level}
                  value={each.level}
                  control={<Radio size="small" />}
                  label={
                    <>
                      <strong>{each.title}.</strong> {each.text}
                    </>
                  }
                  sx={{ mb: 1 }}
                />
              ))}
            </RadioGroup>
            {live.length > 0 && (
              <TextField
                sx={{ mt: 3 }}
                label={`This is real money on ${live.join(', ')}: type ${LIVE_WORD}`}
                value={word}
                onChange={(event) => setWord(event.target.value)}
              />
            )}
          </>
        )}
        <ErrorNote error={error} effect="control" />
        {!mayTrade && (
          <Typography variant="body2">You may look, but only traders can use it.</Typography>
        )}
      </DialogContent>
      <DialogActions>
        <Button color="inherit" onClick={onClose}>
          Close
        </Button>
        {level !== 'off' && (
          <Button
            variant="outlined"
            disabled={!mayTrade || isLoading}
            onClick={() => void apply('off')}
          >
            Let trading go on
          </Button>
        )}
        {higher.length > 0 && (
          <Button
            variant="contained"
            color="error"
            loading={isLoading}
            disabled={!mayTrade || (live.length > 0 && word !== LIVE_WORD)}
            onClick={() => void apply(choice)}
          >
            {LEVELS.find((each) => each.level === choice)?.title} everything
          </Button>
        )}
      </DialogActions>
    </>
  )
}

function Stopped({ level, open }: { level: KillLevel; open: number }) {
  const cancels = RANK[level] >= RANK.cancel
  return (
    <div role="status">
      <Typography sx={{ mb: 2 }}>
        <strong>Trading is stopped.</strong> New orders are refused.{' '}
        {cancels &&
          (open > 0
            ? `${count(open, 'order')} still to be cancelled.`
            : 'No order is open any more.')}
      </Typography>
      {cancels && open > 0 && (
        <LinearProgress aria-label="orders are being cancelled" sx={{ mb: 3 }} />
      )}
    </div>
  )
}
