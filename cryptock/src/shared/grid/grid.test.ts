import { describe, expect, it, vi } from 'vitest'
import { amount, compare, sum } from '../amount'
import { csvCell } from '../csv'
import { arrange, type Arrangement, compareRows, planOf, update } from './arrange'
import { Arranger } from './arranger'
import type { GridColumn } from './columns'
import { csvOf } from './export'
import { asFilter, type Filter, fitting, words } from './filter'
import { Lines } from './lines'
import { asView, filteredBy, groupedBy, movedTo, shown, sortedBy, viewText } from './view'
import type { GridView } from './view'

interface Row {
  id: number
  name: string
  time: string
  pair: string
  size: string
}

const COLUMNS: GridColumn<Row>[] = [
  { id: 'name', name: 'Name', width: 80, type: 'text', value: ({ name }) => name },
  { id: 'time', name: 'When', width: 80, type: 'time', value: ({ time }) => time },
  {
    id: 'pair',
    name: 'Pair',
    width: 80,
    type: 'choice',
    value: ({ pair }) => pair,
    label: (pair) => pair.replace('_', '/'),
  },
  {
    id: 'size',
    name: 'Size',
    width: 80,
    type: 'amount',
    value: ({ size }) => size,
    unit: ({ pair }) => pair.slice(0, 3),
  },
]

const numberOf = ({ id }: Row) => id

/** Numbers that are the same in each run of a test. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const PAIRS = ['BTC_USD', 'ETH_USD', 'LTC_EUR']

function row(id: number, next: (below: number) => number): Row {
  return {
    id,
    name: `run_${next(40)}`,
    time: `2026-11-${String(1 + next(28)).padStart(2, '0')}T00:00:00.${String(next(1e6)).padStart(6, '0')}Z`,
    pair: PAIRS[next(3)] ?? '',
    // Some differ only beyond the digits of a float.
    size: next(10) === 0 ? '' : `${next(3)}.${'0'.repeat(17)}${next(100)}`,
  }
}

const rowsOf = (count: number, next: (below: number) => number): Row[] =>
  Array.from({ length: count }, (_, at) => row(count - at, next))

function finish<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

const VIEW: GridView = { columns: ['name', 'size'], sort: [], filters: [], groups: [] }
const ids = ({ rows }: Arrangement<Row>) => rows.map(({ id }) => id)

/** Views of all kinds. */
const VIEWS: GridView[] = [
  VIEW,
  { ...VIEW, sort: [{ column: 'size', descending: true }] },
  {
    ...VIEW,
    sort: [
      { column: 'name', descending: false },
      { column: 'size', descending: false },
    ],
  },
  { ...VIEW, sort: [{ column: 'time', descending: false }], groups: ['pair'] },
  {
    ...VIEW,
    filters: [
      { column: 'pair', kind: 'oneOf', values: ['BTC_USD', 'LTC_EUR'] },
      { column: 'size', kind: 'amounts', from: amount('1') },
    ],
    groups: ['pair', 'name'],
  },
  {
    ...VIEW,
    filters: [{ column: 'time', kind: 'times', to: '2026-11-15T00:00:00.000000Z' }],
    groups: ['time'],
    sort: [{ column: 'name', descending: true }],
  },
]

