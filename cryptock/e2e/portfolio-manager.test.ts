/** A portfolio manager gives a strategy funds, chooses where on the frontier they shall be, and watches them go there. */
import Big from 'big.js'
import { describe, expect, it } from 'vitest'
import { nothingAmiss, tell, totals, WAIT_MS } from './story'

const FUNDS = '25000'
type Unallocated = Record<string, Record<string, { balance: string }>>
interface Trade {
  run_id: string
  side: 'buy' | 'sell'
  exchange: string
  pair: string
  exec_amount: string
  exec_price: string
  fee: string
}

const story = tell()
let before: Map<string, Big>
let runId: string

/** What there is of each currency at each exchange and in no wallet set. */
async function unallocated(): Promise<Map<string, Big>> {
  const answer = await story.ask<Unallocated>('xwrap', '/xwrap/v1/wallets/unallocated_exchange')
  return totals(
    Object.entries(answer).flatMap(([exchange, wallets]) =>
      Object.entries(wallets).map(([of, { balance }]) => [`${exchange} ${of}`, balance] as const),
    ),
  )
}

const setting = (name: string) =>
  story.page
    .getByRole('group', { name: 'Settings' })
    .getByRole('textbox', { name: new RegExp(`^${name}( · changed)?$`) })

const told = (text: RegExp) => story.page.getByRole('status').filter({ hasText: text })

