/** What can be done with a target: preview it, trade it, and pause, go on or stop meanwhile. */
import { Alert, Box, Button, LinearProgress, Typography } from '@mui/material'
import { useState } from 'react'
import { usePostValueMutation } from '@/shared/api/cryptick'
import type { Cell, ComponentFormat, Run } from '@/shared/api/runs'
import { selectCanTrade } from '@/shared/api/session'
import { count, dollars } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { Confirm, ErrorNote } from '@/shared/ui/parts'
import type { Drafting } from './draft'
import { textOption } from './parts'
import { type Guess, type PlannedOrder, totals } from './plan'
import { ConfirmPreview } from './Preview'
import { distance, type Frontier, shareTexts, type Weights } from './portfolio'
import { percent } from './scale'

export interface Situation {
  run: Run
  formats: readonly ComponentFormat[]
  currencies: readonly string[]
  frontier: Frontier | null
  drafting: Drafting
  /** What the strategy says of itself: `state`, `progress`, … */
  status: ReadonlyMap<string, string>
  /** Of what the person has drafted. */
  guess: Guess | null
  /** The preview that can be confirmed; empty without one. */
  press: string
  orders: readonly PlannedOrder[]
  log: readonly (readonly Cell[])[]
  /** Which share of the way to the target has been walked. */
  walked: number | null
}

/** Weights as the strategy takes them, with the point of the frontier that they are. */
export function targetOf(
  weights: Weights,
  currencies: readonly string[],
  frontier: Frontier | null,
): { weights: Record<string, string>; point?: number } {
  const texts = shareTexts(weights)
  const point = frontier?.points.findIndex((each) => distance(each.weights, weights) < 1e-9) ?? -1
  return {
    weights: Object.fromEntries(currencies.map((name, index) => [name, texts[index] ?? '0'])),
    ...(point >= 0 && { point }),
  }
}

