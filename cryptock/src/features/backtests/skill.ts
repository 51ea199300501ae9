import { percent } from './words'

/** Below it a choice is taken for luck. */
export const ENOUGH = 0.95

/** A deflated Sharpe ratio in words. */
export function skillWords(skill: number): string {
  const chance = percent(skill, 0)
  if (skill >= ENOUGH) return `${chance}: hardly luck`
  return skill >= 0.5
    ? `${chance}: may be luck`
    : `${chance}: no better than the luckiest of so many`
}
