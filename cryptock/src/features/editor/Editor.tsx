/** Strategies that are written here: as versions, looked through as they are typed, tried, promoted. */
import Add from '@mui/icons-material/Add'
import {
  Alert,
  Box,
  Button,
  MenuItem,
  Skeleton,
  TextField,
  Typography,
  useMediaQuery,
} from '@mui/material'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useSearchParams } from 'react-router'
import { count, wireTime } from '@/shared/format'
import { Ago, Card, Confirm, Empty, ErrorNote, Word } from '@/shared/ui/parts'
import {
  type Draft,
  type Finding,
  useGetDraftTextQuery,
  useGetEditorQuery,
  useGetWordsQuery,
  useInspectQuery,
  usePromoteDraftMutation,
  useSaveDraftMutation,
  useWithdrawDraftMutation,
} from './api'
import { Backtest } from './Backtest'
import { NewStrategy } from './NewStrategy'
import { forget, kept, keep } from './unsaved'

const Code = lazy(() => import('./Code'))

const INSPECT_MS = 700
const NO_FINDINGS: Finding[] = []
const MEANING =
  'What is written here is code that runs as the user of Cryptick’s server, each run in a process of its own. ' +
  'A version runs in backtests until it is promoted; then every trader can start it on paper and live.'

export function Editor() {
  const { data, error, refetch } = useGetEditorQuery()
  const [params, setParams] = useSearchParams()
  const [isNew, setNew] = useState(false)
  if (error !== undefined) return <ErrorNote error={error} retry={() => void refetch()} />
  if (data === undefined) return <Skeleton variant="rounded" height={400} />
  if (!data.enabled)
    return (
      <Card title="Editor">
        <Empty text="Strategies are not written here: set “editor” to true among “cryptick” in the server’s settings to allow administrators to. They write code that runs as the server’s user." />
      </Card>
    )
  const name = params.get('of') ?? data.drafts[0]?.name ?? null
  const open = (next: string) => setParams({ of: next }, { replace: true })
  const draft = data.drafts.find((each) => each.name === name)
  const started = name === null ? null : kept(name)
  const isUnsaved = name !== null && draft === undefined && started !== null
  const listed: Draft[] = isUnsaved
    ? [...data.drafts, { name, versions: [], promoted: null }]
    : data.drafts
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 3,
        gridTemplateColumns: { xs: 'minmax(0, 1fr)', md: '220px minmax(0, 1fr)' },
        alignItems: 'start',
      }}
    >
      <Card
        title="Strategies"
        action={
          <Button size="small" startIcon={<Add />} onClick={() => setNew(true)}>
            New
          </Button>
        }
      >
        {listed.length === 0 && <Typography variant="body2">None yet.</Typography>}
        <Box component="nav" aria-label="Strategies" sx={{ display: 'grid', gap: 1 }}>
          {listed.map((each) => (
            <Button
              key={each.name}
              color="inherit"
              aria-current={each.name === name}
              onClick={() => open(each.name)}
              sx={{
                justifyContent: 'space-between',
                fontWeight: each.name === name ? 650 : 400,
                ...(each.name === name && { bgcolor: 'action.selected' }),
              }}
            >
              {each.name}
              <Word tone={each.promoted === null ? 'dim' : 'good'}>
                {each.promoted !== null
                  ? `v${each.promoted}`
                  : each.versions.length === 0
                    ? 'not saved'
                    : 'draft'}
              </Word>
            </Button>
          ))}
        </Box>
      </Card>
      {name !== null && (draft !== undefined || started !== null) ? (
        <Writing key={name} name={name} draft={draft ?? { name, versions: [], promoted: null }} />
      ) : (
        <Card title="Editor">
          <Empty text="Write a strategy of your own: one class, which runs unchanged in backtests, on paper and live.">
            <Button variant="contained" onClick={() => setNew(true)}>
              New strategy
            </Button>
          </Empty>
        </Card>
      )}
      {isNew && (
        <NewStrategy
          taken={data.drafts.map((each) => each.name)}
          onClose={() => setNew(false)}
          onMade={(made, text) => {
            keep(made, text)
            setNew(false)
            open(made)
          }}
        />
      )}
    </Box>
  )
}