describe('rows', () => {
  const next = random(7)
  const rows = rowsOf(6000, next)

  it.each(VIEWS.map((view, at) => [at, view] as const))(
    'are filtered and in order however they are looked at (%i)',
    (_, view) => {
      const plan = planOf(view, COLUMNS, numberOf)
      const found = finish(arrange(rows, plan))
      const plain = rows.filter(fitting(view.filters, COLUMNS))
      expect(ids(found)).toEqual(
        plain.toSorted((a, b) => compareRows(plan, a, b)).map(({ id }) => id),
      )
    },
  )

  it('are sorted exactly where floats see no difference', () => {
    const some = ['0.10000000000000000002', '0.1', '', '0.10000000000000000001'].map(
      (size, at): Row => ({ id: 4 - at, name: '', time: '', pair: '', size }),
    )
    const plan = planOf(
      { ...VIEW, sort: [{ column: 'size', descending: false }] },
      COLUMNS,
      numberOf,
    )
    expect(finish(arrange(some, plan)).rows.map(({ size }) => size)).toEqual([
      '',
      '0.1',
      '0.10000000000000000001',
      '0.10000000000000000002',
    ])
  })

  it.each(VIEWS.map((view, at) => [at, view] as const))(
    'that come, change and go are put where all would be (%i)',
    (_, view) => {
      const plan = planOf(view, COLUMNS, numberOf)
      let all = rows.slice(0, 800)
      let found = finish(arrange(all, plan))
      let id = 10_000
      for (let round = 0; round < 30; round += 1) {
        const fresh = Array.from({ length: next(5) }, () => row((id += 1), next)).reverse()
        const changed = all
          .filter(() => next(200) !== 0)
          .map((each) => (next(100) === 0 ? row(each.id, next) : each))
        all = [...fresh, ...changed]
        const updated = update(found, all, plan, 1000)
        if (updated === null) throw new Error('that was too much')
        found = updated
        const whole = finish(arrange(all, plan))
        expect(ids(found)).toEqual(ids(whole))
        expect([...found.tallies.keys()].sort()).toEqual([...whole.tallies.keys()].sort())
        for (const [path, tally] of whole.tallies) {
          expect(found.tallies.get(path)?.count).toBe(tally.count)
          expect(found.tallies.get(path)?.sums('size').sort()).toEqual(tally.sums('size').sort())
        }
      }
    },
  )

  it('are left alone where nothing of them is shown', () => {
    const plan = planOf(
      { ...VIEW, filters: [{ column: 'name', kind: 'contains', text: 'nobody' }] },
      COLUMNS,
      numberOf,
    )
    const found = finish(arrange(rows, plan))
    const more = [row(9000, next), ...rows]
    expect(update(found, more, plan, 10)?.rows).toBe(found.rows)
    expect(update(found, rows, plan, 10)).toBe(found)
    expect(update(found, rowsOf(50, next), plan, 10)).toBeNull()
  })

  it('are summed up exactly, each unit for itself', () => {
    const plan = planOf({ ...VIEW, groups: ['name'] }, COLUMNS, numberOf)
    const { tallies } = finish(arrange(rows, plan))
    const [path, tally] = [...tallies][0] ?? []
    const own = rows.filter(({ name }) => path === `\u001f${name}`)
    expect(tally?.count).toBe(own.length)
    for (const [unit, total] of tally?.sums('size') ?? []) {
      const sizes = own
        .filter(({ pair, size }) => pair.startsWith(unit) && size !== '')
        .map(({ size }) => amount(size))
      expect(compare(total, sum(sizes))).toBe(0)
    }
  })

  it('are arranged in steps, with what came meanwhile', () => {
    const waiting: (() => void)[] = []
    const clock = vi.spyOn(performance, 'now')
    let now = 0
    clock.mockImplementation(() => (now += 5)) // each look at the clock takes its time
    const arranger = new Arranger<Row>((work) => waiting.push(work))
    const heard = vi.fn()
    const leave = arranger.subscribe(heard)
    const plan = planOf(
      { ...VIEW, sort: [{ column: 'size', descending: false }] },
      COLUMNS,
      numberOf,
    )
    arranger.set(rows, plan)
    expect(arranger.read()).toMatchObject({ busy: true, plan: null })
    const more = [row(9001, next), ...rows]
    arranger.set(more, plan)
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) work()
    expect(arranger.read().busy).toBe(false)
    expect(ids(arranger.read().arrangement)).toEqual(ids(finish(arrange(more, plan))))
    expect(heard).toHaveBeenCalled()
    // What is not wanted any more is not finished.
    arranger.set(more, planOf(VIEW, COLUMNS, numberOf))
    arranger.set(more, plan)
    arranger.stop()
    const before = arranger.read()
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) work()
    expect(arranger.read()).toBe(before)
    leave()
    clock.mockRestore()
  })
})

