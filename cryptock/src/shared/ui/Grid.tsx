/**
 * A table of up to 100,000 rows, to be sorted, filtered, grouped and looked at in ways that can be kept.
 *
 * What it shows and how stands in the page's address. Rows come in the order of their numbers, the
 * highest first; new ones move neither what is looked at nor what is chosen.
 */
import { Box, Button, Menu, MenuItem } from '@mui/material'
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { planOf } from '../grid/arrange'
import { Arranger } from '../grid/arranger'
import { type GridColumn, isGroupable } from '../grid/columns'
import { exportCsv } from '../grid/export'
import { FilterEditor } from '../grid/FilterEditor'
import { type Line, Lines } from '../grid/lines'
import { HEAD, Scroller } from '../grid/Scroller'
import { LINE_PX } from '../grid/style'
import { DRAGGED, Toolbar } from '../grid/Toolbar'
import { useView } from '../grid/useView'
import { filteredBy, type GridView, groupedBy, movedTo, shown, sortedBy } from '../grid/view'
import { count } from '../format'

export type { GridColumn, GridView }

/** What the keyboard is at or what is on top, so that it is found again among others. */
type Mark<Row> = { row: Row } | { path: string } | 'head'

interface OpenGroups {
  all: boolean
  /** Those that are not as `all` says. */
  except: ReadonlySet<string>
}

