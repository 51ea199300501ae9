/** Amounts of money: exact decimal text, computed by exact decimal arithmetic and never as floats. */
import Big from 'big.js'

export type Amount = string & { readonly brand: 'Amount' }

Big.strict = true // refuses numbers: what was one has lost digits already
Big.RM = Big.roundDown

const PLAIN = /^-?\d+(\.\d+)?$/

/** The amount that text from the service stands for; throws where it is not one. */
export function amount(text: string): Amount {
  if (!PLAIN.test(text)) throw new TypeError(`not an amount: ${text}`)
  return text as Amount
}

export const ZERO = amount('0')

/** What a person typed: `25 000.5`, `1_000`, `.5`; null where it can't be read. */
export function typedAmount(text: string): Amount | null {
  const plain = text
    .replace(/[\s_\u202f\u2009]/g, '')
    .replace(/^\./, '0.')
    .replace(/\.$/, '')
  return PLAIN.test(plain) ? out(Big(plain)) : null
}

const out = (value: Big): Amount => value.toFixed() as Amount

export const add = (a: Amount, b: Amount): Amount => out(Big(a).plus(b))
export const subtract = (a: Amount, b: Amount): Amount => out(Big(a).minus(b))
export const multiply = (a: Amount, b: Amount): Amount => out(Big(a).times(b))
export const negate = (a: Amount): Amount => out(Big(a).neg())
export const compare = (a: Amount, b: Amount): -1 | 0 | 1 => Big(a).cmp(b)
export const sign = (a: Amount): -1 | 0 | 1 => compare(a, ZERO)
export const isZero = (a: Amount): boolean => sign(a) === 0
export const least = (a: Amount, b: Amount): Amount => (compare(a, b) <= 0 ? a : b)
export const sum = (amounts: Iterable<Amount>): Amount => [...amounts].reduce(add, ZERO)

/** The middle between two prices, exactly. */
export const middle = (a: Amount, b: Amount): Amount => out(Big(a).plus(b).times('0.5'))

/** `a` rounded towards zero to a multiple of `step`. */
export function roundDown(a: Amount, step: Amount): Amount {
  return out(Big(a).div(step).round(0, Big.roundDown).times(step))
}

/** Whether `a` is a multiple of `step`. */
export const isMultiple = (a: Amount, step: Amount): boolean => Big(a).mod(step).eq('0')

/** `a` to at most `digits` after the point, half to even, for reading. */
export function rounded(a: Amount, digits: number): Amount {
  return out(Big(a).round(digits, Big.roundHalfEven))
}

/** `part` of the whole as a share in [0, 1], for drawing only. */
export function share(part: Amount, whole: Amount): number {
  if (isZero(whole)) return 0
  return Math.min(1, Math.max(0, Number(Big(part).div(whole).toFixed(6))))
}

/** A share of an amount, in thousandths: where a slider stands. */
export function portion(whole: Amount, thousandths: number, step: Amount): Amount {
  return thousandths === 1000
    ? whole
    : roundDown(out(Big(whole).times(String(thousandths)).times('0.001')), step)
}

/** By how much `b` is above `a`, in basis points of `a`; two digits, null from nothing. */
export function basisPoints(a: Amount, b: Amount): Amount | null {
  return isZero(a) ? null : rounded(out(Big(b).minus(a).times('10000').div(a)), 2)
}

/** As a float: for pixels, never for money. */
export const pixels = (a: Amount): number => Number(a)

/** A sum that grows and shrinks, exactly. */
export class ExactSum {
  #value: Big

  constructor(value = Big('0')) {
    this.#value = value
  }

  add(a: Amount): void {
    this.#value = this.#value.plus(a)
  }

  subtract(a: Amount): void {
    this.#value = this.#value.minus(a)
  }

  amount(): Amount {
    return out(this.#value)
  }

  copy(): ExactSum {
    return new ExactSum(this.#value)
  }
}
