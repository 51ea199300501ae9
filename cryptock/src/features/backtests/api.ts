/** What these pages ask the services for, besides what all pages do. */
import type { Amount } from '@/shared/amount'
import { cryptickApi } from '@/shared/api/cryptick'
import type { Figures, RunMode, RunState, TablePage } from '@/shared/api/runs'
import type { Candles } from '@/shared/api/wire'

/** A run in a list. */
export interface Result {
  run_id: string
  strategy: string
  label: string
  mode: RunMode
  state: RunState
  running: boolean
  started_at: string
  ended_at: string | null
  currency: string | null
  equity: Amount | null
  total_return: number | null
  sharpe?: number | null
  max_drawdown?: number | null
  /** In seconds since 1970. */
  period?: [start: number, end: number] | null
  fees_paid: Record<string, Amount>
  orders: number
  trades: number
  progress: number | null
  error: string | null
  sparkline: number[]
}

export interface Sweep {
  sweep_id: string
  strategy: string
  search: string
  objective: 'sharpe' | 'return' | 'calmar'
  searched: Record<string, string>
  fixed: Record<string, string>
  period: [start: number, end: number]
  started_at: string
  state: 'running' | 'finished' | 'interrupted'
  done: number
  /** 0 where nobody noted it. */
  trials: number
}

export type Measures = Pick<Figures, 'sharpe' | 'calmar'> & {
  total_return: number
  max_drawdown: number
  trades: number
  days: number
}

/** What was best in-sample of a split, and what it did afterwards. */
export interface Choice {
  split: number
  in_sample_from: string
  in_sample_to: string
  out_of_sample_to: string | null
  point: Record<string, string> | null
  in_sample: Measures | null
  out_of_sample: Measures | null
  /** Its deflated Sharpe ratio. */
  skill: number | null
}

export interface SweepDetail {
  sweep: Sweep
  seed: number
  versions: Record<string, string>
  verdict: string
  warnings: string[]
  walk_forward: {
    total_return: number
    max_drawdown: number
    in_sample: number | null
    out_of_sample: number | null
    parts: number
  } | null
  choices: Choice[]
  points: number
  failed: number
}

export interface Market {
  exchange: string
  pair: string
}

interface Stretch {
  freq: string
  start: number
  end: number
}

const LISTED_MAX = 1000
/** Rows of one answer at most. */
export const ROWS_MAX = 10_000

const PUT = { service: 'cryptick', method: 'PUT' } as const

const api = cryptickApi.injectEndpoints({
  endpoints: (build) => ({
    /** Newest first. */
    getResults: build.query<Result[], void>({
      query: () => ({ service: 'cryptick', path: '/results', query: { limit: LISTED_MAX } }),
      transformResponse: ({ runs }: { runs: Result[] }) => runs,
      providesTags: ['Runs'],
    }),
    getSweeps: build.query<Sweep[], void>({
      query: () => ({ service: 'cryptick', path: '/sweeps', query: { limit: LISTED_MAX } }),
      transformResponse: ({ sweeps }: { sweeps: Sweep[] }) => sweeps,
    }),
    getSweep: build.query<SweepDetail, string>({
      query: (id) => ({ service: 'cryptick', path: `/sweeps/${id}` }),
    }),
    /** What was tried, best first. */
    getSweepPoints: build.query<TablePage, string>({
      query: (id) => ({
        service: 'cryptick',
        path: `/sweeps/${id}/points`,
        query: { limit: ROWS_MAX },
      }),
    }),
    /** Candles of several markets, as far as xWrap has them. */
    getMarkets: build.query<Candles[], { markets: Market[] } & Stretch>({
      queryFn: async ({ markets, ...query }, _, __, ask) => {
        const found: Candles[] = []
        for (const { exchange, pair } of markets) {
          const answer = await ask({ path: `/xwrap/v1/ohlcv/${exchange}/${pair}`, query })
          if (answer.error) return { error: answer.error }
          found.push(answer.data as Candles)
        }
        return { data: found }
      },
    }),
    runAgain: build.mutation<{ run_id: string }, string>({
      query: (runId) => ({ ...PUT, path: `/runs/${runId}/rerun`, body: {} }),
      invalidatesTags: ['Runs'],
    }),
    /** Where the page that was written of a run or a sweep is, for a minute. */
    openPage: build.mutation<{ path: string }, { run_id: string } | { sweep_id: string }>({
      query: (body) => ({ ...PUT, path: '/pages', body }),
    }),
  }),
})

export const {
  useGetResultsQuery,
  useGetSweepsQuery,
  useGetSweepQuery,
  useGetSweepPointsQuery,
  useGetMarketsQuery,
  useRunAgainMutation,
  useOpenPageMutation,
} = api
