/** Whether what is shown of a pair is true now, and if not, since when and why. */
import { useGetHealthQuery } from '../api/xwrap'
import { useAppSelector, useNow } from '../hooks'
import { wireTime } from '../format'
import type { Health } from '../api/wire'
import { type MarketState, selectConnection, selectConnectionSince } from './market'

export interface Freshness {
  fresh: boolean
  /** In ms since 1970, where it is known. */
  since: number | null
  why: string
}

const SILENT_S_MAX = 15
const UNKNOWN_MS_MAX = 20_000

/** What the page asks health at. */
export const HEALTH_MS = 5000

export function freshness(
  connection: MarketState['connection'],
  connectionSince: number,
  health: Health | undefined,
  healthAt: number | undefined,
  exchange: string,
  pair: string | null,
  now: number,
): Freshness {
  if (connection !== 'live')
    return {
      fresh: false,
      since: connectionSince || null,
      why: 'the page is not connected to xWrap',
    }
  const venue = health?.exchanges[exchange]
  if (venue === undefined || healthAt === undefined)
    return { fresh: false, since: null, why: `nothing is known of ${exchange} yet` }
  if (now - healthAt > UNKNOWN_MS_MAX)
    return { fresh: false, since: healthAt, why: 'xWrap does not tell how the exchange is' }
  if (venue.status !== 'ready')
    return { fresh: false, since: null, why: venue.problem || `${exchange} is ${venue.status}` }
  const state = pair === null ? undefined : venue.pairs[pair]
  if (state !== undefined && state.state !== 'live')
    return {
      fresh: false,
      since: wireTime(state.since),
      why: state.reason || `its book is ${state.state}`,
    }
  const silent = venue.last_message_age_s
  if (silent !== null && silent > SILENT_S_MAX)
    return { fresh: false, since: healthAt - silent * 1000, why: `${exchange} is silent` }
  return { fresh: true, since: null, why: '' }
}

export function useFreshness(exchange: string, pair: string | null = null): Freshness {
  const connection = useAppSelector(selectConnection)
  const since = useAppSelector(selectConnectionSince)
  const { data, fulfilledTimeStamp } = useGetHealthQuery(undefined, { pollingInterval: HEALTH_MS })
  return freshness(connection, since, data, fulfilledTimeStamp, exchange, pair, useNow())
}
