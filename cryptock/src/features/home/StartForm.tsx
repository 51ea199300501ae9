/** What to run, with which money, on what: all that a run is started with. */
import {
  Autocomplete,
  Box,
  Button,
  FormHelperText,
  Skeleton,
  TextField,
  ToggleButton,
  ToggleButtonGroup,
  Typography,
} from '@mui/material'
import { type ReactNode, useId, useState } from 'react'
import { useNavigate } from 'react-router'
import {
  useGetParametersQuery,
  useGetRunnablesQuery,
  useGetRunQuery,
  useGetStoredHistoryQuery,
} from '@/shared/api/cryptick'
import type { Run, Runnable, RunMode } from '@/shared/api/runs'
import { selectCanTrade } from '@/shared/api/session'
import type { Exchange } from '@/shared/api/wire'
import { useGetExchangesQuery, useGetUnallocatedQuery } from '@/shared/api/xwrap'
import { useAppSelector } from '@/shared/hooks'
import { MODES } from '@/shared/ui/Mode'
import { Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { Allocation } from './Allocation'
import {
  type Draft,
  draftOf,
  emptyDraft,
  faultsOf,
  fundsOf,
  inMode,
  type Known,
  placesFor,
  recall,
  refusedPart,
  remember,
  spansOf,
  type Where,
} from './draft'
import { Fills } from './Fills'
import { Parameters } from './Parameters'
import { PeriodPicker } from './PeriodPicker'
import { Review } from './Review'

const HISTORY_MS = 60_000
const LABEL_MAX = 80

/** What the form is to begin with; the rest is as it was the last time. */
export interface Wish {
  strategy?: string | undefined
  mode?: RunMode | undefined
  /** The run that is to be run again. */
  from?: string | undefined
}

/** Reads what the form needs, and shows it once all of that is there. */
export function StartForm({ wish }: { wish: Wish }) {
  const runnables = useGetRunnablesQuery()
  const exchanges = useGetExchangesQuery()
  const past = useGetRunQuery(wish.from ?? '', { skip: wish.from === undefined })
  const [chosen, setChosen] = useState<string>()
  const [mode, setMode] = useState(wish.mode)
  const [last] = useState(() => recall()?.strategy)
  const all = runnables.data ?? []
  const usual = ['EfficientFrontier', all[0]?.name].find((name) =>
    all.some((each) => each.name === name),
  )
  const wished = chosen ?? past.data?.strategy ?? wish.strategy ?? last
  const strategy = all.some(({ name }) => name === wished) ? wished : usual
  const error = runnables.error ?? exchanges.error
  const again = () => {
    void runnables.refetch()
    void exchanges.refetch()
  }
  const waits = wish.from !== undefined && past.data === undefined && past.error === undefined
  return (
    <Card title="Start a run">
      <ErrorNote error={error} retry={again} />
      <ErrorNote error={past.error} />
      {wished !== undefined && runnables.data !== undefined && wished !== strategy && (
        <FormHelperText error sx={{ mb: 3 }}>
          There is no strategy {wished} here any more.
        </FormHelperText>
      )}
      {strategy === undefined || exchanges.data === undefined || waits ? (
        error === undefined &&
        (runnables.data?.length === 0 ? (
          <Empty text="There is no strategy yet. Put one into the directory of strategies." />
        ) : (
          <Skeleton variant="rounded" height={360} />
        ))
      ) : (
        <ForStrategy
          key={strategy}
          all={all}
          strategy={strategy}
          mode={mode}
          past={past.data?.strategy === strategy ? past.data : undefined}
          onStrategy={(name, inMode) => {
            setChosen(name)
            setMode(inMode)
          }}
        />
      )}
    </Card>
  )
}

interface Start {
  all: Runnable[]
  strategy: string
  mode: RunMode | undefined
  past: Run | undefined
  onStrategy: (name: string, mode: RunMode) => void
}

function ForStrategy(props: Start) {
  const { data: parameters, error, refetch } = useGetParametersQuery(props.strategy)
  const { data: exchanges = [] } = useGetExchangesQuery()
  const unallocated = useGetUnallocatedQuery()
  const history = useGetStoredHistoryQuery(undefined, { pollingInterval: HISTORY_MS })
  if (error !== undefined && parameters === undefined)
    return <ErrorNote error={error} retry={() => void refetch()} />
  if (parameters === undefined || unallocated.isLoading || history.isLoading)
    return <Skeleton variant="rounded" height={360} />
  return (
    <Form
      {...props}
      known={{ exchanges, unallocated: unallocated.data, history: history.data, parameters }}
      trouble={unallocated.error ?? history.error}
    />
  )
}

function firstDraft({ strategy, mode, past, known }: Start & { known: Known }): Draft {
  const can = (wished: RunMode | undefined) =>
    isPossible(wished, known.exchanges) ? wished : undefined
  const usual = can('paper') ?? 'backtest'
  if (past) {
    const next = can(mode) ?? can(past.mode) ?? usual
    return inMode(draftOf(past, known.parameters, next), next, known)
  }
  const before = recall(strategy)
  // Nobody begins with real money by accident.
  const last = before?.mode === 'live' ? undefined : can(before?.mode)
  return inMode(before ?? emptyDraft(strategy, usual), can(mode) ?? last ?? usual, known)
}

/** A backtest always is; what trades needs an exchange that trades in the same way. */
const isPossible = (mode: RunMode | undefined, exchanges: readonly Exchange[]): boolean =>
  mode === 'backtest' || exchanges.some((each) => each.mode === mode)

const ORDER: readonly RunMode[] = ['backtest', 'paper', 'live']

function Form(props: Start & { known: Known; trouble: unknown }) {
  const { all, known, trouble, onStrategy } = props
  const navigate = useNavigate()
  const mayTrade = useAppSelector(selectCanTrade)
  const [draft, setDraft] = useState(() => firstDraft(props))
  const [asked, setAsked] = useState(false)
  const [refused, setRefused] = useState<{ where: Where; what: string } | null>(null)
  const describedBy = useId()
  const change = (next: Partial<Draft>) => {
    const changed = { ...draft, ...next }
    setDraft(changed)
    setRefused(null)
    remember(changed)
  }
  const { mode } = draft
  const faults = faultsOf(draft, known)
  const spans = spansOf(draft, known)
  const faultAt = (where: Where) =>
    (refused?.where === where ? refused : faults.find((fault) => fault.where === where))?.what ?? ''
  const refusedName = refused?.where.startsWith('parameter ')
    ? { name: refused.where.slice('parameter '.length), what: refused.what }
    : null
  const hasLive = isPossible('live', known.exchanges)
  const first = faults[0]
  return (
    <Box sx={{ display: 'grid', gap: 5 }}>
      <Box>
        <Autocomplete
          options={all}
          value={all.find(({ name }) => name === draft.strategy) ?? null}
          getOptionLabel={({ name }) => name}
          getOptionKey={({ name }) => name}
          disableClearable={true as false}
          size="small"
          onChange={(_, next) => {
            if (next) onStrategy(next.name, mode)
          }}
          renderOption={({ key, ...option }, { name, description }) => (
            <Box component="li" key={key} {...option}>
              <Box>
                <strong>{name}</strong>
                <Typography variant="caption" component="div" color="textSecondary">
                  {description}
                </Typography>
              </Box>
            </Box>
          )}
          renderInput={(input) => <TextField {...input} label="Strategy" />}
        />
        <Typography variant="body2" color="textSecondary" sx={{ mt: 2 }}>
          {all.find(({ name }) => name === draft.strategy)?.description}
        </Typography>
      </Box>
      <Box>
        <ToggleButtonGroup
          exclusive
          size="small"
          value={mode}
          aria-label="Mode"
          aria-describedby={describedBy}
          onChange={(_, next: RunMode | null) => {
            if (next !== null) change(inMode(draft, next, known))
          }}
        >
          {ORDER.map((each) => (
            <ToggleButton
              key={each}
              value={each}
              disabled={!isPossible(each, known.exchanges)}
              sx={({ tokens }) => ({
                px: 4,
                textTransform: 'none',
                '&.Mui-selected, &.Mui-selected:hover': {
                  color: tokens[each],
                  bgcolor: `${tokens[each]}1a`,
                  fontWeight: 650,
                },
              })}
            >
              {each}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
        <FormHelperText id={describedBy} sx={{ color: ({ tokens }) => tokens[mode] }}>
          {MODES[mode]}.{' '}
          {!hasLive && (
            <Box component="span" sx={{ color: 'text.secondary' }}>
              No exchange is set up for live trading.
            </Box>
          )}
        </FormHelperText>
      </Box>
      <ErrorNote error={trouble} />
      <Part title={mode === 'backtest' ? 'Funds, of any amount' : 'Funds, of what is unallocated'}>
        <Allocation
          lines={fundsOf(draft)}
          places={placesFor(mode, known)}
          onChange={(lines) => change({ funds: { ...draft.funds, [mode]: lines } })}
        />
        <Refused what={refused?.where === 'funds' ? refused.what : ''} />
      </Part>
      {mode === 'backtest' && (
        <>
          <Part title="Period">
            <PeriodPicker
              period={draft.period}
              spans={spans}
              problem={faultAt('period')}
              onChange={(period) => change({ period })}
            />
          </Part>
          <Part title="Bars and fills">
            <Fills
              draft={draft}
              storedS={spans.reduce<number | null>(
                (most, { freqS }) => (freqS === null ? most : Math.max(most ?? 0, freqS)),
                null,
              )}
              hasRecordings={(known.history?.recordings.length ?? 0) > 0}
              problem={faultAt('fills')}
              onChange={change}
            />
          </Part>
        </>
      )}
      {known.parameters.length > 0 && (
        <Part title="Settings">
          <Parameters
            parameters={known.parameters}
            values={draft.values}
            refused={refusedName}
            onChange={(values) => change({ values })}
          />
        </Part>
      )}
      <TextField
        label="Label"
        value={draft.label}
        error={refused?.where === 'label'}
        helperText={
          refused?.where === 'label' ? refused.what : 'What you call this run, if you like'
        }
        onChange={(event) => change({ label: event.target.value })}
        slotProps={{ htmlInput: { maxLength: LABEL_MAX, autoComplete: 'off' } }}
      />
      <Box
        sx={{
          display: 'flex',
          alignItems: 'center',
          gap: 3,
          // In reach however long the form is, down to the edge of its card.
          position: 'sticky',
          bottom: { xs: -8, sm: -16 }, // over the padding of the page
          zIndex: 2,
          mx: -4,
          mb: -4,
          px: 4,
          py: 3,
          bgcolor: 'background.paper',
          borderTop: 1,
          borderColor: 'divider',
          borderRadius: '0 0 8px 8px',
        }}
      >
        <Typography variant="body2" color="textSecondary" role="status" sx={{ flex: 1 }}>
          {mayTrade
            ? first?.what
            : 'You may look, but not start: ask an administrator for the role trader.'}
        </Typography>
        <Button
          variant="contained"
          size="medium"
          disabled={!mayTrade || first !== undefined}
          onClick={() => setAsked(true)}
          sx={{ flex: 'none' }}
        >
          Review and start
        </Button>
      </Box>
      {asked && (
        <Review
          draft={draft}
          known={known}
          onStarted={(runId) => {
            remember(draft)
            void navigate(`/runs/${runId}`)
          }}
          onRefused={(problem) => {
            const where = refusedPart(problem, known.parameters)
            if (where === null) return
            setAsked(false)
            setRefused({ where, what: problem.message })
          }}
          onClose={() => setAsked(false)}
        />
      )}
    </Box>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Box component="section">
      <Typography variant="body2" component="h3" sx={{ fontWeight: 600, mb: 3 }}>
        {title}
      </Typography>
      {children}
    </Box>
  )
}

function Refused({ what }: { what: string }) {
  return what === '' ? null : (
    <FormHelperText error role="alert">
      {what}
    </FormHelperText>
  )
}
