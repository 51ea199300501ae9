/** What the page asks Cryptick for. What is pushed comes through `RunsLive`. */
import { createApi } from '@reduxjs/toolkit/query/react'
import { type Call, request } from './request'
import type {
  Comparison,
  ComponentFormat,
  History,
  LogPage,
  MessagePage,
  Parameter,
  Performance,
  Report,
  RowPage,
  Rows,
  Run,
  Runnable,
  RunSummary,
  StartForm,
  TablePage,
} from './runs'

const PAGE_ROWS = 10_000
/** Rows of a component that are read at most: the newest. */
export const ROWS_MAX = 100_000
const CURVE_POINTS = 1000

const cryptick = (path: string, rest: Omit<Call, 'service' | 'path'> = {}): Call => ({
  service: 'cryptick',
  path,
  ...rest,
})

/** After a sequence oldest first, or before one newest first. */
export type MessagesWanted = ({ after: number } | { before: number }) & {
  runId: string
  limit: number
  method?: string | undefined
  text?: string | undefined
}

interface RowsWanted {
  runId: string
  id: string
  generation: number
  rows: number
}

export const cryptickApi = createApi({
  reducerPath: 'cryptick',
  baseQuery: request,
  tagTypes: ['Runnables', 'Runs', 'Run', 'Components', 'Tables', 'History'],
  endpoints: (build) => ({
    getRunnables: build.query<Runnable[], void>({
      query: () => cryptick('/runnables'),
      providesTags: ['Runnables'],
    }),
    getParameters: build.query<Parameter[], string>({
      query: (name) => cryptick(`/runnables/${name}/parameters`),
      providesTags: ['Runnables'],
    }),
    getStoredHistory: build.query<History, void>({
      query: () => cryptick('/history'),
      providesTags: ['History'],
    }),
    /** Newest first. */
    getRuns: build.query<RunSummary[], void>({
      query: () => cryptick('/runs', { query: { limit: 1000 } }),
      transformResponse: (answer: Record<string, RunSummary>) => Object.values(answer),
      providesTags: ['Runs'],
    }),
    /** How the newest runs went: a few numbers each, by run. */
    getSparklines: build.query<Record<string, number[]>, void>({
      query: () => cryptick('/results', { query: { limit: 50 } }),
      transformResponse: ({ runs }: { runs: { run_id: string; sparkline: number[] }[] }) =>
        Object.fromEntries(runs.map(({ run_id, sparkline }) => [run_id, sparkline])),
      providesTags: ['Runs'],
    }),
    getRun: build.query<Run, string>({
      query: (runId) => cryptick(`/runs/${runId}`),
      providesTags: (_, __, runId) => [{ type: 'Run', id: runId }],
    }),
    getComponents: build.query<ComponentFormat[], string>({
      query: (runId) => cryptick(`/runs/${runId}/components`),
      providesTags: (_, __, runId) => [{ type: 'Components', id: runId }],
    }),
    /** A component's rows: only those are asked for that are not known yet. Use `useRows`. */
    getRows: build.query<Rows, RowsWanted>({
      serializeQueryArgs: ({ queryArgs }) =>
        `${queryArgs.runId}/${queryArgs.id}/${queryArgs.generation}`,
      queryFn: async ({ runId, id, generation, rows }, api, _, ask) => {
        const { queries } = (api.getState() as { cryptick: { queries: Record<string, unknown> } })
          .cryptick
        const key = `${runId}/${id}/${generation}`
        const kept = (queries[key] as { data?: Rows } | undefined)?.data
        const start =
          kept === undefined ? Math.max(0, rows - ROWS_MAX) : kept.offset + kept.rows.length
        const found: Rows = { offset: start, rows: [] }
        while (start + found.rows.length < rows) {
          const query = { generation, offset: start + found.rows.length, limit: PAGE_ROWS }
          const answer = await ask(cryptick(`/runs/${runId}/components/${id}/rows`, { query }))
          if (answer.error) return { error: answer.error }
          const page = answer.data as RowPage
          if (page.changed || page.rows.length === 0) break // the newer generation is asked for next
          found.rows.push(...page.rows)
        }
        return { data: found }
      },
      merge: (kept, found) => {
        if (found.offset !== kept.offset + kept.rows.length) return
        for (const row of found.rows) kept.rows.push(row)
      },
      forceRefetch: ({ currentArg, previousArg }) => currentArg?.rows !== previousArg?.rows,
      keepUnusedDataFor: 30,
    }),
    getRunOrders: build.query<TablePage, { runId: string; offset?: number; limit?: number }>({
      query: ({ runId, ...query }) => cryptick(`/runs/${runId}/orders`, { query }),
      providesTags: (_, __, { runId }) => [{ type: 'Tables', id: runId }],
    }),
    getRunTrades: build.query<TablePage, { runId: string; offset?: number; limit?: number }>({
      query: ({ runId, ...query }) => cryptick(`/runs/${runId}/trades`, { query }),
      providesTags: (_, __, { runId }) => [{ type: 'Tables', id: runId }],
    }),
    /** The newest rows of a table of a run, oldest first, `most` at most. */
    getNewest: build.query<TablePage, { runId: string; table: 'orders' | 'trades'; most: number }>({
      queryFn: async ({ runId, table, most }, _, __, ask) => {
        const path = `/runs/${runId}/${table}`
        const answer = await ask(cryptick(path, { query: { limit: 1 } }))
        if (answer.error) return { error: answer.error }
        const { total, columns } = answer.data as TablePage
        const found: TablePage = { columns, total, offset: Math.max(0, total - most), rows: [] }
        while (found.offset + found.rows.length < total) {
          const query = { offset: found.offset + found.rows.length, limit: PAGE_ROWS }
          const page = await ask(cryptick(path, { query }))
          if (page.error) return { error: page.error }
          const { rows } = page.data as TablePage
          if (rows.length === 0) break
          found.rows.push(...rows)
        }
        return { data: found }
      },
      providesTags: (_, __, { runId }) => [{ type: 'Tables', id: runId }],
    }),
    /** At most so many rows, evenly spread over the run. */
    getEquity: build.query<TablePage, string>({
      query: (runId) => cryptick(`/runs/${runId}/equity`, { query: { points: CURVE_POINTS } }),
      providesTags: (_, __, runId) => [{ type: 'Tables', id: runId }],
    }),
    getPerformance: build.query<Performance[], void>({
      query: () => cryptick('/performance'),
      providesTags: ['Runs'],
    }),
    getReport: build.query<Report, string>({
      query: (runId) => cryptick(`/runs/${runId}/report`),
      providesTags: (_, __, runId) => [{ type: 'Tables', id: runId }],
    }),
    getComparison: build.query<Comparison, readonly string[]>({
      query: (runIds) => cryptick('/compare', { query: { run_id: runIds.join(',') } }),
    }),
    getMessages: build.query<MessagePage, MessagesWanted>({
      query: ({ runId, ...query }) => cryptick(`/runs/${runId}/messages`, { query }),
      keepUnusedDataFor: 5,
    }),
    getLog: build.query<LogPage, { runId: string; offset?: number; limit?: number; tail?: number }>(
      {
        query: ({ runId, ...query }) => cryptick(`/runs/${runId}/log`, { query }),
        keepUnusedDataFor: 5,
      },
    ),
    startRun: build.mutation<{ run_id: string }, { strategy: string; form: StartForm }>({
      query: ({ strategy, form }) =>
        cryptick(`/runnables/${strategy}/start`, { method: 'PUT', body: form }),
      invalidatesTags: ['Runs'],
    }),
    /** Stop, pause or resume a run. */
    steerRun: build.mutation<unknown, { runId: string; what: 'stop' | 'pause' | 'resume' }>({
      query: ({ runId, what }) => cryptick(`/runs/${runId}/${what}`, { method: 'PUT', body: {} }),
      invalidatesTags: (_, __, { runId }) => ['Runs', { type: 'Run', id: runId }],
    }),
    deleteRun: build.mutation<unknown, string>({
      query: (runId) => cryptick(`/runs/${runId}`, { method: 'DELETE' }),
      invalidatesTags: ['Runs'],
    }),
    /** Send what the person did to a component; it answers with the value that it holds now. */
    postValue: build.mutation<{ value: unknown }, { runId: string; id: string; value: unknown }>({
      query: ({ runId, id, value }) =>
        cryptick(`/runs/${runId}/components/${id}`, { method: 'PUT', body: { value } }),
      onQueryStarted: async ({ runId, id }, { dispatch, queryFulfilled }) => {
        const done = await queryFulfilled.catch(() => null)
        if (done === null) return
        dispatch(
          cryptickApi.util.updateQueryData('getComponents', runId, (formats) => {
            const format = formats.find((each) => each.id === id)
            if (format) format.value = done.data.value
          }),
        )
      },
    }),
  }),
})

export const {
  useGetRunnablesQuery,
  useGetParametersQuery,
  useGetStoredHistoryQuery,
  useGetRunsQuery,
  useGetSparklinesQuery,
  useGetRunQuery,
  useGetComponentsQuery,
  useGetRowsQuery,
  useGetRunOrdersQuery,
  useGetRunTradesQuery,
  useGetNewestQuery,
  useGetEquityQuery,
  useGetPerformanceQuery,
  useGetReportQuery,
  useGetComparisonQuery,
  useGetMessagesQuery,
  useLazyGetMessagesQuery,
  useLazyGetLogQuery,
  useGetLogQuery,
  useStartRunMutation,
  useSteerRunMutation,
  useDeleteRunMutation,
  usePostValueMutation,
} = cryptickApi

const NO_ROWS: Rows = { offset: 0, rows: [] }

/** A component's rows as they grow. */
export function useRows(runId: string, format: ComponentFormat) {
  const { id, generation, rows } = format
  const answer = useGetRowsQuery({ runId, id, generation, rows })
  // While the next generation is read, the one before is not shown for it.
  return { ...answer, data: answer.currentData ?? NO_ROWS }
}