describe('a portfolio manager', () => {
  it('signs in for the first time and chooses a password', async () => {
    const { page } = story
    await page.goto(story.services.page)
    await page.getByLabel('Name').fill('admin')
    await story.look('sign-in')
    await page.getByLabel('Password').fill('wrong')
    await story.button('Sign in').click()
    await page.getByRole('alert').waitFor()
    await story.signIn()
    await page.reload()
    await page.getByText('xWrap connected').waitFor()
  })

  it('is welcomed', async () => {
    const { page } = story
    await page.getByRole('heading', { name: 'Welcome to Cryptick' }).waitFor()
    await page.getByText('Nothing has run yet').waitFor()
    await page.getByRole('table', { name: 'Funds by exchange' }).waitFor()
    await story.look('welcome')
    before = await unallocated()
    await story.button('Prepare a paper run').click()
  })

  it('gives the strategy funds, and changes what is not as wanted', async () => {
    const { page } = story
    await page.getByText('On paper').or(page.getByText('virtual money')).first().waitFor()
    await page.getByRole('textbox', { name: 'USD of gdax' }).fill(FUNDS)
    await setting('Days').fill('3')
    await story.button(/more settings$/).click()
    await setting('Interval').fill('1')
    await setting('Slices').fill('12')
    await page.getByRole('textbox', { name: 'Label' }).fill('retirement')
    await story.look('start-form')
    await story.button('Review and start').click()
    await page.getByText('Run EfficientFrontier on paper with 25').waitFor()
    await story.look('review')
    await story.button('Start on paper').click()
    await page.waitForURL(/\/runs\//)
    runId = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  })

  it('sees the frontier, and where the money stands', async () => {
    const { page } = story
    const frontier = page.getByRole('group', { name: /^Efficient frontier/ })
    await frontier.getByRole('slider', { name: 'Target on the frontier' }).waitFor()
    await page.getByRole('heading', { name: 'EfficientFrontier' }).waitFor()
    await story.look('frontier')
  })

  it('chooses a point on the frontier, and sees what it would take', async () => {
    const { page } = story
    await story.button('Min variance').click()
    await page.getByText('On the frontier.').waitFor()
    const target = page.getByRole('slider', { name: 'Target on the frontier' })
    const least = Number(await target.getAttribute('aria-valuenow'))
    const { x, y, width, height } = (await target.boundingBox()) ?? fail('no target')
    await page.mouse.move(x + width / 2, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width / 2 + 60, y + height / 2 - 40, { steps: 6 })
    await page.mouse.up()
    await expect
      .poll(async () => Number(await target.getAttribute('aria-valuenow')))
      .not.toBe(least)
    await page.getByText('On the frontier.').waitFor()
    await story.look('target')
    await story.button(/^Preview \d+ orders, ≈ .* USD$/).click()
    const orders = page.getByRole('list', { name: 'Preview' }).getByRole('listitem')
    await orders.first().waitFor()
    await told(/Nothing is sent until you confirm/).waitFor()
    await story.look('preview')
    expect(await story.ask<unknown[]>('xwrap', '/xwrap/v1/trades')).toEqual([])
  })

  it('confirms it in words with amounts', async () => {
    const { page } = story
    await story.button(/^Trade \d+ orders, fees ≈/).click()
    const asked = page.getByRole('dialog')
    await asked
      .getByText(/Buy [\d.]+ [A-Z]+ on gdax at about/)
      .first()
      .waitFor()
    await asked.getByText('This is virtual money.').waitFor()
    await story.look('confirm')
    await asked.getByRole('button', { name: /^Trade \d+ orders$/ }).dblclick({ force: true })
    await asked.waitFor({ state: 'hidden' })
  })

  it('watches it being filled, pauses, and lets it go on', async () => {
    const { page } = story
    await page
      .getByRole('row', { name: /filled/ })
      .first()
      .waitFor()
    await page.getByRole('progressbar', { name: 'Way to the target' }).waitFor()
    await story.button('Pause trading').click()
    await told(/^Paused: \d+ of 12 slices/).waitFor()
    expect(await page.locator('svg polyline').count()).toBeGreaterThan(0)
    await story.look('paused')
    await story.button('Go on trading').click()
    await told(/^Trading: /).waitFor()
  })

  it('stops the trading, then the run', async () => {
    const { page } = story
    await story.button('Stop trading').click()
    const asked = page.getByRole('dialog')
    await asked.getByRole('button', { name: 'Stop trading' }).click()
    await asked.waitFor({ state: 'hidden' })
    await story.button('Stop trading').waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await asked.getByText(/These funds are freed: .* USD/).waitFor()
    await story.accessible('stop')
    await asked.getByRole('button', { name: 'Stop', exact: true }).click()
    await asked.waitFor({ state: 'hidden' })
    await page.getByText('This run has ended').waitFor()
    await page.getByRole('link', { name: 'Report' }).waitFor()
  })

  it('finds the funds where they belong, to the last digit', async () => {
    const trades = await story.ask<Trade[]>('xwrap', '/xwrap/v1/trades')
    expect(trades.length).toBeGreaterThan(0)
    expect(new Set(trades.map((trade) => trade.run_id))).toEqual(new Set([runId]))
    const moved = trades.flatMap(({ side, exchange, pair, exec_amount, exec_price, fee }) => {
      const [base = '', quote = ''] = pair.split('_')
      const sign = side === 'buy' ? 1 : -1
      return [
        [`${exchange} ${base}`, new Big(exec_amount).times(sign).toFixed()],
        [`${exchange} ${quote}`, new Big(exec_amount).times(exec_price).times(-sign).toFixed()],
        [`${exchange} ${quote}`, new Big(fee).times(-1).toFixed()],
      ] as const
    })
    const expected = totals([
      ...[...before].map(([of, all]) => [of, all.toFixed()] as const),
      ...moved,
    ])
    const shown = (all: Map<string, Big>) =>
      Object.fromEntries([...all].map(([of, amount]) => [of, amount.toFixed()]))
    // Funds of a run are freed by themselves once it has ended.
    await expect
      .poll(async () => shown(await unallocated()), { timeout: WAIT_MS })
      .toEqual(shown(expected))
  })

  it('finds its orders and its result in the overview', async () => {
    const { page } = story
    await story.go('v')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await page
      .getByRole('table', { name: 'Performance by strategy' })
      .getByText('EfficientFrontier')
      .waitFor()
    await story.look('overview')
    await page.getByRole('tab', { name: 'Orders' }).click()
    const grid = page.getByRole('grid', { name: 'All orders' })
    await grid
      .getByRole('row', { name: /EfficientFrontier.*filled|filled.*EfficientFrontier/ })
      .first()
      .waitFor()
    await story.look('overview-orders')
    await page.getByRole('tab', { name: 'Trades' }).click()
    await page.getByRole('grid', { name: 'All trades' }).getByRole('row').nth(1).waitFor()
    await story.accessible('overview-trades')
  })

  it('reads its report', async () => {
    const { page } = story
    await page.goto(`${story.services.page}/backtests/${runId}`)
    await page.getByText('Monthly returns').first().waitFor()
    await story.look('report-of-paper')
    await story.go('h')
    await page.getByRole('list', { name: 'Recent runs' }).getByText('retirement').waitFor()
    await story.look('home')
  })

  nothingAmiss(story)
})

function fail(why: string): never {
  throw new Error(why)
}
