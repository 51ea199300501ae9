/** What the editor asks Cryptick for. */
import { cryptickApi } from '@/shared/api/cryptick'
import type { Parameter } from '@/shared/api/runs'

export interface Version {
  version: number
  saved_at: string
  saved_by: string
  note: string
}

export interface Draft {
  name: string
  /** The oldest first. */
  versions: Version[]
  promoted: number | null
}

export interface Finding {
  severity: 'error' | 'warning'
  message: string
  /** From 1, as are columns. */
  line: number
  column: number
  end_line: number
  end_column: number
}

export interface Inspection {
  findings: Finding[]
  strategies: { name: string; description: string; parameters: Parameter[] }[]
}

export interface Word {
  label: string
  /** What it is written after, such as `self.`. */
  after: string
  kind: 'method' | 'attribute' | 'class' | 'function'
  signature: string
  text: string
  /** Where it is imported from; empty where nothing has to be. */
  module: string
}

const ask = (path: string) => ({ service: 'cryptick' as const, path: `/editor${path}` })
const tell = (path: string, body: unknown) => ({ ...ask(path), method: 'PUT' as const, body })

const editorApi = cryptickApi.enhanceEndpoints({ addTagTypes: ['Drafts'] }).injectEndpoints({
  endpoints: (build) => ({
    getEditor: build.query<{ enabled: boolean; drafts: Draft[] }, void>({
      query: () => ask(''),
      providesTags: ['Drafts'],
    }),
    getWords: build.query<Word[], void>({ query: () => ask('/words') }),
    getTemplate: build.query<string, string>({
      query: (name) => ask(`/template/${name}`),
      transformResponse: ({ text }: { text: string }) => text,
    }),
    getDraftText: build.query<string, { name: string; version: number }>({
      query: ({ name, version }) => ask(`/drafts/${name}/${version}`),
      transformResponse: ({ text }: { text: string }) => text,
    }),
    inspect: build.query<Inspection, string>({
      query: (text) => ({ ...ask('/inspect'), body: { text } }),
      keepUnusedDataFor: 60,
    }),
    saveDraft: build.mutation<Draft, { name: string; text: string; version: number; note: string }>(
      {
        query: ({ name, ...body }) => tell(`/drafts/${name}`, body),
        invalidatesTags: ['Drafts'],
        // A version never changes: its text is known, and is shown without being read again.
        onQueryStarted: async ({ name, text }, { dispatch, queryFulfilled }) => {
          const { data } = await queryFulfilled.catch(() => ({ data: undefined }))
          const version = data?.versions.at(-1)?.version
          if (data === undefined || version === undefined) return
          void dispatch(editorApi.util.upsertQueryData('getDraftText', { name, version }, text))
          dispatch(
            editorApi.util.updateQueryData('getEditor', undefined, (known) => {
              known.drafts = [...known.drafts.filter((each) => each.name !== name), data]
            }),
          )
        },
      },
    ),
    promoteDraft: build.mutation<Draft, { name: string; version: number }>({
      query: ({ name, version }) => tell(`/drafts/${name}/promote`, { version }),
      invalidatesTags: ['Drafts', 'Runnables'],
    }),
    withdrawDraft: build.mutation<Draft, { name: string }>({
      query: ({ name }) => tell(`/drafts/${name}/withdraw`, {}),
      invalidatesTags: ['Drafts', 'Runnables'],
    }),
  }),
})

export const {
  useGetEditorQuery,
  useGetWordsQuery,
  useLazyGetTemplateQuery,
  useGetDraftTextQuery,
  useInspectQuery,
  useSaveDraftMutation,
  usePromoteDraftMutation,
  useWithdrawDraftMutation,
} = editorApi
