/** What a strategy shows and asks, each component by its kind, in the order in which they were made. */
import { Box, Skeleton } from '@mui/material'
import { type ComponentType, Suspense } from 'react'
import { ROWS_MAX, useRows } from '@/shared/api/cryptick'
import type { ComponentFormat, ComponentKind, Rows, Run } from '@/shared/api/runs'
import { count } from '@/shared/format'
import { Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { Bars } from './Bars'
import { Candles } from './Candles'
import { DataTable } from './DataTable'
import { Input, isInput } from './Input'
import { Lines } from './Lines'
import { OrderTable } from './OrderTable'
import { Pie } from './Pie'
import { Scatter } from './Scatter'
import { TextLog } from './TextLog'

/** Drawings that another part of the page has for a kind. */
export type Kinds = Readonly<
  Partial<Record<ComponentKind, ComponentType<{ runId: string; format: ComponentFormat }>>>
>

export interface Shown {
  run: Run
  format: ComponentFormat
  data: Rows
}

export const HEIGHT = 280

const OUTPUTS: Partial<Record<ComponentKind, ComponentType<Shown>>> = {
  text_log: TextLog,
  table: DataTable,
  line: Lines,
  candlestick: Candles,
  scatter: Scatter,
  bar: Bars,
  pie: Pie,
  order_table: OrderTable,
}

/** Inputs that follow each other stand together. */
export function grouped(formats: readonly ComponentFormat[]): ComponentFormat[][] {
  const groups: ComponentFormat[][] = []
  for (const format of [...formats].sort((a, b) => a.placement - b.placement)) {
    const last = groups.at(-1)
    if (last?.[0] !== undefined && isInput(last[0]) && isInput(format)) last.push(format)
    else groups.push([format])
  }
  return groups
}

export function Components({
  run,
  formats,
  kinds,
}: {
  run: Run
  formats: readonly ComponentFormat[]
  kinds: Kinds
}) {
  if (formats.length === 0) return null
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 3,
        gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 520px), 1fr))',
      }}
    >
      {grouped(formats).map((group) => {
        const [first] = group
        if (first === undefined) return null
        return isInput(first) ? (
          <Card key={first.id} title="Controls">
            <Box sx={{ display: 'grid', gap: 5 }}>
              {group.map((format) => (
                <Input key={format.id} run={run} format={format} />
              ))}
            </Box>
          </Card>
        ) : (
          <Output key={first.id} run={run} format={first} Drawn={kinds[first.kind]} />
        )
      })}
    </Box>
  )
}

function Output({
  run,
  format,
  Drawn,
}: {
  run: Run
  format: ComponentFormat
  Drawn: Kinds[ComponentKind]
}) {
  if (Drawn !== undefined)
    return (
      <Card title={format.title}>
        <Suspense fallback={<Skeleton variant="rounded" height={HEIGHT} />}>
          <Drawn runId={run.run_id} format={format} />
        </Suspense>
      </Card>
    )
  return <WithRows run={run} format={format} />
}

function WithRows({ run, format }: { run: Run; format: ComponentFormat }) {
  const { data, error, refetch } = useRows(run.run_id, format)
  const Body = OUTPUTS[format.kind] ?? DataTable
  const missing = format.rows - ROWS_MAX
  return (
    <Card title={format.title}>
      <ErrorNote error={error} retry={() => void refetch()} />
      {data.rows.length > 0 ? (
        <Body run={run} format={format} data={data} />
      ) : format.rows > 0 && error === undefined ? (
        <Skeleton variant="rounded" height={HEIGHT} />
      ) : (
        error === undefined && (
          <Empty
            text={
              run.running ? 'Nothing yet: it appears here as it comes.' : 'It has stayed empty.'
            }
          />
        )
      )}
      {missing > 0 && (
        <Box sx={{ mt: 2, fontSize: 12, color: 'text.secondary' }}>
          The newest {count(ROWS_MAX, 'row')}; {count(missing, 'older one')} are in the files of the
          run.
        </Box>
      )}
    </Card>
  )
}
