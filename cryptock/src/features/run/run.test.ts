import { describe, expect, it } from 'vitest'
import { amount } from '@/shared/amount'
import type { HubMessage, Run } from '@/shared/api/runs'
import { joined, passes } from '@/shared/hub/useMessages'
import { said } from '@/shared/hub/Messages'
import { tableOrders, toldByComponent } from '@/shared/orders/told'
import { recorded } from '@/testing/service'
import { cellText, heading, shownNumber } from './components/cells'
import { candlesOf } from './components/candlesOf'
import { grouped } from './components/Components'
import { pointsOf, seen } from './components/points'
import { drawdown } from './Equity'
import { resultOf } from './Head'
import { shownValue } from './Setup'
import { logLines, withPage } from './useLog'

const plain = (text: string) => text.replaceAll('\u202f', ' ')

describe('cells', () => {
  it.each([
    [0, '0'],
    [1234567.891, '1 234 568'],
    [0.000123456789, '0.000123457'],
    [-42.5, '−42.5'],
    [100, '100'],
    [1e-20, '0'],
    [1e21, '1.00000e+21'],
    [NaN, '?'],
  ])('tell the number %d as %s', (value, text) => expect(plain(shownNumber(value))).toBe(text))
  it('keep all digits of an amount', () =>
    expect(plain(cellText('12345678901.123456789012', 'amount'))).toBe(
      '12 345 678 901.123456789012',
    ))
  it('are empty where there is nothing', () => expect(cellText(null, 'number')).toBe(''))
  it('stand under their name and unit', () => {
    expect(heading({ name: 'avg_price', type: 'amount', unit: 'USD' })).toBe('avg price (USD)')
    expect(heading({ name: 'time', type: 'time', unit: '' })).toBe('time (UTC)')
    expect(heading({ name: 'pair', type: 'text', unit: '' })).toBe('pair')
  })
})

describe('candles', () => {
  it('stand in the order of time, apart from their markers', () => {
    const at = (minute: string) => `2026-11-18T06:${minute}:00.000000Z`
    const { candles, marks } = candlesOf({
      offset: 0,
      rows: [
        [at('40'), null, null, null, null, null, 'buy', 7, '1'],
        [at('40'), 1, 2, 0, 1, 5, '', null, ''],
        [at('35'), 1, 2, 0, 1, 5, '', null, ''],
        [at('40'), 1, 3, 0, 2, 6, '', null, ''],
      ],
    })
    expect(candles.map(({ high }) => high)).toEqual([2, 3])
    expect(marks).toEqual([{ time: candles[1]?.time, kind: 'buy', price: 7, text: '1' }])
  })
})

describe('points', () => {
  it('are those of their series, without gaps', () =>
    expect([
      ...pointsOf({
        offset: 0,
        rows: [
          ['a', 1, 2],
          ['b', 1, null],
          ['a', 3, 4],
        ],
      }),
    ]).toEqual([
      [
        'a',
        [
          { x: 1, y: 2 },
          { x: 3, y: 4 },
        ],
      ],
    ]))
  it('of 100,000 are drawn where they can be seen, with the outermost among them', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => ({
      x: Math.sin(index) * 10,
      y: Math.cos(index * 7),
    }))
    const some = seen(many)
    expect(some.length).toBeLessThan(80_000)
    expect(Math.max(...some.map(({ x }) => x))).toBeGreaterThan(9.9)
    expect(seen(many.slice(0, 100))).toHaveLength(100)
  })
})

describe('components', () => {
  it('that ask for something stand together where they follow each other', () => {
    const groups = grouped(recorded.componentsDemo as never)
    expect(groups.map((group) => group.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 4])
  })
})

describe('orders', () => {
  it('are told in their newest state and since their first', () => {
    const { columns } = recorded.componentsDemo.find(({ id }) => id === 'orders') ?? { columns: [] }
    const { orders, trades } = toldByComponent(
      columns.map(({ name }) => name),
      recorded.rowsDemo.orders.rows,
    )
    expect(orders).toHaveLength(72)
    const first = orders.at(-1)
    expect(first).toMatchObject({
      status: 'done',
      created_at: '2026-11-18T06:40:00.000000Z',
      filled_size: '0.00132032',
      limit: null,
      fee: null,
    })
    expect(trades.get(first?.client_order_id ?? '')).toMatchObject([
      { exec_price: '75277.63', fee: '0.59634337', maker: false },
    ])
  })
  it('of a table keep their limit and fee, the newest first', () => {
    const [newest] = tableOrders(recorded.runOrders)
    expect(newest).toMatchObject({ limit: null, fee: amount('57.19584154') })
  })
})

