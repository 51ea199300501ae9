import { describe, expect, it } from 'vitest'
import {
  add,
  amount,
  basisPoints,
  compare,
  isMultiple,
  least,
  middle,
  multiply,
  negate,
  portion,
  roundDown,
  rounded,
  share,
  sign,
  subtract,
  sum,
  typedAmount,
} from './amount'

describe('amounts', () => {
  it('are exact where floats are not', () => {
    expect(add(amount('0.1'), amount('0.2'))).toBe('0.3')
    expect(subtract(amount('1'), amount('0.00000001'))).toBe('0.99999999')
    expect(multiply(amount('74437.25'), amount('0.00000001'))).toBe('0.0007443725')
    expect(sum([amount('1.10'), amount('2.205'), amount('-3')])).toBe('0.305')
  })
  it('never turn into exponents', () => {
    expect(multiply(amount('0.00000001'), amount('0.00000001'))).toBe('0.0000000000000001')
    expect(multiply(amount('1000000000000'), amount('1000000000000'))).toBe(
      '1000000000000000000000000',
    )
  })
  it('refuse what is not plain decimal text', () => {
    for (const text of ['', '1e5', 'NaN', '1,5', '.5', '5.', '--1'])
      expect(() => amount(text)).toThrow(TypeError)
  })
  it.each([
    ['25 000.5', '25000.5'],
    ['25\u202f000', '25000'],
    ['1_000', '1000'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['007', '7'],
    ['-3', '-3'],
    ['', null],
    ['1,5', null],
    ['ten', null],
    ['1e3', null],
  ])('read %j as typed by a person as %j', (text, value) => expect(typedAmount(text)).toBe(value))
  it('compare by value, not as text', () => {
    expect(compare(amount('10'), amount('9'))).toBe(1)
    expect(compare(amount('1.0'), amount('1'))).toBe(0)
    expect(least(amount('10'), amount('9'))).toBe('9')
    expect(sign(negate(amount('2')))).toBe(-1)
  })
  it('round towards zero to steps, and to even for reading', () => {
    expect(roundDown(amount('1.23456789'), amount('0.001'))).toBe('1.234')
    expect(roundDown(amount('-1.9'), amount('1'))).toBe('-1')
    expect(rounded(amount('2.345'), 2)).toBe('2.34')
    expect(isMultiple(amount('0.03'), amount('0.01'))).toBe(true)
    expect(isMultiple(amount('0.035'), amount('0.01'))).toBe(false)
  })
  it('give all of a sum at the end of a slider and never more', () => {
    const whole = amount('3.10000001')
    expect(portion(whole, 1000, amount('0.01'))).toBe(whole)
    expect(portion(whole, 500, amount('0.01'))).toBe('1.55')
    expect(portion(whole, 0, amount('0.01'))).toBe('0')
  })
  it('become shares and distances for drawing', () => {
    expect(share(amount('1'), amount('4'))).toBe(0.25)
    expect(share(amount('5'), amount('4'))).toBe(1)
    expect(share(amount('5'), amount('0'))).toBe(0)
    expect(middle(amount('1'), amount('2'))).toBe('1.5')
    expect(basisPoints(amount('100'), amount('100.5'))).toBe('50')
    expect(basisPoints(amount('0'), amount('1'))).toBeNull()
  })
})
