/** A person's way through the page, with real services and a real browser. */
import { AxeBuilder } from '@axe-core/playwright'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Platform, startPlatform } from './services'

const PASSWORD = 'a password of my own'
const SCREENSHOTS = process.env.SCREENSHOTS

let platform: Platform | undefined
let browser: Browser | undefined
let context: BrowserContext
let page: Page
const complaints: string[] = []
const barriers: string[] = []

beforeAll(async () => {
  platform = await startPlatform()
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'dark',
    reducedMotion: 'reduce',
  })
  page = await context.newPage()
  page.setDefaultTimeout(30_000)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Warning|React/.test(message.text()))
      complaints.push(message.text())
  })
})

afterAll(async () => {
  await browser?.close()
  await platform?.stop()
})

function started(): Platform {
  if (platform === undefined) throw new Error('the services are not running')
  return platform
}

const button = (name: string | RegExp) => page.getByRole('button', { name })

/** Note what keeps somebody from using what is shown; the last test tells of all of it. */
async function accessible(where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'])
    .analyze()
  for (const { id, nodes } of violations)
    for (const { html } of nodes.slice(0, 3))
      barriers.push(`${where}: ${id}: ${html.slice(0, 160)}`)
}

/** Both widths and both schemes: each is accessible and, where asked for, photographed. */
async function look(name: string): Promise<void> {
  for (const [width, height] of [
    [1440, 900],
    [360, 740],
  ] as const)
    for (const scheme of ['dark', 'light'] as const) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      )
      await accessible(`${name} ${width} ${scheme}`)
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        `${name} at ${width}`,
      ).toBe(true)
      if (SCREENSHOTS !== undefined) {
        await mkdir(SCREENSHOTS, { recursive: true })
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${scheme}.png`) })
      }
    }
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
}

describe('a portfolio manager', () => {
  it('signs in for the first time and chooses a password', async () => {
    await page.goto(started().page)
    await page.getByLabel('Name').waitFor()
    await look('sign-in')
    await page.getByLabel('Name').fill('admin')
    await page.getByLabel('Password').fill('wrong')
    await button('Sign in').click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Password').fill(started().password)
    await button('Sign in').click()
    await page.getByLabel('New password').fill(PASSWORD)
    await page.getByLabel('Once more').fill(PASSWORD)
    await button('Set the password').click()
    await page.getByText('xWrap connected').waitFor()
  })

  it('stays signed in when the page is loaded again', async () => {
    await page.reload()
    await page.getByText('xWrap connected').waitFor()
  })

  it('sees the market live at two venues', async () => {
    await page.getByRole('row', { name: /BTC\/USD gdax/ }).waitFor()
    await page.getByRole('table', { name: 'Best prices' }).waitFor()
    await page.getByRole('img', { name: /Candles of/ }).waitFor()
    const before = await page.getByRole('table', { name: 'Best prices' }).textContent()
    await expect
      .poll(() => page.getByRole('table', { name: 'Best prices' }).textContent(), {
        timeout: 30_000,
      })
      .not.toBe(before)
    await look('market')
  })

  it('adds virtual funds and allocates some of them', async () => {
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill('wall')
    await page.getByRole('option', { name: /Go to Wallets/ }).click()
    await button('Add virtual funds').click()
    await page.getByRole('textbox', { name: /Amount/ }).fill('50 000')
    await button(/^Add 50.000 USD/).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await button('New wallet set').click()
    await page.getByRole('textbox', { name: 'Name' }).fill('desk')
    await page.getByRole('combobox', { name: '+ add funds of' }).click()
    await page.getByRole('option', { name: /USD on gdax/ }).click()
    await page.getByRole('textbox', { name: 'USD on gdax' }).fill('25 000')
    await accessible('new wallet set')
    await button(/^Allocate 25.000 USD/).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.getByRole('table', { name: 'Wallets of desk' }).waitFor()
    await look('wallets')
  })

  it('makes an order at market and sees it filled', async () => {
    await page.keyboard.press('g')
    await page.keyboard.press('o')
    await button('Make one').click()
    await page.getByRole('combobox', { name: 'Type' }).click()
    await page.getByRole('option', { name: /^market/ }).click()
    await page.getByRole('textbox', { name: 'Size' }).fill('0.1')
    await expect.poll(() => button('Review').isEnabled(), { timeout: 30_000 }).toBe(true)
    await accessible('new order')
    await button('Review').click()
    await page.getByText(/^Buy 0.1 BTC on gdax at market \(about /).waitFor()
    await button('Buy 0.1 BTC').click()
    await page.getByRole('row', { name: /filled.*BTC\/USD/ }).waitFor()
  })

  it('makes an order that rests and cancels it', async () => {
    await button('New order').click()
    await page.getByRole('textbox', { name: 'Size' }).fill('0.5')
    await page.getByRole('textbox', { name: 'Limit' }).fill('1000')
    await button('Review').click()
    await button('Buy 0.5 BTC').dblclick({ force: true }) // once is enough, and twice is no more
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    const row = page.getByRole('row', { name: /open buy BTC\/USD/ })
    await row.waitFor()
    expect(await row.count()).toBe(1)
    await look('orders')
    await row.click()
    await button('Cancel this order').click()
    await button('Cancel the order').click()
    await page.getByText('cancelled').first().waitFor()
    await button('Close').click()
  })

  it('finds the page truthful while xWrap is away, and complete once it is back', async () => {
    await started().restartXWrap(async () => {
      await page.getByText(/xWrap not connected/).waitFor()
      await page.keyboard.press('g')
      await page.keyboard.press('m')
      await page
        .getByText(/^stale/)
        .first()
        .waitFor()
      expect(await page.getByRole('table', { name: 'Best prices' }).count()).toBe(0)
      await look('not-connected')
    })
    await page.getByText('xWrap connected').waitFor({ timeout: 60_000 })
    await page.getByRole('table', { name: 'Best prices' }).waitFor()
    await page.getByText('2 orders').or(page.getByText('0 orders open')).first().waitFor()
  })

  it('stops everything by the kill switch, and lets trading go on', async () => {
    await page.keyboard.press('k')
    await button('Cancel everything').waitFor()
    await accessible('kill switch')
    await button('Cancel everything').click()
    await page.getByText('Trading is stopped.').waitFor()
    await page.getByText('No order is open any more.').waitFor()
    await look('kill-switch')
    await button('Let trading go on').click()
    await page.getByText('Trading is on').waitFor()
    await button('Close').click()
  })

  it('signs out, and nothing is left to see', async () => {
    await button('admin').click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByLabel('Password').waitFor()
    await page.reload()
    await page.getByLabel('Password').waitFor()
  })

  it('has met no error and no barrier on the way', () => {
    expect(complaints).toEqual([])
    expect(barriers).toEqual([])
  })
})
