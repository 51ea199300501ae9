/** What can be done with a run; what touches money is asked once, in words with amounts. */
import { Box, Button, Typography } from '@mui/material'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { useDeleteRunMutation, useSteerRunMutation } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { selectCanTrade, selectIsAdmin } from '@/shared/api/session'
import type { Order, WalletSet } from '@/shared/api/wire'
import { isZero, subtract } from '@/shared/amount'
import { useGetWalletsQuery } from '@/shared/api/xwrap'
import { baseOf, grouped } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { selectOpen } from '@/shared/live/orders'
import { selectHub } from '@/shared/live/runs'
import { Confirm, ErrorNote } from '@/shared/ui/parts'

type Asked = 'pause' | 'resume' | 'stop' | 'delete'

const TITLES: Record<Asked, { verb: string; title: (runId: string) => string }> = {
  pause: { verb: 'Pause', title: (runId) => `Pause ${runId}?` },
  resume: { verb: 'Resume', title: (runId) => `Let ${runId} go on?` },
  stop: { verb: 'Stop', title: (runId) => `Stop ${runId}?` },
  delete: { verb: 'Delete', title: (runId) => `Delete ${runId}?` },
}

export function Actions({ run }: { run: Run }) {
  const { run_id: runId, state, mode, running } = run
  const navigate = useNavigate()
  const mayTrade = useAppSelector(selectCanTrade)
  const isAdmin = useAppSelector(selectIsAdmin)
  const away = useAppSelector(selectHub).connection === 'lost'
  const [asked, setAsked] = useState<Asked | null>(null)
  const [steer, steering] = useSteerRunMutation()
  const [remove, removing] = useDeleteRunMutation()
  const close = () => {
    setAsked(null)
    steering.reset()
    removing.reset()
  }
  const act = async (what: Asked) => {
    const answer = await (what === 'delete' ? remove(runId) : steer({ runId, what }))
    if (answer.error !== undefined) return
    close()
    if (what === 'delete') void navigate('/')
  }
  /** What moves no money is done without being asked. */
  const ask = (what: 'pause' | 'resume') => (mode === 'backtest' ? void act(what) : setAsked(what))
  const can = mayTrade && !away
  return (
    <Box sx={{ display: 'flex', gap: 2, flexWrap: 'wrap' }}>
      {running && (state === 'running' || state === 'starting') && (
        <Button
          variant="outlined"
          disabled={!can || state === 'starting'}
          onClick={() => ask('pause')}
        >
          Pause
        </Button>
      )}
      {running && state === 'paused' && (
        <Button variant="contained" disabled={!can} onClick={() => ask('resume')}>
          Resume
        </Button>
      )}
      {running && (
        <Button
          variant="outlined"
          color="error"
          disabled={!can || state === 'stopping'}
          onClick={() => setAsked('stop')}
        >
          {state === 'stopping' ? 'Stopping …' : 'Stop'}
        </Button>
      )}
      {!running && state === 'stopped' && (
        <Button component={Link} to={`/backtests/${runId}`} variant="outlined">
          Report
        </Button>
      )}
      <Button component={Link} to={`/?from=${runId}`} variant="outlined" disabled={!mayTrade}>
        Run again
      </Button>
      {!running && isAdmin && (
        <Button color="error" variant="outlined" disabled={away} onClick={() => setAsked('delete')}>
          Delete
        </Button>
      )}
      {mode === 'backtest' && <ErrorNote error={asked === null ? steering.error : undefined} />}
      <Confirm
        open={asked !== null}
        title={asked === null ? '' : TITLES[asked].title(runId)}
        verb={asked === null ? '' : TITLES[asked].verb}
        danger={asked === 'stop' || asked === 'delete'}
        busy={steering.isLoading || removing.isLoading}
        onConfirm={() => asked !== null && void act(asked)}
        onClose={close}
      >
        {asked !== null && <Meaning asked={asked} run={run} />}
        <ErrorNote error={steering.error} effect="control" />
        <ErrorNote error={removing.error} />
      </Confirm>
    </Box>
  )
}

/** What an action does, to the orders and the funds above all. */
function Meaning({ asked, run }: { asked: Asked; run: Run }) {
  const backtest = run.mode === 'backtest'
  const open = useAppSelector(selectOpen).filter((order) => order.run_id === run.run_id)
  const { data } = useGetWalletsQuery(undefined, { skip: backtest })
  const set = data?.sets.find(({ id }) => id === run.wallet_set_id)
  if (backtest)
    return asked === 'delete' ? (
      <Typography>
        Its report, its orders and its messages are deleted for good. It was a backtest: no money is
        affected.
      </Typography>
    ) : (
      <Typography>
        What it has done until now is kept with a report. It is a backtest: no money is affected.
      </Typography>
    )
  const orders = <Orders open={open} />
  return (
    <Box sx={{ display: 'grid', gap: 3 }}>
      {asked === 'pause' && (
        <Typography>Its strategy hears no prices and no timers until you resume it.</Typography>
      )}
      {asked === 'resume' && (
        <Typography>
          Its strategy hears what became of its orders, then the newest prices, and may trade again
          at once.
        </Typography>
      )}
      {asked === 'stop' && (
        <Typography>
          Its strategy says goodbye. Nothing is sold: what it holds goes back to the unallocated
          funds of the exchange as it is.
        </Typography>
      )}
      {asked === 'delete' && (
        <Typography>
          Its report, its log and its messages are deleted for good. Its orders and trades stay in
          the books of xWrap.
        </Typography>
      )}
      {asked !== 'delete' && (
        <Typography component="div">
          {open.length === 0 ? (
            'No order of it is open.'
          ) : asked === 'stop' ? (
            <>These are cancelled; they may still fill until that arrives: {orders}</>
          ) : (
            <>These stay at the exchange and may fill: {orders}</>
          )}
        </Typography>
      )}
      <Typography>
        {set === undefined
          ? 'It holds no funds any more.'
          : asked === 'stop'
            ? `These funds are freed: ${fundsOf(set)}.`
            : `It holds ${fundsOf(set)}${asked === 'delete' ? ', which stay in its wallet set until you free them in Wallets' : ''}.`}
      </Typography>
      {run.mode === 'live' && <Typography color="warning">This is real money.</Typography>}
    </Box>
  )
}

const LISTED_MAX = 5

function Orders({ open }: { open: readonly Order[] }) {
  return (
    <Box component="ul" sx={{ m: 0, pl: 5 }}>
      {open.slice(0, LISTED_MAX).map((order) => (
        <li key={order.id}>
          {order.side} {grouped(subtract(order.size, order.filled_size))} {baseOf(order.pair)} on{' '}
          {order.exchange}
        </li>
      ))}
      {open.length > LISTED_MAX && <li>and {open.length - LISTED_MAX} more</li>}
    </Box>
  )
}

/** What a wallet set holds, in words. */
export function fundsOf(set: Pick<WalletSet, 'wallets'>): string {
  const held = set.wallets.filter(({ balance }) => !isZero(balance))
  if (held.length === 0) return 'nothing'
  return held
    .map(({ balance, currency, exchange }) => `${grouped(balance)} ${currency} on ${exchange}`)
    .join(', ')
}