describe('lines', () => {
  const rows = rowsOf(500, random(3))

  it.each([[[]], [['pair']], [['pair', 'name']]])(
    'of groups %j are found from both sides',
    (groups) => {
      const plan = planOf({ ...VIEW, groups }, COLUMNS, numberOf)
      const found = finish(arrange(rows, plan))
      const all = new Lines(found, plan, () => true)
      expect(all.count).toBe(rows.length + found.tallies.size)
      const shownRows: Row[] = []
      for (let index = 0; index < all.count; index += 1) {
        const line = all.at(index)
        if (line?.group !== undefined) expect(all.ofGroup(line.group.path)).toBe(index)
        else if (line !== null) {
          expect(all.of(line.row)).toBe(index)
          shownRows.push(line.row)
        }
      }
      expect(shownRows).toEqual(found.rows)
      expect(all.at(all.count)).toBeNull()
      expect(all.at(-1)).toBeNull()
      expect(all.ofGroup('none')).toBe(-1)
      expect(all.of({ ...(rows[0] as Row), id: 99_999 })).toBe(-1)
    },
  )

  it('of closed groups hide their rows, which are where their group is', () => {
    const plan = planOf({ ...VIEW, groups: ['pair', 'name'] }, COLUMNS, numberOf)
    const found = finish(arrange(rows, plan))
    const closed = new Lines(found, plan, () => false)
    expect(closed.count).toBe(3)
    for (const each of rows) {
      const line = closed.at(closed.of(each))
      expect(line?.group?.value).toBe(each.pair)
    }
    const half = new Lines(found, plan, (path) => path === '\u001fETH_USD')
    expect(half.count).toBe(
      3 + new Set(rows.filter(({ pair }) => pair === 'ETH_USD').map(({ name }) => name)).size,
    )
  })
})

describe('a filter', () => {
  const some: Row[] = [
    { id: 3, name: 'Alpha', time: '2026-11-02T00:00:00.000000Z', pair: 'BTC_USD', size: '1.5' },
    { id: 2, name: 'beta', time: '2026-11-03T00:00:00.000000Z', pair: 'ETH_USD', size: '' },
    { id: 1, name: '', time: '', pair: 'BTC_EUR', size: '-2' },
  ]
  const fit = (...filters: Filter[]) => some.filter(fitting(filters, COLUMNS)).map(({ id }) => id)
  it.each<[Filter, number[], string]>([
    [{ column: 'name', kind: 'contains', text: 'ALPH' }, [3], 'Name contains “ALPH”'],
    [{ column: 'pair', kind: 'contains', text: 'c/u' }, [3], 'Pair contains “c/u”'],
    [
      { column: 'pair', kind: 'oneOf', values: ['BTC_USD', 'ETH_USD'] },
      [3, 2],
      'Pair is BTC/USD or ETH/USD',
    ],
    [
      { column: 'pair', kind: 'oneOf', values: ['BTC_USD', 'A', 'B', 'C'] },
      [3],
      'Pair is BTC/USD or 3 others',
    ],
    [{ column: 'name', kind: 'oneOf', values: [''] }, [1], 'Name is none'],
    [{ column: 'size', kind: 'amounts', from: amount('1.50') }, [3], 'Size from 1.50'],
    [{ column: 'size', kind: 'amounts', to: amount('0') }, [1], 'Size to 0'],
    [
      {
        column: 'time',
        kind: 'times',
        from: '2026-11-02T00:00:00.000000Z',
        to: '2026-11-03T00:00:00.000000Z',
      },
      [3],
      'When from 2026-11-02 00:00 to 2026-11-03 00:00',
    ],
  ])('%j', (filter, expected, told) => {
    expect(fit(filter)).toEqual(expected)
    const column = COLUMNS.find(({ id }) => id === filter.column)
    expect(words(filter, column as GridColumn<Row>)).toBe(told)
    expect(asFilter(JSON.parse(JSON.stringify(filter)))).toEqual(filter)
  })

  it('of a column that there is not lets all pass', () => {
    expect(fit({ column: 'gone', kind: 'contains', text: 'x' })).toEqual([3, 2, 1])
  })

  it.each([
    null,
    5,
    {},
    { column: 'a', kind: 'b' },
    { column: 'a', kind: 'oneOf', values: [1] },
    { column: 'a', kind: 'amounts', from: '1e5' },
  ])('is not made of %j', (read) => expect(asFilter(read)).toBeNull())
})