export function Actions({
  run,
  formats,
  currencies,
  frontier,
  drafting,
  status,
  guess,
  press,
  orders,
  log,
  walked,
}: Situation) {
  const mayTrade = useAppSelector(selectCanTrade)
  const [post, { isLoading, error, originalArgs, reset }] = usePostValueMutation()
  const [asked, setAsked] = useState<string | null>(null)
  const [stopping, setStopping] = useState(false)
  /** How things stood when something was sent last. */
  const [sent, setSent] = useState<{ generation: number; lines: number } | null>(null)
  const part = (id: string) => formats.find((each) => each.id === id)
  const state = status.get('state') ?? 'idle'
  const isIdle = state === 'idle'
  const isWithout = status.get('target') === '-'
  const isOff = !run.running || !mayTrade
  const generation = part('status')?.generation ?? 0
  const isWaiting = isLoading || (sent !== null && !error && sent.generation === generation)
  const currency = currencies.at(-1) ?? ''

  const send = async (id: string, value: unknown): Promise<boolean> => {
    setSent({ generation, lines: log.length })
    const answer = await post({ runId: run.run_id, id, value })
    return answer.error === undefined
  }
  /** A press has a name, so that one that is sent twice counts once. */
  const push = (id: string) => send(id, crypto.randomUUID())
  const choose = () => {
    const { weights, rule } = drafting
    if (rule !== null) void push(rule)
    else if (weights !== null) void send('frontier', targetOf(weights, currencies, frontier))
  }
  const confirm = async (preview: string) => {
    if (await send('confirm', preview)) setAsked(null)
  }
  const stop = async () => {
    if (await push('stop')) setStopping(false)
  }
  const warnings =
    sent === null ? [] : log.slice(sent.lines).filter(([, level]) => level === 'warning')
  const isPreviewed = press !== '' && !drafting.isOwn && orders.length > 0
  const failedAsked = originalArgs?.id === 'confirm' || originalArgs?.id === 'stop'

  if (!run.running)
    return (
      <Typography variant="body2" color="textSecondary" role="status">
        This run has ended: what you see is how it was left, and nothing can be changed any more.
      </Typography>
    )
  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', gap: 2 }}>
      <Typography variant="body2" color="textSecondary" role="status" component="div">
        {told()}
      </Typography>
      {!isIdle && walked !== null && (
        <LinearProgress
          variant="determinate"
          value={100 * walked}
          color={state === 'paused' ? 'warning' : 'primary'}
          aria-label="Way to the target"
          sx={{ borderRadius: '2px' }}
        />
      )}
      {warnings.slice(-1).map(([, , text]) => (
        <Alert
          key={String(text)}
          severity="warning"
          variant="outlined"
          onClose={() => setSent(null)}
        >
          {text}
        </Alert>
      ))}
      {!failedAsked && <ErrorNote error={error} effect="order" />}
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2, '& > *': { flex: '1 1 auto' } }}>
        {isPreviewed ? (
          <Button
            variant="contained"
            size="medium"
            disabled={isOff}
            loading={isWaiting && asked === null}
            onClick={() => {
              reset()
              setAsked(press)
            }}
            sx={{ flexBasis: '100%' }}
          >
            Trade {count(orders.length, 'order')}, fees ≈ {dollars(totals(orders).fees)} {currency}
          </Button>
        ) : isIdle || drafting.isOwn ? (
          <Button
            variant="contained"
            size="medium"
            disabled={isOff || !canPreview()}
            loading={isWaiting}
            onClick={choose}
            sx={{ flexBasis: '100%' }}
          >
            {guess === null ? 'Preview' : previewWords(guess, currency)}
          </Button>
        ) : null}
        {isPreviewed && (
          <Button disabled={isOff || isWaiting} onClick={() => void push('preview-again')}>
            Preview again
          </Button>
        )}
        {isPreviewed && isIdle && (
          <Button color="inherit" disabled={isOff || isWaiting} onClick={() => void push('stop')}>
            Drop it
          </Button>
        )}
        {state === 'trading' && (
          <Button
            variant="outlined"
            disabled={isOff || isWaiting}
            onClick={() => void push('pause')}
          >
            Pause trading
          </Button>
        )}
        {state === 'paused' && (
          <Button
            variant="outlined"
            disabled={isOff || isWaiting}
            onClick={() => void push('resume')}
          >
            {isPreviewed ? 'Go on to the old target' : 'Go on trading'}
          </Button>
        )}
        {!isIdle && (
          <Button
            variant="outlined"
            color="error"
            disabled={isOff}
            onClick={() => {
              reset()
              setStopping(true)
            }}
          >
            Stop trading
          </Button>
        )}
      </Box>
      <ConfirmPreview
        run={run}
        orders={orders}
        asked={asked}
        present={press}
        currency={currency}
        busy={isLoading}
        error={error}
        onConfirm={(preview) => void confirm(preview)}
        onClose={() => setAsked(null)}
      />
      <Confirm
        open={stopping}
        title="Stop trading?"
        verb="Stop trading"
        danger
        busy={isLoading}
        onConfirm={() => void stop()}
        onClose={() => setStopping(false)}
      >
        <Typography>
          {textOption(part('stop'), 'confirm')} Orders that are still open are taken back; the run
          itself goes on and waits for a new target.
        </Typography>
        <ErrorNote error={error} effect="control" />
      </Confirm>
    </Box>
  )

  function canPreview(): boolean {
    if (drafting.weights === null) return false
    if (guess?.orders === 0) return drafting.isOwn && (!isIdle || press !== '')
    return drafting.isOwn || isWithout
  }

  function told() {
    if (!mayTrade) return 'You may look on; choosing a target needs the right to trade.'
    if (isWaiting && !isLoading) return 'The strategy is at work on it …'
    const waits = status.get('waits for')
    if (waits !== undefined) return `The preview waits for ${waits}.`
    const progress = /slice (\d+) of (\d+)/.exec(status.get('progress') ?? '')
    const way = walked === null ? '' : `, ${percent(walked, 0.01)} of the way`
    const slices = progress ? `${progress[1] ?? ''} of ${progress[2] ?? ''} slices${way}` : ''
    if (state === 'trading') return `Trading: ${slices}. A new target holds it until you confirm.`
    if (state === 'paused')
      return isPreviewed
        ? `On hold (${slices}): confirm the new target, or go on to the old one.`
        : `Paused: ${slices}. Nothing more is ordered until you go on.`
    if (isPreviewed) return 'Nothing is sent until you confirm.'
    if (drafting.isOwn)
      return guess?.orders === 0
        ? `This is what you hold already, within the band of ${String(run.params.band)} %.`
        : 'A preview shows every order first; nothing is sent yet.'
    if (isWithout && guess !== null && guess.orders > 0)
      return 'Nothing is traded towards now: the ring shows the last target.'
    const deviation = status.get('largest deviation')
    if (deviation !== undefined && !isWithout)
      return `At the target; the largest deviation is ${deviation.replace(' ', '\u00a0')}.`
    return 'Choose a target: drag the ring along the frontier, move a slider, or take a quick choice.'
  }
}

function previewWords({ orders, fee }: Guess, currency: string): string {
  const cost = fee === null || orders === 0 ? '' : `, ≈ ${dollars(fee)} ${currency}`
  return orders === 0 ? 'Preview' : `Preview ${count(orders, 'order')}${cost}`
}
