/** An operator keeps an eye on everything, and stays in charge when something breaks. */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { nothingAmiss, tell, WAIT_MS } from './story'

interface Run {
  run_id: string
  state: string
  running: boolean
}

const story = tell()
let runPage: string
let dashboard: Page

const runId = (): string => new URL(runPage).pathname.split('/').at(-1) ?? ''

/** Fill in an order in the dialog that is open. */
async function order(page: Page, size: string, limit?: string): Promise<void> {
  if (limit === undefined) {
    await page.getByRole('combobox', { name: 'Type' }).click()
    await page.getByRole('option', { name: /^market/ }).click()
  }
  await page.getByRole('textbox', { name: 'Size' }).fill(size)
  if (limit !== undefined) await page.getByRole('textbox', { name: 'Limit' }).fill(limit)
  await page.getByRole('button', { name: 'Review' }).click()
}

describe('an operator', () => {
  it('sees the market live at two venues', async () => {
    const { page } = story
    await story.signIn()
    await story.go('m')
    await page.getByRole('row', { name: /BTC\/USD gdax/ }).waitFor()
    const prices = page.getByRole('table', { name: 'Best prices' })
    await prices.waitFor()
    await page.getByRole('img', { name: /Candles of/ }).waitFor()
    const before = await prices.textContent()
    await expect.poll(() => prices.textContent(), { timeout: WAIT_MS }).not.toBe(before)
    await story.look('market')
  })

  it('adds virtual funds and allocates some of them', async () => {
    const { page } = story
    await story.go('w')
    await story.button('Add virtual funds').click()
    await page.getByRole('textbox', { name: /Amount/ }).fill('50 000')
    await story.accessible('virtual-funds')
    await story.button(/^Add 50.000 USD/).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await story.button('New wallet set').click()
    await page.getByRole('textbox', { name: 'Name' }).fill('desk')
    await page.getByRole('combobox', { name: '+ add funds of' }).click()
    await page.getByRole('option', { name: /USD on gdax/ }).click()
    await page.getByRole('textbox', { name: 'USD on gdax' }).fill('25 000')
    await story.accessible('new-wallet-set')
    await story.button(/^Allocate 25.000 USD/).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.getByRole('table', { name: 'Wallets of desk' }).waitFor()
    await story.look('wallets')
  })

  it('starts a run on paper that goes on', async () => {
    const { page } = story
    await page.goto(`${story.services.page}/?strategy=HodlStrategy&mode=paper`)
    await page.getByRole('textbox', { name: 'USD of gdax' }).fill('10000')
    await story.button('Review and start').click()
    await story.button('Start on paper').click()
    await page.waitForURL(/\/runs\//)
    runPage = page.url()
    await page.getByRole('tab', { name: 'Orders and fills' }).click()
    await page
      .getByRole('row', { name: /filled.*BTC|BTC.*filled/ })
      .first()
      .waitFor()
    await story.look('run-on-paper')
  })

  it('reads what the run hears and says on the dashboard of the hub', async () => {
    const hub = await story.openTab()
    await hub.goto(story.services.cryptick)
    await story.signInAgain(hub, '● connected')
    await hub.getByRole('navigation', { name: 'Runs' }).getByText('hodlstrategy_0').waitFor()
    await hub.getByRole('log', { name: 'Messages' }).getByText('run.start').first().waitFor()
    await story.look('hub', hub)
    await hub.close()
  })

  it('makes orders from the dashboard of xWrap', async () => {
    dashboard = await story.openTab()
    await dashboard.goto(story.services.xwrap)
    await story.signInAgain(dashboard, 'xWrap connected')
    await dashboard.getByRole('table', { name: 'Books' }).getByText('live').nth(5).waitFor()
    await dashboard.getByRole('button', { name: 'all', exact: true }).waitFor()
    await dashboard.getByText(/newest \d+ records|Nothing has been logged/).waitFor()
    await story.look('xwrap', dashboard)
    await dashboard.getByRole('link', { name: 'Orders' }).click()
    await dashboard.getByRole('button', { name: 'New order' }).click()
    await order(dashboard, '0.1')
    await dashboard.getByText(/^Buy 0.1 BTC on gdax at market \(about /).waitFor()
    await story.accessible('new-order', dashboard)
    await dashboard.getByRole('button', { name: 'Buy 0.1 BTC' }).click()
    await dashboard.getByRole('dialog').waitFor({ state: 'hidden' })
    await dashboard.getByRole('row', { name: /filled.*BTC\/USD.*0\.1\b/ }).waitFor()
    await dashboard.getByRole('button', { name: 'New order' }).click()
    await order(dashboard, '0.5', '1000')
    await dashboard.getByRole('button', { name: 'Buy 0.5 BTC' }).dblclick({ force: true }) // once is enough, and twice is no more
    await dashboard.getByRole('dialog').waitFor({ state: 'hidden' })
    await dashboard.getByRole('row', { name: /open buy BTC\/USD/ }).waitFor()
    expect(await dashboard.getByRole('row', { name: /open buy BTC\/USD/ }).count()).toBe(1)
    await story.look('xwrap-orders', dashboard)
  })

  it('cancels one of them in Cryptock', async () => {
    const { page } = story
    await page.bringToFront()
    await story.go('o')
    await page.getByRole('row', { name: /open buy BTC\/USD/ }).click()
    await story.button('Cancel this order').waitFor()
    await story.look('order')
    await story.button('Cancel this order').click()
    await story.button('Cancel the order').click()
    await page.getByText('cancelled').first().waitFor()
    await story.button('Close').click()
    await story.look('orders')
    await dashboard.getByRole('row', { name: /cancelled buy BTC\/USD/ }).waitFor()
  })

  it('is told the truth while xWrap is away, and has everything again once it is back', async () => {
    const { page } = story
    const before = await page.getByRole('table', { name: 'Orders' }).getByRole('row').count()
    await page.goto(runPage)
    await page.getByText('xWrap connected').waitFor()
    await story.services.restartXWrap(async () => {
      await page.getByText('xWrap can’t be reached.').waitFor()
      await page.getByText(/xWrap not connected/).waitFor()
      await story.look('run-away')
      await story.go('m')
      await page
        .getByText(/^stale/)
        .first()
        .waitFor()
      expect(await page.getByRole('table', { name: 'Best prices' }).count()).toBe(0)
      await story.look('market-away')
      await dashboard.getByText('xWrap can’t be reached.').waitFor()
      await story.accessible('xwrap-away', dashboard)
      await page.reload()
      await page.getByText('xWrap can’t be reached.').waitFor()
      await story.look('away')
    })
    await page.getByText('xWrap connected').waitFor()
    await page.getByText('xWrap can’t be reached.').waitFor({ state: 'hidden' })
    await dashboard.getByText('xWrap connected').waitFor()
    const run = () => story.ask<Run>('cryptick', `/runs/${runId()}`)
    await expect.poll(async () => (await run()).state, { timeout: WAIT_MS }).toBe('running')
    await story.go('m')
    await page.getByRole('table', { name: 'Best prices' }).waitFor()
    await story.go('o')
    await expect
      .poll(() => page.getByRole('table', { name: 'Orders' }).getByRole('row').count())
      .toBe(before)
  })

  it('stops everything by the kill switch, and lets trading go on', async () => {
    const { page } = story
    await story.button('New order').click()
    await order(page, '0.5', '1000')
    await story.button('Buy 0.5 BTC').click()
    await page.getByRole('row', { name: /open buy BTC\/USD/ }).waitFor()
    await page.getByText('1 order open').waitFor()
    await page.locator('body').press('k')
    await story.button('Cancel everything').waitFor()
    await story.look('kill-switch')
    await story.button('Cancel everything').click()
    await page.getByText('Trading is stopped.').waitFor()
    await page.getByText('No order is open any more.').waitFor()
    await story.look('stopped')
    await story.button('Let trading go on').click()
    await page.getByText('Trading is on').waitFor()
    await story.button('Close').click()
  })

  it('finds the run as it was, and stops it', async () => {
    const { page } = story
    await page.goto(runPage)
    await page.getByText('running', { exact: true }).first().waitFor()
    await story.look('run-again')
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByRole('link', { name: 'Report' }).waitFor()
  })

  it('signs out, and nothing is left to see', async () => {
    const { page } = story
    await story.button('admin').click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByLabel('Password').waitFor()
    await page.reload()
    await page.getByLabel('Password').waitFor()
  })

  nothingAmiss(story)
})
