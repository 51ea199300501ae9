/** Parameters of a strategy as they are typed: all texts, checked as the service will check them. */
import { typedAmount } from '@/shared/amount'
import type { Parameter } from '@/shared/api/runs'

/** A value on the wire as it is typed. */
export const textOf = (value: unknown): string =>
  Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : String(value)

export const defaultText = (parameter: Parameter): string => textOf(parameter.default)

const wordsOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)

/** What is sent for a text that has no problem. */
export function valueOf({ type }: Parameter, text: string): unknown {
  if (type === 'boolean') return text === 'true'
  if (type === 'strings') return wordsOf(text)
  if (type === 'string') return text
  return type === 'decimal' ? typedAmount(text) : Number(typedAmount(text))
}

/** `risk_free` as `Risk free`; a unit that is shown beside it is left out. */
export function titleOf({ name, unit }: Parameter): string {
  const words = (unit !== '' && name.endsWith(`_${unit}`) ? name.slice(0, -unit.length - 1) : name)
    .split('_')
    .join(' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** `at least 1 and less than 100`; empty without bounds. The unit stands beside the field. */
export function rangeOf({ minimum, maximum, exclusive }: Parameter): string {
  const parts = [
    ...(minimum === null
      ? []
      : [`${exclusive.includes('minimum') ? 'more than' : 'at least'} ${minimum}`]),
    ...(maximum === null
      ? []
      : [`${exclusive.includes('maximum') ? 'less than' : 'at most'} ${maximum}`]),
  ]
  return parts.join(' and ')
}

/** Why a text can't be used; empty if it can. */
export function problemOf(parameter: Parameter, text: string): string {
  const { type, choices, minimum, maximum, exclusive } = parameter
  if (type === 'boolean') return ''
  if (type === 'string' || type === 'strings') {
    const given = type === 'strings' ? wordsOf(text) : [text]
    const odd = choices && given.find((word) => !choices.includes(word))
    return odd === undefined || odd === null ? '' : `One of ${choices?.join(', ') ?? ''}.`
  }
  const typed = typedAmount(text)
  if (typed === null) return type === 'integer' ? 'A whole number.' : 'A number, such as 0.5.'
  if (type === 'integer' && typed.includes('.')) return 'A whole number.'
  const value = Number(typed)
  const low =
    minimum !== null && (exclusive.includes('minimum') ? value <= minimum : value < minimum)
  const high =
    maximum !== null && (exclusive.includes('maximum') ? value >= maximum : value > maximum)
  return low || high ? `It must be ${rangeOf(parameter)}.` : ''
}
