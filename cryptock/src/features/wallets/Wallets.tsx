import Add from '@mui/icons-material/Add'
import { Box, Button, Skeleton, Typography } from '@mui/material'
import { lazy, Suspense, useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { selectCanTrade, selectIsAdmin } from '@/shared/api/session'
import type { Control, Wallet, WalletSet } from '@/shared/api/wire'
import {
  useGetControlQuery,
  useGetExchangesQuery,
  useGetHistoryQuery,
  useGetIncidentsQuery,
  useGetMovementsQuery,
  useGetWalletsQuery,
} from '@/shared/api/xwrap'
import { grouped, wireTime } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { selectOpen } from '@/shared/live/orders'
import { assetColour } from '@/shared/theme'
import { LEDGER } from '@/shared/wallets/ledger'
import { Ago, Card, Empty, ErrorNote, Num, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { AddFunds } from '@/shared/wallets/AddFunds'
import { Total } from '@/shared/wallets/Total'
import { valueOverTime } from '@/shared/wallets/history'
import { worth } from '@/shared/wallets/worth'
import { Acknowledge, Allocate, CloseSet, NewSet } from './dialogs'

const HistoryChart = lazy(() => import('./HistoryChart'))

type Asked =
  | { what: 'new' }
  | { what: 'funds' }
  | { what: 'allocate' | 'close'; id: number }
  | { what: 'acknowledge'; entry: Control['suspense'][number] }

const COLUMNS: Column<Wallet>[] = [
  {
    name: 'Currency',
    width: 'minmax(80px, 1fr)',
    cell: ({ currency }) => (
      <>
        <Box component="span" sx={{ color: assetColour(currency), mr: 2 }} aria-hidden>
          ●
        </Box>
        {currency}
      </>
    ),
  },
  amountColumn('Balance', 100, ({ balance }) => <Num value={balance} />),
  amountColumn('Worth, USD', 104, ({ present_value }) => (
    <Num value={present_value.balance_usd} digits={{ max: 2, min: 2 }} />
  )),
  amountColumn('Available', 100, (wallet) => <Num value={wallet.available} />),
  amountColumn('On hold', 80, ({ hold }) => <Num value={hold} />),
  { name: 'Exchange', width: 'minmax(70px, 1fr)', cell: ({ exchange }) => exchange },
]

const UNALLOCATED = COLUMNS.filter(({ name }) => name !== 'Exchange')

const SETS: Column<WalletSet>[] = [
  {
    name: 'For',
    width: 'minmax(90px, 1fr)',
    cell: (set) => (
      <>
        {set.run_id} <SetState set={set} />
      </>
    ),
  },
  {
    name: 'Worth, USD',
    width: '130px',
    number: true,
    cell: (set) => <Num value={worth(set.wallets).usd} digits={{ max: 2, min: 2 }} />,
  },
]

const MOVEMENTS_MS = 10_000

function amountColumn(name: string, px: number, cell: Column<Wallet>['cell']): Column<Wallet> {
  return { name, width: `minmax(${px}px, 1fr)`, number: true, cell }
}

const walletKey = ({ exchange, currency }: Wallet) => `${exchange}:${currency}`

export function Wallets() {
  const { data, error, refetch } = useGetWalletsQuery()
  const { data: exchanges = [] } = useGetExchangesQuery()
  const { data: control } = useGetControlQuery()
  const mayTrade = useAppSelector(selectCanTrade)
  const isAdmin = useAppSelector(selectIsAdmin)
  const open = useAppSelector(selectOpen)
  const [params, setParams] = useSearchParams()
  const [asked, setAsked] = useState<Asked | null>(params.has('new') ? { what: 'new' } : null)
  const [chosen, setChosen] = useState<number | null>(null)
  const close = () => {
    setAsked(null)
    setParams({}, { replace: true })
  }
  if (data === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={400} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  const paper = exchanges.filter(({ mode }) => mode === 'paper')
  const selected = data.sets.find(({ id }) => id === chosen) ?? data.sets[0]
  const concerned =
    asked !== null && 'id' in asked ? data.sets.find(({ id }) => id === asked.id) : undefined
  return (
    <Box sx={{ display: 'grid', gap: 3 }}>
      <ErrorNote error={error} retry={() => void refetch()} />
      <Total
        title="All funds"
        wallets={data}
        action={
          <>
            {isAdmin && paper.length > 0 && (
              <Button onClick={() => setAsked({ what: 'funds' })}>Add virtual funds</Button>
            )}
            <Button
              variant="contained"
              startIcon={<Add />}
              disabled={!mayTrade}
              onClick={() => setAsked({ what: 'new' })}
            >
              New wallet set
            </Button>
          </>
        }
      />
      {(control?.suspense.length ?? 0) > 0 && (
        <Card title="Differences with the exchanges’ own books">
          {control?.suspense.map((entry) => (
            <Box
              key={`${entry.exchange}:${entry.currency}`}
              sx={{ display: 'flex', gap: 3, alignItems: 'center', py: 1 }}
            >
              <Typography variant="body2" sx={{ flex: 1 }}>
                <Word tone="warn">
                  {grouped(entry.amount)} {entry.currency}
                </Word>{' '}
                on {entry.exchange}. New orders in {entry.currency} wait there until somebody says
                what this is.
              </Typography>
              {isAdmin && (
                <Button variant="outlined" onClick={() => setAsked({ what: 'acknowledge', entry })}>
                  Acknowledge
                </Button>
              )}
            </Box>
          ))}
        </Card>
      )}
      <Box
        sx={{
          display: 'grid',
          gap: 3,
          gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 3fr) minmax(0, 5fr)' },
          alignItems: 'start',
        }}
      >
        <Card title="Wallet sets">
          {data.sets.length === 0 ? (
            <Empty text="A wallet set is the money of one run or desk, and nothing else can spend it. There is none yet.">
              {mayTrade && (
                <Button variant="outlined" onClick={() => setAsked({ what: 'new' })}>
                  Allocate funds
                </Button>
              )}
            </Empty>
          ) : (
            <Table
              label="Wallet sets"
              rows={data.sets.toReversed()}
              keyOf={({ id }) => id}
              selected={selected?.id}
              onOpen={({ id }) => setChosen(id)}
              height="480px"
              columns={SETS}
            />
          )}
        </Card>
        {selected && (
          <Card
            title={selected.run_id}
            action={
              mayTrade &&
              !selected.closing && (
                <>
                  <Button onClick={() => setAsked({ what: 'allocate', id: selected.id })}>
                    Move funds
                  </Button>
                  <Button
                    color="error"
                    onClick={() => setAsked({ what: 'close', id: selected.id })}
                  >
                    Close
                  </Button>
                </>
              )
            }
          >
            {selected.frozen && (
              <Typography sx={{ mb: 2 }}>
                <Word tone="bad">Frozen:</Word> {selected.frozen}
              </Typography>
            )}
            <Table
              label={`Wallets of ${selected.run_id ?? ''}`}
              columns={COLUMNS}
              rows={selected.wallets}
              keyOf={walletKey}
            />
            <History key={selected.id} set={selected} />
            <Movements key={`movements ${selected.id}`} set={selected} />
          </Card>
        )}
      </Box>
      <Card title="Unallocated">
        <Table
          label="Unallocated funds"
          columns={UNALLOCATED}
          rows={data.unallocated.wallets}
          keyOf={walletKey}
        />
      </Card>
      <Incidents />
      {asked?.what === 'new' && <NewSet onClose={close} />}
      {asked?.what === 'funds' && <AddFunds exchanges={paper} onClose={close} />}
      {asked?.what === 'acknowledge' && <Acknowledge entry={asked.entry} onClose={close} />}
      {asked?.what === 'allocate' && concerned && <Allocate set={concerned} onClose={close} />}
      {asked?.what === 'close' && concerned && (
        <CloseSet
          set={concerned}
          openOrders={open.filter(({ wallet_set_id }) => wallet_set_id === concerned.id).length}
          onClose={close}
        />
      )}
    </Box>
  )
}

function SetState({ set }: { set: WalletSet }) {
  if (set.frozen) return <Word tone="bad">frozen</Word>
  return set.closing ? <Word tone="dim">closing</Word> : null
}

function History({ set }: { set: WalletSet }) {
  const { data, error } = useGetHistoryQuery(set.id, { pollingInterval: 60_000 })
  const points = useMemo(() => (data ? valueOverTime(data) : []), [data])
  if (error !== undefined) return <ErrorNote error={error} />
  if (points.length < 2)
    return (
      <Typography variant="body2" color="textSecondary" sx={{ mt: 4 }}>
        Its value over time is drawn here from the second minute on.
      </Typography>
    )
  return (
    <Box sx={{ mt: 4 }}>
      <Typography variant="h2" sx={{ mb: 2 }}>
        Value, USD
      </Typography>
      <Suspense fallback={<Skeleton variant="rounded" height={200} />}>
        <HistoryChart points={points} name={set.run_id ?? ''} />
      </Suspense>
    </Box>
  )
}

function Movements({ set }: { set: WalletSet }) {
  const { data, error } = useGetMovementsQuery(
    { wallet_set_id: set.id },
    { pollingInterval: MOVEMENTS_MS },
  )
  return (
    <Box sx={{ mt: 4 }}>
      <Typography variant="h2" sx={{ mb: 2 }}>
        Movements
      </Typography>
      <ErrorNote error={error} />
      {data?.length === 0 && <Typography variant="body2">Nothing has been moved yet.</Typography>}
      {data !== undefined && data.length > 0 && (
        <Table
          label={`Movements of ${set.run_id ?? ''}`}
          rows={data}
          keyOf={({ id }) => id}
          columns={LEDGER}
          height="320px"
        />
      )}
    </Box>
  )
}

function Incidents() {
  const { data = [] } = useGetIncidentsQuery()
  if (data.length === 0) return null
  return (
    <Card title="What needed a person’s eye">
      {data.slice(0, 20).map((incident) => (
        <Box
          key={`${incident.time}:${incident.subject}:${incident.kind}`}
          sx={{
            display: 'grid',
            gridTemplateColumns: { xs: '1fr', sm: '90px 130px 1fr' },
            columnGap: 3,
            py: 1,
            fontSize: 13,
          }}
        >
          <Box sx={{ color: 'text.secondary' }}>
            <Ago at={wireTime(incident.time)} />
          </Box>
          <Word tone="warn">{incident.kind.replace('_', ' ')}</Word>
          <span>{[incident.exchange, incident.text].filter(Boolean).join(': ')}</span>
        </Box>
      ))}
    </Card>
  )
}
