/** The connection's truth. */
import { Box, Tooltip } from '@mui/material'
import {
  useGetControlQuery,
  useGetExchangesQuery,
  useGetHealthQuery,
  useGetVersionQuery,
} from '@/shared/api/xwrap'
import { useGetRunsQuery } from '@/shared/api/cryptick'
import { duration, utc } from '@/shared/format'
import { useAppSelector, useNow } from '@/shared/hooks'
import { HEALTH_MS, useFreshness } from '@/shared/live/freshness'
import { selectConnection, selectConnectionSince } from '@/shared/live/market'
import { selectOpen } from '@/shared/live/orders'
import { selectHub } from '@/shared/live/runs'
import { count } from '@/shared/format'
import { Word } from '@/shared/ui/parts'
import { usePlace } from './place'

const CONNECTION = {
  connecting: 'connecting …',
  'catching-up': 'catching up …',
  live: 'connected',
  lost: 'not connected',
}

export function StatusLine() {
  const { data: exchanges = [] } = useGetExchangesQuery()
  const { data: health, isError } = useGetHealthQuery(undefined, { pollingInterval: HEALTH_MS })
  const { data: control } = useGetControlQuery()
  const { data: version } = useGetVersionQuery()
  const connection = useAppSelector(selectConnection)
  const since = useAppSelector(selectConnectionSince)
  const open = useAppSelector(selectOpen)
  const now = useNow()
  const live = connection === 'live'
  const faults = [...(health?.ledger_faults ?? []), ...Object.values(control?.frozen ?? {})]
  const ledgerKnown = health !== undefined && !isError && live
  return (
    <Box
      component="footer"
      aria-label="State of the connections"
      tabIndex={0}
      sx={{
        display: 'flex',
        gap: 5,
        alignItems: 'center',
        px: 4,
        height: 32,
        fontSize: 12,
        whiteSpace: 'nowrap',
        overflowX: 'auto',
        borderTop: 1,
        borderColor: 'divider',
        bgcolor: 'background.paper',
        color: 'text.secondary',
      }}
    >
      <Word tone={live ? 'good' : 'warn'}>
        {live ? '●' : '○'} xWrap {CONNECTION[connection]}
        {connection === 'lost' && since > 0 && ` for ${duration(now - since)}`}
      </Word>
      {exchanges.map(({ exchange }) => (
        <VenueState
          live={live}
          key={exchange}
          exchange={exchange}
          latency={health?.exchanges[exchange]?.latency_s ?? null}
          now={now}
        />
      ))}
      {ledgerKnown ? (
        <Tooltip title={faults.join('; ') || 'every line of every wallet adds up'}>
          <span>
            ledger{' '}
            <Word tone={faults.length ? 'bad' : 'good'}>
              {faults.length ? `✕ ${count(faults.length, 'fault')}` : '✓'}
            </Word>
          </span>
        </Tooltip>
      ) : (
        <span>ledger ?</span>
      )}
      {usePlace().served.includes('cryptick') && <Hub now={now} />}
      <span>{live ? `${count(open.length, 'order')} open` : 'orders ?'}</span>
      <Box component="span" sx={{ flex: 1 }} />
      {version !== undefined && <span>v{version}</span>}
      <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
        {utc(now).slice(11)}
      </Box>
    </Box>
  )
}

function VenueState({
  live,
  exchange,
  latency,
  now,
}: {
  live: boolean
  exchange: string
  latency: number | null
  now: number
}) {
  const { fresh, why, since } = useFreshness(exchange)
  return (
    <Tooltip title={fresh ? 'how much later than at the exchange its trades arrive' : why}>
      <span>
        {exchange} <Word tone={fresh ? 'good' : 'warn'}>{fresh ? '●' : '○'}</Word>{' '}
        {fresh
          ? latency === null
            ? ''
            : duration(latency * 1000)
          : since === null || !live
            ? 'not known'
            : `silent for ${duration(now - since)}`}
      </span>
    </Tooltip>
  )
}

function Hub({ now }: { now: number }) {
  const { data: runs } = useGetRunsQuery()
  const hub = useAppSelector(selectHub)
  return (
    <>
      <Tooltip
        title={
          hub.connection === 'live'
            ? 'Cryptick, which runs the strategies'
            : `Cryptick is ${CONNECTION[hub.connection]}: what is shown of runs may be out of date`
        }
      >
        <span>
          hub{' '}
          <Word tone={hub.connection === 'live' ? 'good' : 'warn'}>
            {hub.connection === 'live' ? '●' : '○'}
          </Word>
          {hub.connection === 'lost' && ` away for ${duration(now - hub.since)}`}
        </span>
      </Tooltip>
      <span>
        {hub.connection === 'live' && runs !== undefined
          ? count(runs.filter(({ running }) => running).length, 'run')
          : 'runs ?'}
      </span>
    </>
  )
}