const message = (sequence: number, method = 'exchange.fill', rest = {}): HubMessage => ({
  sequence,
  time: '2026-11-18T06:40:00.000000Z',
  cause: null,
  message: { mhubrpc: '0.0.1', method, ...rest },
})

describe('messages', () => {
  it('are joined in their order, nothing twice', () => {
    const first = joined(
      { messages: [], before: 9 },
      { older: [message(4), message(3)], before: 3 },
    )
    const newer = joined(first, { newer: [message(4), message(5)] })
    const all = joined(newer, { older: [message(3), message(2), message(1)], before: 0 })
    expect(all.messages.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
    expect(all.before).toBe(0)
    expect(joined(all, { newer: [message(5)] })).toMatchObject(all)
  })
  it('do not grow without end', () => {
    const many = Array.from({ length: 20_010 }, (_, index) => message(index + 1))
    const kept = joined({ messages: [], before: 0 }, { newer: many })
    expect([kept.messages.length, kept.before]).toEqual([20_000, 11])
  })
  it.each([
    ['', '', true],
    ['exchange.*', '', true],
    ['exchange.f?ll', '', true],
    ['exchange', '', false],
    ['run.*', '', false],
    ['', 'FILL', true],
    ['', 'nothing', false],
  ])('pass the method %j and the text %j: %s', (method, text, passed) =>
    expect(passes(message(1), { method, text })).toBe(passed),
  )
  it('say their params, result or error', () => {
    expect(said(message(1, 'a', { params: [{ size: '1' }] }))).toBe('{"size":"1"}')
    expect(said(message(1, 'a', { params: [1, 2] }))).toBe('[1,2]')
    expect(said(message(1, 'a', { params: [] }))).toBe('')
    expect(said(message(1, 'a', { result: 'id' }))).toBe('"id"')
    expect(said(message(1, 'a', { error: { code: 1 } }))).toBe('{"code":1}')
  })
})

describe('a log', () => {
  const page = (offset: number, lines: string[], size = 1000) => ({
    lines,
    offset,
    next: offset + lines.reduce((sum, line) => sum + line.length + 1, 0),
    size,
  })
  it('has lines with their time, and lines that go on with the one before', () => {
    const lines = logLines(page(5, ['2026-11-18T13:25:00.005000Z bought', '  at line 3']))
    expect(lines).toEqual([
      { key: 5, at: Date.parse('2026-11-18T13:25:00.005Z'), level: '', text: 'bought' },
      { key: 40, at: null, level: '', text: '  at line 3' },
    ])
  })
  it('is put together from pages that overlap or begin within a line', () => {
    const newest = withPage({ lines: [], from: 0, to: 0 }, page(20, ['ccc', 'ddd']))
    const more = withPage(newest, page(24, ['ddd', 'eee']))
    const older = withPage(more, page(9, ['rest', 'aaaaa', 'ccc']))
    expect(older.lines.map(({ text }) => text)).toEqual(['aaaaa', 'ccc', 'ddd', 'eee'])
    expect([older.from, older.to]).toEqual([14, 32])
    expect(withPage(older, page(28, ['eee']))).toBe(older)
  })
})

describe('figures', () => {
  it('know how far equity is below its highest', () =>
    expect(
      drawdown([
        [0, 100],
        [1, 80],
        [2, 120],
        [3, 90],
      ]).map(([, below]) => Math.round(below)),
    ).toEqual([0, -20, 0, -25]))
  it('tell a result exactly, and none where something is not known', () => {
    const run = { equity: amount('9476.385284059'), initial_equity: amount('10000') } as Run
    expect(resultOf(run)).toEqual({ gained: '-523.614715941', percent: '-5.2361' })
    expect(resultOf({ ...run, equity: null })).toBeNull()
    expect(resultOf({ ...run, initial_equity: amount('0') })?.percent).toBeNull()
  })
})

describe('parameters', () => {
  it.each([
    [null, '–'],
    ['', '–'],
    [[], '–'],
    [['BTC', 'ETH'], 'BTC, ETH'],
    [true, 'yes'],
    [false, 'no'],
    [20, '20'],
    ['0.5', '0.5'],
  ])('%j are told as %s', (value, text) => expect(shownValue(value)).toBe(text))
})