/** One strategy. */
function Writing({ name, draft }: { name: string; draft: Draft }) {
  const newest = draft.versions.at(-1)?.version ?? 0
  const [looked, setLooked] = useState<number | null>(null)
  const version = looked ?? newest
  const { currentData: saved = '', error } = useGetDraftTextQuery(
    { name, version },
    { skip: version === 0 },
  )
  const [written, setWritten] = useState(() => kept(name))
  const isOld = looked !== null && looked !== newest
  const text = isOld ? saved : (written ?? saved)
  const isChanged = !isOld && written !== null && written !== saved
  const [note, setNote] = useState('')
  const [asking, setAsking] = useState<'promote' | 'withdraw' | 'backtest' | null>(null)
  const [goTo, setGoTo] = useState<{ line: number } | null>(null)
  const [save, saving] = useSaveDraftMutation()
  const [promote, promoting] = usePromoteDraftMutation()
  const [withdraw, withdrawing] = useWithdrawDraftMutation()
  const phone = useMediaQuery('(max-width: 700px)')
  const { data: words } = useGetWordsQuery()
  const inspected = useDelayed(text, INSPECT_MS)
  const { currentData: inspection, isFetching } = useInspectQuery(inspected, {
    skip: inspected.trim() === '',
  })
  const isCurrent = inspected === text && !isFetching
  const findings = inspection?.findings ?? NO_FINDINGS
  const loads = isCurrent && inspection?.strategies.some((each) => each.name === name) === true

  useEffect(() => {
    if (!isChanged) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [isChanged])

  const write = (next: string) => {
    if (isOld) return
    setWritten(next)
    keep(name, next)
  }
  const store = async () => {
    if (!isChanged || saving.isLoading) return
    const done = await save({ name, text, version: newest, note })
    if (done.error !== undefined) return
    // What was typed while it was being saved stays.
    if (kept(name) === text) {
      forget(name)
      setWritten(null)
    }
    setNote('')
  }
  const close = () => setAsking(null)
  return (
    <Card
      title={
        <>
          {name}{' '}
          <Box component="span" sx={{ fontWeight: 400, color: 'text.secondary' }}>
            {newest === 0 ? 'not saved yet' : `version ${version}`}
          </Box>{' '}
          {isChanged && <Word tone="warn">changed</Word>}
        </>
      }
      action={
        <>
          {draft.versions.length > 1 && (
            <TextField
              select
              size="small"
              label="Version"
              value={version}
              onChange={(event) => {
                const next = Number(event.target.value)
                setLooked(next === newest ? null : next)
              }}
              sx={{ minWidth: 96 }}
            >
              {draft.versions.toReversed().map((each) => (
                <MenuItem key={each.version} value={each.version} dense>
                  {each.version}
                  <Box component="span" sx={{ color: 'text.secondary', ml: 2 }}>
                    <Ago at={wireTime(each.saved_at)} /> {each.saved_by} {each.note}
                  </Box>
                </MenuItem>
              ))}
            </TextField>
          )}
          {isOld ? (
            <Button
              onClick={() => {
                setLooked(null)
                setWritten(saved)
                keep(name, saved)
              }}
            >
              Go on from this version
            </Button>
          ) : (
            <>
              <TextField
                size="small"
                label="What changed"
                value={note}
                onChange={(event) => setNote(event.target.value)}
                slotProps={{ htmlInput: { maxLength: 200 } }}
                sx={{ width: 180 }}
              />
              <Button
                variant="contained"
                disabled={!isChanged}
                loading={saving.isLoading}
                onClick={() => void store()}
              >
                Save version
              </Button>
            </>
          )}
          <Button disabled={isChanged || newest === 0} onClick={() => setAsking('backtest')}>
            Backtest
          </Button>
          {draft.promoted === version ? (
            <Button color="inherit" onClick={() => setAsking('withdraw')}>
              Withdraw
            </Button>
          ) : (
            <Button disabled={isChanged || !loads} onClick={() => setAsking('promote')}>
              Promote
            </Button>
          )}
        </>
      }
    >
      <ErrorNote error={error ?? saving.error} />
      {isOld && (
        <Alert severity="info" variant="outlined" sx={{ mb: 2 }}>
          This is version {version} as it was saved; versions never change.
        </Alert>
      )}
      <Box
        sx={{
          height: phone ? '60dvh' : 'max(320px, calc(100dvh - 360px))',
          border: 1,
          borderColor: 'divider',
          borderRadius: '6px',
          overflow: 'hidden',
        }}
      >
        <Suspense fallback={<Skeleton variant="rectangular" height="100%" />}>
          <Code
            text={text}
            readOnly={isOld}
            words={words}
            findings={isCurrent ? findings : NO_FINDINGS}
            goTo={goTo}
            onChange={write}
            onSave={() => void store()}
          />
        </Suspense>
      </Box>
      <Box sx={{ mt: 2, minHeight: 84 }} aria-live="polite">
        {!isCurrent ? (
          <Typography variant="body2" color="textSecondary">
            looking through it …
          </Typography>
        ) : findings.length === 0 && loads ? (
          <Typography variant="body2">
            <Word tone="good">✓ it loads:</Word> {name} with{' '}
            {count(inspection.strategies[0]?.parameters.length ?? 0, 'parameter')}
          </Typography>
        ) : (
          <>
            {findings.slice(0, 20).map((each) => (
              <Box key={`${each.line}:${each.column}:${each.message}`}>
                <Button
                  size="small"
                  color="inherit"
                  onClick={() => setGoTo({ line: each.line })}
                  sx={{ textAlign: 'left', fontWeight: 400, py: 0 }}
                >
                  <Word tone={each.severity === 'error' ? 'bad' : 'warn'}>
                    {each.severity === 'error' ? '✕' : '△'} line {each.line}
                  </Word>
                  &ensp;{each.message}
                </Button>
              </Box>
            ))}
            {inspection !== undefined && inspection.strategies.length > 0 && !loads && (
              <Typography variant="body2">
                <Word tone="warn">Its class must be called {name}</Word>, so that it is found by
                that name.
              </Typography>
            )}
          </>
        )}
      </Box>
      <Typography variant="body2" color="textSecondary" sx={{ mt: 2 }}>
        {MEANING} Keys: Ctrl S saves, Ctrl Space completes; Esc and then Tab leaves the text.
      </Typography>
      {asking === 'backtest' && <Backtest name={name} version={version} onClose={close} />}
      <Confirm
        open={asking === 'promote'}
        title={`Promote version ${version} of ${name}?`}
        verb="Promote"
        busy={promoting.isLoading}
        onClose={close}
        onConfirm={() => {
          void promote({ name, version }).then(
            ({ error: failed }) => failed === undefined && close(),
          )
        }}
      >
        <Typography>
          Every trader can start {name} then, on paper and live, with real money where an exchange
          is live.{' '}
          {draft.promoted === null
            ? ''
            : `It takes the place of version ${draft.promoted}; runs of that one go on as they are.`}
        </Typography>
        <ErrorNote error={promoting.error} />
      </Confirm>
      <Confirm
        open={asking === 'withdraw'}
        title={`Withdraw ${name}?`}
        verb="Withdraw"
        busy={withdrawing.isLoading}
        onClose={close}
        onConfirm={() => {
          void withdraw({ name }).then(({ error: failed }) => failed === undefined && close())
        }}
      >
        <Typography>
          Nobody can start it any more but in backtests of its versions. Runs of it go on.
        </Typography>
        <ErrorNote error={withdrawing.error} />
      </Confirm>
    </Card>
  )
}

/** A value as it was once it has not changed for a time. */
function useDelayed(value: string, delay_ms: number): string {
  const [delayed, setDelayed] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(value), delay_ms)
    return () => clearTimeout(timer)
  }, [value, delay_ms])
  return delayed
}
