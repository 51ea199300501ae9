/** How the exchanges are, in facts. */
import { Box, Typography } from '@mui/material'
import { type Amount, amount, multiply } from '../amount'
import type { Exchange } from '../api/wire'
import { useGetHealthQuery } from '../api/xwrap'
import { DASH, duration, grouped } from '../format'
import { useAppSelector } from '../hooks'
import { selectConnection } from '../live/market'
import { HEALTH_MS, useFreshness } from '../live/freshness'
import { Card, Word } from './parts'

const HUNDRED = amount('100')
const percent = (part: Amount): string => grouped(multiply(part, HUNDRED))

export function Venues({ exchanges }: { exchanges: Exchange[] }) {
  return (
    <Card title="Health of the exchanges">
      <Box
        sx={{
          display: 'grid',
          gap: 3,
          gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 260px), 1fr))',
        }}
      >
        {exchanges.map((each) => (
          <Venue key={each.exchange} exchange={each} />
        ))}
      </Box>
    </Card>
  )
}

function Venue({ exchange }: { exchange: Exchange }) {
  const { data } = useGetHealthQuery(undefined, { pollingInterval: HEALTH_MS })
  const { fresh, why } = useFreshness(exchange.exchange)
  const live = useAppSelector(selectConnection) === 'live'
  // What was measured before the connection was lost is no measure of now.
  const health = live ? data?.exchanges[exchange.exchange] : undefined
  const facts: [string, string][] = [
    ['mode', exchange.mode],
    [
      'delay of its trades',
      typeof health?.latency_s !== 'number' ? DASH : duration(health.latency_s * 1000),
    ],
    [
      'last message',
      typeof health?.last_message_age_s !== 'number'
        ? DASH
        : `${duration(health.last_message_age_s * 1000)} ago`,
    ],
    ['connected anew', health ? `${health.reconnects} ×` : DASH],
    ['gaps', health ? String(health.gaps) : DASH],
    ['fees, maker / taker', `${percent(exchange.fees.maker)} / ${percent(exchange.fees.taker)} %`],
  ]
  return (
    <Box>
      <Typography sx={{ mb: 1 }}>
        <strong>{exchange.exchange}</strong>{' '}
        <Word tone={fresh ? 'good' : 'warn'}>{fresh ? '● ready' : `○ ${why}`}</Word>
      </Typography>
      <Box
        component="dl"
        sx={{
          display: 'grid',
          gridTemplateColumns: '1fr auto',
          rowGap: 1,
          m: 0,
          fontSize: 13,
          '& dt': { color: 'text.secondary' },
          '& dd': { m: 0 },
        }}
      >
        {facts.map(([name, value]) => (
          <Box key={name} sx={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Box>
        ))}
      </Box>
    </Box>
  )
}
