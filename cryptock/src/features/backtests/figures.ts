/** The figures of a run: what each is called, what it means, and which of two is better. */
import { amount } from '@/shared/amount'
import type { Report } from '@/shared/api/runs'
import { count, grouped } from '@/shared/format'
import { figure, gain, money, percent } from './words'

export interface Shown {
  text: string
  /** For comparing, null where it can't be said. */
  value: number | null
}

export interface Figure {
  name: string
  /** What it means, in a sentence. */
  help: string
  better?: 'high' | 'low'
  /** Whether its sign tells of a gain or a loss. */
  signed?: boolean
  of: (report: Report) => Shown
}

const known = (text: string, value: number | null = null): Shown => ({ text, value })

type Ratio = 'annual_return' | 'volatility' | 'sharpe' | 'sortino' | 'calmar' | 'total_return'

const ratio =
  (name: Ratio, form: (value: number) => string) =>
  ({ figures }: Report): Shown => {
    const value = figures[name]
    return value === null
      ? known(figures.undefined[name] ?? 'not known')
      : known(form(value), value)
  }

const trips =
  (name: 'win_rate' | 'profit_factor', form: (value: number) => string) =>
  ({ round_trips }: Report): Shown => {
    const value = round_trips[name]
    return value === null
      ? known(round_trips.undefined[name] ?? 'not known')
      : known(form(value), value)
  }

/** Those that come first. */
export const HEADLINE: readonly Figure[] = [
  {
    name: 'Final equity',
    help: 'All wallets at the last price, in the currency of the equity.',
    of: ({ final_equity, currency }) =>
      known(`${grouped(final_equity, { max: 2, min: 2 })} ${currency}`),
  },
  {
    name: 'Return',
    help: 'What the equity has grown by over the whole period, after fees.',
    better: 'high',
    signed: true,
    of: ratio('total_return', gain),
  },
  {
    name: 'Buy and hold',
    help: 'What it would have been to hold the traded currencies in equal parts from the first price on, without fees.',
    signed: true,
    of: ({ benchmark: { total_return } }) =>
      total_return === null ? known('no price') : known(gain(total_return), total_return),
  },
  {
    name: 'Sharpe ratio',
    help: 'Mean daily return above the risk-free rate over its standard deviation, for a year: return per risk.',
    better: 'high',
    of: ratio('sharpe', figure),
  },
  {
    name: 'Max drawdown',
    help: 'The deepest fall of the equity from a peak before it.',
    better: 'low',
    of: ({ figures: { max_drawdown } }) =>
      max_drawdown === null ? known('not known') : known(percent(max_drawdown), max_drawdown),
  },
  {
    name: 'Volatility a year',
    help: 'Standard deviation of the daily returns, for a year of 365 days: how much the equity swings.',
    better: 'low',
    of: ratio('volatility', percent),
  },
  {
    name: 'Fees',
    help: 'All that was paid to the exchanges; it is taken off the return already.',
    of: ({ fees_paid }) => known(money(fees_paid)),
  },
  {
    name: 'Trades',
    help: 'How many fills there were; one order may have several.',
    of: ({ trades, orders }) => known(`${count(trades, 'trade')} of ${count(orders, 'order')}`),
  },
]

/** The others. */
export const MORE: readonly Figure[] = [
  {
    name: 'Return a year',
    help: 'The constant growth a year that makes the same return; it is said from 30 days on.',
    better: 'high',
    signed: true,
    of: ratio('annual_return', gain),
  },
  {
    name: 'Sortino ratio',
    help: 'As the Sharpe ratio, but only days below the risk-free rate count as risk.',
    better: 'high',
    of: ratio('sortino', figure),
  },
  {
    name: 'Calmar ratio',
    help: 'Return a year over the deepest drawdown.',
    better: 'high',
    of: ratio('calmar', figure),
  },
  {
    name: 'Time in the market',
    help: 'Share of the time in which something was held besides the currency of the equity.',
    of: ({ exposure: { time } }) => known(percent(time), time),
  },
  {
    name: 'Equity in the market',
    help: 'Share of the equity that was in the market, averaged over the time.',
    of: ({ exposure: { equity } }) => known(percent(equity), equity),
  },
  {
    name: 'Traded over equity',
    help: 'Everything bought and sold over the average equity: the more, the more fees matter.',
    of: ({ turnover: { times, traded } }) =>
      times === null ? known(money(traded)) : known(`${figure(times)} ×`, times),
  },
  {
    name: 'Round trips',
    help: 'Selling orders with what they sold, first in, first out, fees of both sides included.',
    of: ({ round_trips: { count: all, won, lost } }) =>
      known(`${grouped(amount(String(all)))}: ${won} won, ${lost} lost`),
  },
  {
    name: 'Win rate',
    help: 'Share of the round trips that made a profit after fees.',
    better: 'high',
    of: trips('win_rate', percent),
  },
  {
    name: 'Profit factor',
    help: 'What winning round trips made over what losing ones lost: above 1 they earn.',
    better: 'high',
    of: trips('profit_factor', figure),
  },
]

export const FIGURES: readonly Figure[] = [...HEADLINE, ...MORE]

/** Which of several are best: none where fewer than two can be said or all are equal. */
export function bestOf(values: readonly (number | null)[], better: Figure['better']): number[] {
  const said = values.filter((each) => each !== null)
  if (better === undefined || said.length < 2) return []
  const best = better === 'high' ? Math.max(...said) : Math.min(...said)
  if (said.every((each) => each === best)) return []
  return values.flatMap((each, index) => (each === best ? [index] : []))
}
