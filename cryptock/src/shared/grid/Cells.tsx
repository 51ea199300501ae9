/** What is drawn of one line. Plain elements with classes: a screenful of them changes within a frame. */
import { memo } from 'react'
import { amount, isZero } from '../amount'
import { ago, count, DASH, grouped, utc, wireTime } from '../format'
import { useNow } from '../hooks'
import { type GridColumn, read } from './columns'
import type { Group } from './lines'

function Since({ iso }: { iso: string }) {
  const at = wireTime(iso)
  return (
    <time dateTime={iso} title={utc(at)}>
      {ago(at, Math.max(useNow(), at))}
    </time>
  )
}

function Value<Row>({ column, row }: { column: GridColumn<Row>; row: Row }) {
  const { type, value, tone, label, digits } = column
  const text = value(row)
  if (text === '') return <span className="dim">{DASH}</span>
  if (type === 'time') return <Since iso={text} />
  if (type === 'amount') return <Sum text={text} {...(digits && { digits })} />
  const words = label?.(text) ?? text
  return tone === undefined ? words : <span className={`word ${tone(row)}`}>{words}</span>
}

function Sum({ text, digits }: { text: string; digits?: { max?: number; min?: number } }) {
  const value = amount(text)
  return isZero(value) ? (
    <span className="dim">{DASH}</span>
  ) : (
    <span className="number">{grouped(value, digits)}</span>
  )
}

interface LineProps<Row> {
  /** Of all cells of the grid; the line's and the column's number follow. */
  id: string
  index: number
  columns: readonly GridColumn<Row>[]
  /** The column that the keyboard is at; -1 if it is on another line. */
  at: number
}

const style = (of: GridColumn<never>['type']): string => (of === 'amount' ? 'cell right' : 'cell')

function RowLineDrawn<Row>({
  id,
  index,
  columns,
  at,
  row,
  level,
  selected,
}: LineProps<Row> & { row: Row; level: number; selected: boolean }) {
  return (
    <div
      role="row"
      className={selected ? 'line row selected' : 'line row'}
      data-line={index}
      aria-rowindex={index + 2}
      aria-selected={selected}
      aria-level={level === 0 ? undefined : level + 1}
    >
      {columns.map((column, place) => (
        <div
          key={column.id}
          role="gridcell"
          id={`${id}-${index}-${place}`}
          aria-colindex={place + 1}
          className={`${style(column.type)}${at === place ? ' at' : ''}`}
        >
          <Value column={column} row={row} />
        </div>
      ))}
    </div>
  )
}

/** A row; drawn again only if it is another one or stands otherwise. */
export const RowLine = memo(RowLineDrawn) as typeof RowLineDrawn

/** A group with the count of its rows, and sums below the columns that have them. */
export function GroupLine<Row>({
  id,
  index,
  columns,
  at,
  group,
}: LineProps<Row> & { group: Group<Row> }) {
  const { depth, column, value, tally, open } = group
  const summed = columns.findIndex(({ unit }, place) => place > 0 && unit !== undefined)
  const span = summed < 0 ? columns.length : summed
  return (
    <div
      role="row"
      className="line group"
      data-line={index}
      aria-rowindex={index + 2}
      aria-level={depth + 1}
      aria-expanded={open}
    >
      <div
        role="gridcell"
        id={`${id}-${index}-${at >= 0 && at < span ? at : 0}`}
        aria-colindex={1}
        aria-colspan={span}
        className={`cell${at >= 0 && at < span ? ' at' : ''}`}
        style={{ gridColumn: `1 / span ${span}`, paddingLeft: depth * 20 }}
      >
        <span className="caret" aria-hidden>
          {open ? '▾' : '▸'}
        </span>
        <span className="dim">{column.name}</span> <strong>{read(column, value)}</strong>{' '}
        <span className="dim">{count(tally.count, 'row')}</span>
      </div>
      {columns.slice(span).map((each, past) => (
        <div
          key={each.id}
          role="gridcell"
          id={`${id}-${index}-${span + past}`}
          aria-colindex={span + past + 1}
          className={`${style(each.type)}${at === span + past ? ' at' : ''}`}
        >
          {each.unit !== undefined && <Sums column={each} group={group} />}
        </div>
      ))}
    </div>
  )
}

function Sums<Row>({ column, group }: { column: GridColumn<Row>; group: Group<Row> }) {
  const sums = group.tally.sums(column.id)
  const [first] = sums
  if (first === undefined) return <span className="dim">{DASH}</span>
  const told = sums.map(([unit, sum]) => `${grouped(sum, column.digits)} ${unit}`)
  // What is counted in different things has no sum.
  if (sums.length > 1)
    return (
      <span className="dim" title={told.join('\n')}>
        {sums.length} units
      </span>
    )
  return (
    <span title={told[0]}>
      <Sum text={first[1]} {...(column.digits && { digits: column.digits })} />
    </span>
  )
}