describe('a view', () => {
  const all = COLUMNS.map(({ id }) => id)

  it('is sorted up, down and not, also by several', () => {
    const up = sortedBy(VIEW, 'size', false)
    expect(up.sort).toEqual([{ column: 'size', descending: false }])
    const both = sortedBy(up, 'name', true)
    expect(both.sort.map(({ column }) => column)).toEqual(['size', 'name'])
    expect(sortedBy(both, 'size', true).sort[0]).toEqual({ column: 'size', descending: true })
    expect(sortedBy(sortedBy(up, 'size', false), 'size', false).sort).toEqual([])
  })

  it('shows, hides, moves and groups columns', () => {
    expect(shown(VIEW, 'time', true, all).columns).toEqual(['name', 'time', 'size'])
    expect(shown({ ...VIEW, columns: ['size'] }, 'size', false, all).columns).toEqual(['size'])
    expect(shown(VIEW, 'name', false, all).columns).toEqual(['size'])
    expect(movedTo(VIEW, 'size', 'name').columns).toEqual(['size', 'name'])
    expect(movedTo(VIEW, 'size', 'gone')).toBe(VIEW)
    expect(groupedBy(groupedBy(VIEW, 'pair', true), 'name', true).groups).toEqual(['pair', 'name'])
    expect(groupedBy({ ...VIEW, groups: ['pair'] }, 'pair', false).groups).toEqual([])
    const filter: Filter = { column: 'name', kind: 'contains', text: 'a' }
    const other: Filter = { ...filter, text: 'b' }
    expect(filteredBy(filteredBy(VIEW, filter), other).filters).toEqual([other])
  })

  it('is read from a link as far as it is known', () => {
    for (const view of VIEWS) expect(asView(viewText(view), all)).toEqual(view)
    const foreign = {
      columns: ['name', 'gone', 'name'],
      sort: [{ column: 'gone' }, 5, { column: 'size' }],
      filters: [{ column: 'gone', kind: 'contains', text: 'x' }, 'x'],
      groups: 'pair',
    }
    expect(asView(JSON.stringify(foreign), all)).toEqual({
      ...VIEW,
      columns: ['name'],
      sort: [{ column: 'size', descending: false }],
    })
    for (const text of [null, '', '{', '[]', '5', '{"columns":[]}'])
      expect(asView(text, all)).toBeNull()
  })
})

describe('CSV', () => {
  it('has exact values and no formulas', () => {
    expect(csvCell('=1+1')).toBe("'=1+1")
    expect(csvCell('-1.50', true)).toBe('-1.50')
    expect(csvCell('-1.50')).toBe("'-1.50")
    expect(csvCell('@a, "b"')).toBe(`"'@a, ""b"""`)
    const some: Row[] = [
      { id: 1, name: '+evil', time: '', pair: 'A_B', size: '-0.100000000000000000001' },
    ]
    expect([...csvOf(some, COLUMNS)].join('')).toBe(
      "name,time,pair,size\r\n'+evil,,A_B,-0.100000000000000000001\r\n",
    )
  })
})
