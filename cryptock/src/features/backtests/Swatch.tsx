import { DASHES, type Dash } from './palette'

/** A piece of a curve, as it is drawn. */
export function Swatch({ colour, dash }: { colour: string; dash: Dash }) {
  return (
    <svg width={26} height={8} aria-hidden style={{ flex: 'none' }}>
      <line
        x1={1}
        x2={25}
        y1={4}
        y2={4}
        stroke={colour}
        strokeWidth={2.5}
        strokeDasharray={DASHES[dash]}
      />
    </svg>
  )
}
