/** A target as its user shapes it, before anything is sent. */
import { useState } from 'react'
import { giveWay, type Weights } from './portfolio'

/** A target that the strategy finds anew whenever it estimates. */
export type Rule = 'maximum-sharpe' | 'minimum-variance'

interface Draft {
  weights: Weights
  rule: Rule | null
  /** The slider that is being moved, and the weights before that: what it takes from others it gives back. */
  moving: { index: number; from: Weights } | null
  /** Of the state of things that it was made in. */
  of: string
}

export interface Drafting {
  /** Null while nothing is known at all. */
  weights: Weights | null
  /** Whether that is the user's, and not what the strategy has. */
  isOwn: boolean
  rule: Rule | null
  locked: readonly boolean[]
  choose: (weights: Weights, rule?: Rule) => void
  slide: (index: number, weight: number) => void
  lock: (index: number) => void
  reset: () => void
}

/**
 * @param given what the strategy has.
 * @param of names the state of things; where it changes, what was drafted before is forgotten.
 * @param rest which weight takes what no other does.
 */
export function useDraft(given: Weights | null, of: string, rest: number): Drafting {
  const [kept, setDraft] = useState<Draft | null>(null)
  const [locked, setLocked] = useState<readonly boolean[]>([])
  const draft = kept?.of === of ? kept : null
  const weights = draft?.weights ?? given
  return {
    weights,
    isOwn: draft !== null,
    rule: draft?.rule ?? null,
    locked,
    choose: (chosen, rule) => setDraft({ weights: chosen, rule: rule ?? null, moving: null, of }),
    slide: (index, weight) => {
      if (weights === null) return
      const from = draft?.moving?.index === index ? draft.moving.from : weights
      const moved = giveWay(from, index, weight, locked, rest)
      setDraft({ weights: moved, rule: null, moving: { index, from }, of })
    },
    lock: (index) => {
      setLocked(
        Array.from({ length: Math.max(locked.length, index + 1) }, (_, each) =>
          each === index ? locked[each] !== true : locked[each] === true,
        ),
      )
      // What is locked now stays where it is now.
      setDraft((before) => before && { ...before, moving: null })
    },
    reset: () => setDraft(null),
  }
}