export function Grid<Row>({
  label,
  place,
  columns,
  rows,
  numberOf,
  standard,
  height,
  selected,
  onOpen,
  what,
  status,
  empty,
}: {
  label: string
  /** What views are saved under, and the name of an exported file. */
  place: string
  columns: readonly GridColumn<Row>[]
  rows: readonly Row[]
  numberOf: (row: Row) => number
  /** How it is looked at unless somebody has said otherwise. */
  standard: GridView
  height: string
  /** The number of the row that is open. */
  selected?: number | undefined
  onOpen: (row: Row) => void
  /** What a row is, such as `order`. */
  what: string
  status?: ReactNode
  /** What is said where there are no rows at all. */
  empty: ReactNode
}) {
  const id = useId()
  const ids = useMemo(() => columns.map((column) => column.id), [columns])
  const inUse = useView(place, ids, standard)
  const { view, change } = inUse
  const told = JSON.stringify([view.sort, view.filters, view.groups])
  const plan = useMemo(() => {
    const [sort, filters, groups] = JSON.parse(told) as [
      GridView['sort'],
      GridView['filters'],
      GridView['groups'],
    ]
    return planOf({ sort, filters, groups }, columns, numberOf)
  }, [told, columns, numberOf])
  const [arranger] = useState(() => new Arranger<Row>())
  useLayoutEffect(() => arranger.set(rows, plan), [arranger, rows, plan])
  useEffect(() => () => arranger.stop(), [arranger])
  const { arrangement, plan: made, busy } = useSyncExternalStore(arranger.subscribe, arranger.read)
  const [open, setOpen] = useState<OpenGroups>({ all: false, except: new Set() })
  const lines = useMemo(
    () => new Lines(arrangement, made ?? plan, (path) => open.all !== open.except.has(path)),
    [arrangement, made, plan, open],
  )
  const drawnColumns = useMemo(
    () => view.columns.flatMap((each) => columns.find((column) => column.id === each) ?? []),
    [view.columns, columns],
  )
  const [mark, setMark] = useState<{ at: Mark<Row>; column: number } | null>(null)
  const [menu, setMenu] = useState<{ column: string; at: HTMLElement } | null>(null)
  const [filtering, setFiltering] = useState<{ column: string; at: HTMLElement } | null>(null)

  const scroller = useRef<HTMLDivElement>(null)
  const isSelected = useCallback((row: Row) => numberOf(row) === selected, [numberOf, selected])

  const lineOf = (of: Mark<Row>): number =>
    of === 'head' ? HEAD : 'row' in of ? lines.of(of.row) : lines.ofGroup(of.path)
  const markOf = (line: Line<Row> | null): Mark<Row> =>
    line === null
      ? 'head'
      : line.group === undefined
        ? { row: line.row }
        : { path: line.group.path }
  const atLine = mark === null ? null : lineOf(mark.at)
  const atColumn = Math.min(mark?.column ?? 0, drawnColumns.length - 1)

  // What is on top stays there, however many rows come above it.
  const top = useRef<{ mark: Mark<Row>; line: number } | null>(null)
  useLayoutEffect(() => {
    const element = scroller.current
    const held = top.current
    if (element === null || held === null || held.mark === 'head') return
    const line = 'row' in held.mark ? lines.of(held.mark.row) : lines.ofGroup(held.mark.path)
    if (line >= 0 && line !== held.line) element.scrollTop += (line - held.line) * LINE_PX
    top.current = line < 0 ? null : { ...held, line }
  }, [lines])
  const noteTop = () => {
    const line = Math.floor((scroller.current?.scrollTop ?? 0) / LINE_PX)
    top.current = line === 0 ? null : { mark: markOf(lines.at(line)), line }
  }

  const toggle = (path: string) =>
    setOpen(({ all, except }) => {
      const next = new Set(except)
      if (!next.delete(path)) next.add(path)
      return { all, except: next }
    })
  const act = (line: Line<Row> | null) => {
    if (line?.group !== undefined) toggle(line.group.path)
    else if (line !== null) onOpen(line.row)
  }
  const click = (event: MouseEvent<HTMLElement>) => {
    const drawn = (event.target as HTMLElement).closest<HTMLElement>('[data-line]')
    if (drawn === null) return
    const line = lines.at(Number(drawn.dataset.line))
    const cell = (event.target as HTMLElement).closest('[aria-colindex]')
    setMark({ at: markOf(line), column: Number(cell?.getAttribute('aria-colindex') ?? 1) - 1 })
    act(line)
  }
  const go = (line: number, column: number) => {
    const to = Math.max(HEAD, Math.min(lines.count - 1, line))
    setMark({
      at: to === HEAD ? 'head' : markOf(lines.at(to)),
      column: Math.max(0, Math.min(drawnColumns.length - 1, column)),
    })
    const element = scroller.current
    if (element === null || to === HEAD) return
    const above = to * LINE_PX
    const below = above + 2 * LINE_PX - element.clientHeight
    if (element.scrollTop > above) element.scrollTop = above
    else if (element.scrollTop < below) element.scrollTop = below
  }
  const press = (event: KeyboardEvent<HTMLElement>) => {
    const line = atLine === null || atLine < HEAD ? HEAD : atLine
    const group = line === HEAD ? undefined : lines.at(line)?.group
    const column = drawnColumns[atColumn]
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / LINE_PX) - 2)
    const move = event.key === 'ArrowRight' ? 1 : -1
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(line + 1, atColumn),
      ArrowUp: () => go(line - 1, atColumn),
      PageDown: () => go(line + page, atColumn),
      PageUp: () => go(Math.max(0, line - page), atColumn),
      Home: () => go(event.ctrlKey ? 0 : line, 0),
      End: () => go(event.ctrlKey ? lines.count - 1 : line, drawnColumns.length - 1),
      Enter: () => {
        if (line === HEAD && column) change(sortedBy(view, column.id, event.shiftKey))
        else act(lines.at(line))
      },
    }
    keys.ArrowLeft = keys.ArrowRight = () => {
      const neighbour = drawnColumns[atColumn + move]
      if (line === HEAD && event.altKey && column && neighbour) {
        change(movedTo(view, column.id, neighbour.id))
        go(line, atColumn + move)
      } else if (group !== undefined && group.open !== move > 0 && atColumn === 0)
        toggle(group.path)
      else go(line, atColumn + move)
    }
    const openMenu = event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10')
    if ((openMenu || (event.altKey && event.key === 'ArrowDown')) && line === HEAD && column) {
      const at = document.getElementById(`${id}-${HEAD}-${atColumn}`)
      if (at !== null) setMenu({ column: column.id, at })
    } else if (keys[event.key] !== undefined) keys[event.key]?.()
    else return
    event.preventDefault()
  }

  const inMenu = columns.find((column) => column.id === menu?.column)
  const edited = columns.find((column) => column.id === filtering?.column)
  const fit = arrangement.rows.length
  return (
    <Box>
      <Toolbar
        columns={columns}
        inUse={inUse}
        onOpenAll={(all) => setOpen({ all, except: new Set() })}
        onFilter={(column, at) => setFiltering({ column, at })}
        onExport={
          fit === 0
            ? undefined
            : () => void exportCsv(`${place}.csv`, arrangement.rows, drawnColumns)
        }
        status={
          <span role="status">
            {fit === rows.length
              ? count(fit, what)
              : `${count(fit, what)} of ${count(rows.length, what)}`}
            {busy && ', being arranged …'} {status}
          </span>
        }
      />
      <Scroller
        id={id}
        label={label}
        lines={lines}
        columns={drawnColumns}
        depth={(made ?? plan).groups.length}
        busy={busy}
        height={height}
        at={atLine === null ? null : { line: atLine, column: atColumn }}
        isSelected={isSelected}
        scroller={scroller}
        onFocus={() => {
          if (mark === null) setMark({ at: 'head', column: 0 })
        }}
        onPress={press}
        onScroll={noteTop}
        onClick={click}
      >
        <div role="rowgroup" className="head">
          <div role="row" aria-rowindex={1} className="line">
            {drawnColumns.map((column, at) => {
              const sortedAt = view.sort.findIndex((each) => each.column === column.id)
              const sort = view.sort[sortedAt]
              return (
                <div
                  key={column.id}
                  role="columnheader"
                  id={`${id}-${HEAD}-${at}`}
                  aria-colindex={at + 1}
                  aria-sort={
                    sort === undefined ? undefined : sort.descending ? 'descending' : 'ascending'
                  }
                  className={`cell${column.type === 'amount' ? ' right' : ''}${atLine === HEAD && at === atColumn ? ' at' : ''}`}
                  draggable
                  onDragStart={(event) => event.dataTransfer.setData(DRAGGED, column.id)}
                  onDragOver={(event) => {
                    if (event.dataTransfer.types.includes(DRAGGED)) event.preventDefault()
                  }}
                  onDrop={(event) => {
                    event.preventDefault()
                    change(movedTo(view, event.dataTransfer.getData(DRAGGED), column.id))
                  }}
                  onClick={(event) => change(sortedBy(view, column.id, event.shiftKey))}
                  onContextMenu={(event) => {
                    event.preventDefault()
                    setMenu({ column: column.id, at: event.currentTarget })
                  }}
                >
                  <span className="name">{column.name}</span>
                  {sort !== undefined && (
                    <span className="sorted" aria-hidden>
                      {sort.descending ? '▼' : '▲'}
                      {view.sort.length > 1 && sortedAt + 1}
                    </span>
                  )}
                  <button
                    type="button"
                    tabIndex={-1}
                    aria-label={`What to do with ${column.name}`}
                    onClick={(event) => {
                      event.stopPropagation()
                      setMenu({ column: column.id, at: event.currentTarget })
                    }}
                  >
                    ⋮
                  </button>
                </div>
              )
            })}
          </div>
        </div>
      </Scroller>
      {rows.length === 0
        ? empty
        : fit === 0 &&
          !busy && (
            <Box sx={{ textAlign: 'center', py: 4, color: 'text.secondary', fontSize: 13 }}>
              No {what} fits these filters.{' '}
              <Button onClick={() => change({ ...view, filters: [] })}>Show all</Button>
            </Box>
          )}
      <Menu
        open={menu !== null && inMenu !== undefined}
        anchorEl={menu?.at ?? null}
        onClose={() => setMenu(null)}
        slotProps={{ list: { dense: true, 'aria-label': inMenu?.name } }}
      >
        {inMenu &&
          headerActions(inMenu, view, ids, change, () =>
            setFiltering(menu && { column: inMenu.id, at: menu.at }),
          ).map(({ name, run }) => (
            <MenuItem
              key={name}
              onClick={() => {
                setMenu(null)
                run()
              }}
            >
              {name}
            </MenuItem>
          ))}
      </Menu>
      {filtering !== null && edited !== undefined && (
        <FilterEditor
          anchor={filtering.at}
          column={edited}
          rows={rows}
          filter={view.filters.find((each) => each.column === edited.id)}
          onChange={(filter) =>
            change(
              filter === null
                ? { ...view, filters: view.filters.filter((each) => each.column !== edited.id) }
                : filteredBy(view, filter),
            )
          }
          onClose={() => setFiltering(null)}
        />
      )}
    </Box>
  )
}

