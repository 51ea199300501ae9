/** One share per currency; together they are always everything. */
import { Box, useTheme } from '@mui/material'
import { memo, useCallback, useEffect, useRef, useState } from 'react'
import { typedAmount } from '@/shared/amount'
import { DASH } from '@/shared/format'
import { assetColour } from '@/shared/theme'
import type { Drafting } from './draft'
import { type Weights, wholeShares } from './portfolio'
import { signed } from './scale'

const THUMB_PX = 14

export function Sliders({
  currencies,
  drafting,
  now,
  disabled,
}: {
  currencies: readonly string[]
  drafting: Drafting
  now: Weights | null
  disabled: boolean
}) {
  const { tokens, numbers } = useTheme()
  const { weights, locked } = drafting
  // All rows are given functions that stay the same, so that only what has changed is drawn.
  const newest = useRef(drafting)
  useEffect(() => {
    newest.current = drafting
  })
  const slide = useCallback(
    (index: number, weight: number) => newest.current.slide(index, weight),
    [],
  )
  const lock = useCallback((index: number) => newest.current.lock(index), [])
  const shown = wholeShares(weights ?? currencies.map(() => 0), 3)
  return (
    <Box
      sx={{
        '& .row': {
          display: 'grid',
          gridTemplateColumns: '24px 46px minmax(40px, 1fr) 72px 52px',
          alignItems: 'center',
          columnGap: '6px',
          height: 32,
          fontSize: 13,
        },
        '& .name': { fontWeight: 600, overflow: 'hidden', textOverflow: 'ellipsis' },
        '& .delta': { textAlign: 'right', fontFamily: numbers, fontSize: 12, color: tokens.dim },
        '& .up': { color: tokens.gain },
        '& .down': { color: tokens.loss },
        '& .lock': {
          all: 'unset',
          width: 24,
          height: 24,
          display: 'grid',
          placeItems: 'center',
          cursor: 'pointer',
          borderRadius: '4px',
          color: tokens.dim,
          opacity: 0.75,
          '&[aria-pressed=true]': { color: tokens.accent, opacity: 1 },
          '&:hover': { opacity: 1, bgcolor: 'action.hover' },
          '&:focus-visible': { outline: `2px solid ${tokens.accent}` },
          '&:disabled': { cursor: 'default', opacity: 0.3 },
        },
        '& .track': { position: 'relative', height: 32, display: 'flex', alignItems: 'center' },
        '& .now': {
          position: 'absolute',
          width: 2,
          height: 14,
          top: 9,
          borderRadius: '1px',
          bgcolor: tokens.text,
          opacity: 0.7,
          pointerEvents: 'none',
          transform: 'translateX(-1px)',
        },
        '& input[type=range]': {
          appearance: 'none',
          background: 'none',
          width: '100%',
          height: 32,
          m: 0,
          cursor: 'pointer',
          touchAction: 'pan-y',
          borderRadius: '6px',
          '&:disabled': { cursor: 'default', opacity: 0.5 },
          '&::-webkit-slider-runnable-track': {
            height: 4,
            borderRadius: '2px',
            background: `linear-gradient(90deg, var(--asset) var(--fill), ${tokens.line} var(--fill))`,
          },
          '&::-moz-range-track': { height: 4, borderRadius: '2px', background: tokens.line },
          '&::-moz-range-progress': {
            height: 4,
            borderRadius: '2px',
            background: 'var(--asset)',
          },
          '&::-webkit-slider-thumb': {
            appearance: 'none',
            width: THUMB_PX,
            height: THUMB_PX,
            mt: '-5px',
            borderRadius: '50%',
            background: 'var(--asset)',
            border: `2px solid ${tokens.card}`,
            boxShadow: `0 0 0 1px var(--asset)`,
          },
          '&::-moz-range-thumb': {
            width: THUMB_PX - 4,
            height: THUMB_PX - 4,
            borderRadius: '50%',
            background: 'var(--asset)',
            border: `2px solid ${tokens.card}`,
            boxShadow: `0 0 0 1px var(--asset)`,
          },
        },
        '& .typed': {
          display: 'flex',
          alignItems: 'center',
          border: 1,
          borderColor: 'divider',
          borderRadius: '6px',
          height: 26,
          px: '6px',
          color: tokens.dim,
          fontSize: 12,
          '&:focus-within': { borderColor: tokens.accent },
          '& input': {
            all: 'unset',
            width: '100%',
            minWidth: 0,
            textAlign: 'right',
            mr: '3px',
            fontFamily: numbers,
            fontSize: 13,
            color: tokens.text,
          },
        },
      }}
    >
      {currencies.map((currency, index) => (
        <Row
          key={currency}
          currency={currency}
          index={index}
          thousandths={shown[index] ?? 0}
          before={now === null ? null : (now[index] ?? 0)}
          isLocked={locked[index] === true}
          disabled={disabled || weights === null}
          onSlide={slide}
          onLock={lock}
        />
      ))}
    </Box>
  )
}

