/** What a mix is worth as a mix: figures, beside those of what is held, and how far it is off the frontier. */
import { Box } from '@mui/material'
import { memo } from 'react'
import { DASH } from '@/shared/format'
import type { Estimated } from './picture'
import { type Mix, NEAR } from './portfolio'
import { figure, percent } from './scale'

const ratio = (mix: Mix): string =>
  mix.sharpe === null ? DASH : mix.sharpe.toFixed(2).replace('-', '−')

const points = (value: number): string => percent(value).replace('%', 'points')

/** How far a mix lies from the frontier, in words. */
export function gapWords(mix: Mix, { currencies, frontier, minimumVariance }: Estimated): string {
  if (frontier.placeOf(mix) !== null) return 'On the frontier.'
  const { risk, gain } = frontier.gap(mix)
  const least = minimumVariance ?? frontier.at(0)
  if (gain === null || risk < -NEAR) {
    const others = currencies.filter(
      (_, index) =>
        (mix.weights[index] ?? 0) > NEAR &&
        frontier.points.every(({ weights }) => (weights[index] ?? 0) <= NEAR),
    )
    const holds = others.length > 0 ? `: it holds ${others.join(', ')}, the frontier none` : ''
    return `Less risk than ${gain === null ? 'any mix on the frontier' : 'the frontier has at this return'}${holds}.`
  }
  const more = gain > NEAR ? `, or ${points(gain)} more return at the same risk` : ''
  return `Off the frontier, which has ${points(Math.max(0, risk))} less risk at ${mix.gain < least.gain ? 'more' : 'the same'} return${more}.`
}

export const Figures = memo(function Figures({
  mix,
  now,
  estimated,
}: {
  mix: Mix
  now: Mix | null
  estimated: Estimated
}) {
  const all: [string, (of: Mix) => string][] = [
    ['risk', (of) => figure(of.risk)],
    ['return', (of) => figure(of.gain)],
    ['Sharpe', ratio],
  ]
  const isOn = estimated.frontier.placeOf(mix) !== null
  return (
    <Box
      sx={{
        '& dl': {
          display: 'grid',
          gridTemplateColumns: 'repeat(3, 1fr)',
          m: 0,
          columnGap: 3,
        },
        '& dt': { fontSize: 12, color: 'text.secondary' },
        '& dd': { m: 0 },
        '& b': {
          display: 'block',
          fontSize: 20,
          fontWeight: 650,
          fontFamily: (t) => t.numbers,
          lineHeight: 1.3,
          whiteSpace: 'nowrap',
        },
        '& small': { fontSize: 12, color: 'text.secondary', whiteSpace: 'nowrap' },
        '& p': { m: 0, mt: 2, fontSize: 13, minHeight: '4.2em', color: 'text.secondary' },
        '& p.off::before': { content: '"◆ "', color: (t) => t.tokens.warn },
        '& p.on::before': { content: '"◆ "', color: (t) => t.tokens.accent },
      }}
    >
      <dl aria-label="Figures of the target">
        {all.map(([name, of]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <b>{of(mix)}</b>
              <small>now {now === null ? DASH : of(now)}</small>
            </dd>
          </div>
        ))}
      </dl>
      <p className={isOn ? 'on' : 'off'} data-testid="gap">
        {gapWords(mix, estimated)}
      </p>
    </Box>
  )
})