/** What can be done with a column, for who does not drag and click its header. */
function headerActions<Row>(
  column: GridColumn<Row>,
  view: GridView,
  ids: readonly string[],
  change: (next: GridView) => void,
  onFilter: () => void,
): { name: string; run: () => void }[] {
  const { id } = column
  const at = view.columns.indexOf(id)
  const to = (name: string, next: GridView) => ({ name, run: () => change(next) })
  const isGrouped = view.groups.includes(id)
  const others = view.sort.filter((each) => each.column !== id)
  const left = view.columns[at - 1]
  const right = view.columns[at + 1]
  return [
    to('Sort up', { ...view, sort: [{ column: id, descending: false }] }),
    to('Sort down', { ...view, sort: [{ column: id, descending: true }] }),
    ...(others.length > 0
      ? [
          to('Then sort up by it', {
            ...view,
            sort: [...others, { column: id, descending: false }],
          }),
          to('Then sort down by it', {
            ...view,
            sort: [...others, { column: id, descending: true }],
          }),
        ]
      : []),
    { name: 'Filter …', run: onFilter },
    ...(isGroupable(column)
      ? [to(isGrouped ? 'Do not group by it' : 'Group by it', groupedBy(view, id, !isGrouped))]
      : []),
    ...(left === undefined ? [] : [to('Move left', movedTo(view, id, left))]),
    ...(right === undefined ? [] : [to('Move right', movedTo(view, id, right))]),
    ...(view.columns.length > 1 ? [to('Hide', shown(view, id, false, ids))] : []),
  ]
}