const Row = memo(function Row({
  currency,
  index,
  thousandths,
  before,
  isLocked,
  disabled,
  onSlide,
  onLock,
}: {
  currency: string
  index: number
  thousandths: number
  before: number | null
  isLocked: boolean
  disabled: boolean
  onSlide: (index: number, weight: number) => void
  onLock: (index: number) => void
}) {
  const [typed, setTyped] = useState<string | null>(null)
  const share = (thousandths / 10).toFixed(1)
  const change = before === null ? null : Math.round(thousandths - before * 1000) / 1000
  const at = (weight: number) => `calc(${THUMB_PX / 2}px + ${weight} * (100% - ${THUMB_PX}px))`
  const colour = assetColour(currency)
  const tone = change === null || change === 0 ? '' : change > 0 ? ' up' : ' down'
  const told =
    change === null ? '' : change === 0 ? ', as it is held now' : `, ${signed(change)} from now`
  return (
    <div
      className="row"
      style={{ '--asset': colour, '--fill': at(thousandths / 1000) } as React.CSSProperties}
    >
      <button
        type="button"
        className="lock"
        aria-label={`Lock ${currency}`}
        aria-pressed={isLocked}
        title={isLocked ? `${currency} stays as it is` : `Keep ${currency} as it is`}
        disabled={disabled}
        onClick={() => onLock(index)}
      >
        <svg
          width="14"
          height="14"
          viewBox="0 0 14 14"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          aria-hidden
        >
          <rect
            x="2.75"
            y="6.25"
            width="8.5"
            height="5.5"
            rx="1"
            fill={isLocked ? 'currentColor' : 'none'}
          />
          <path
            d={isLocked ? 'M4.5 6V4.25a2.5 2.5 0 0 1 5 0V6' : 'M4.5 6V3.5a2.5 2.5 0 0 1 4.8-.9'}
          />
        </svg>
      </button>
      <span className="name">{currency}</span>
      <span className="track">
        <input
          type="range"
          min={0}
          max={100}
          step={0.1}
          value={thousandths / 10}
          disabled={disabled || isLocked}
          aria-label={`Share of ${currency}`}
          aria-valuetext={`${share} %${told}`}
          onChange={(event) => onSlide(index, Number(event.target.value) / 100)}
        />
        {before !== null && <i className="now" style={{ left: at(before) }} />}
      </span>
      <span className="typed">
        <input
          inputMode="decimal"
          autoComplete="off"
          aria-label={`${currency} in %`}
          value={typed ?? share}
          disabled={disabled || isLocked}
          onFocus={(event) => {
            setTyped(share)
            event.target.select()
          }}
          onChange={(event) => {
            setTyped(event.target.value)
            const value = typedAmount(event.target.value)
            if (value !== null) onSlide(index, Number(value) / 100)
          }}
          onBlur={() => setTyped(null)}
        />
        %
      </span>
      <span className={`delta${tone}`} title="from what is held now, in percentage points">
        {change === null || change === 0
          ? DASH
          : signed(change).replace('\u202f%', '').replace(' %', '')}
      </span>
    </div>
  )
})
