/** What all stories share: the real services, a real browser, and an eye on what keeps somebody from using a page. */
import { AxeBuilder } from '@axe-core/playwright'
import Big from 'big.js'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Platform, startPlatform } from './services'

/** Where pictures of every page go; without it none are taken. */
const SCREENSHOTS = process.env.SCREENSHOTS
const PASSWORD = 'a password of my own'
const SIZES = { wide: [1440, 900], narrow: [360, 740] } as const
type Size = keyof typeof SIZES
type Scheme = 'dark' | 'light'
/** Each size and each scheme once; the pictures have all four. */
const LOOKS: readonly [Size, Scheme][] = [
  ['wide', 'dark'],
  ['narrow', 'light'],
]
const ALL_LOOKS: readonly [Size, Scheme][] = [...LOOKS, ['narrow', 'dark'], ['wide', 'light']]
/** A step waits for what it expects; this is when it gives up, also on a slow and busy machine. */
export const WAIT_MS = 60_000

export class Story {
  page!: Page
  private platform: Platform | undefined
  private browser: Browser | undefined
  private context!: BrowserContext
  private readonly complaints: string[] = []
  private readonly barriers: string[] = []

  async begin(): Promise<void> {
    this.platform = await startPlatform()
    this.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    })
    this.context = await this.browser.newContext({ reducedMotion: 'reduce' })
    this.page = await this.openTab()
  }

  async end(): Promise<void> {
    await this.browser?.close()
    await this.platform?.stop()
  }

  get services(): Platform {
    if (this.platform === undefined) throw new Error('the services are not running')
    return this.platform
  }

  /** Another tab of the same browser, as wide as a desk. */
  async openTab(): Promise<Page> {
    const page = await this.context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      if (
        message.type() === 'error' &&
        /Content Security Policy|Warning|React/.test(message.text())
      )
        this.complaints.push(message.text())
    })
    await show(page, 'wide', 'dark')
    return page
  }

  button(name: string | RegExp) {
    return this.page.getByRole('button', { name })
  }

  /** First sign-in of all, which asks for a password of one's own. */
  async signIn(): Promise<void> {
    const { page } = this
    await page.goto(this.services.page)
    await page.getByLabel('Name').fill('admin')
    await page.getByLabel('Password').fill(this.services.password)
    await this.button('Sign in').click()
    await page.getByLabel('New password').fill(PASSWORD)
    await page.getByLabel('Once more').fill(PASSWORD)
    await this.button('Set the password').click()
    await page.getByText('xWrap connected').waitFor()
  }

  /** Sign in where the password has been chosen already. */
  async signInAgain(page: Page, until: string): Promise<void> {
    await page.getByLabel('Name').fill('admin')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText(until).waitFor()
  }

  /** Go to a page by its key, as who knows the page does. */
  async go(key: string): Promise<void> {
    await this.page.locator('body').press('g')
    await this.page.locator('body').press(key)
  }

  /** What a service answers to a program of the same user. */
  async ask<T>(service: 'xwrap' | 'cryptick', path: string): Promise<T> {
    const login = await fetch(`${this.services.page}/api/xwrap/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'admin', password: PASSWORD }),
    })
    const { access_token: token } = (await login.json()) as { access_token: string }
    const answer = await fetch(`${this.services.page}/api/${service}${path}`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(answer.ok, `${path}: ${answer.status}`).toBe(true)
    return (await answer.json()) as T
  }

  /** Note what keeps somebody from using what is shown; the last step tells of all of it. */
  async accessible(where: string, page = this.page): Promise<void> {
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'])
      .analyze()
    for (const { id, nodes } of violations)
      for (const { html } of nodes.slice(0, 3))
        this.barriers.push(`${where}: ${id}: ${html.slice(0, 200)}`)
  }

  /** A page on a desk and on a phone: each is accessible, fits, and is photographed where asked for. */
  async look(name: string, page = this.page): Promise<void> {
    for (const [size, scheme] of SCREENSHOTS === undefined ? LOOKS : ALL_LOOKS) {
      await show(page, size, scheme)
      const where = `${name}-${SIZES[size][0]}-${scheme}`
      await this.accessible(where, page)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (overflow > 0) this.barriers.push(`${where}: ${overflow} px wider than the screen`)
      if (SCREENSHOTS !== undefined) await photograph(page, SCREENSHOTS, where)
    }
    await show(page, 'wide', 'dark')
  }

  /** The last step of each story. */
  expectNothingAmiss(): void {
    expect([...this.complaints, ...this.barriers].join('\n')).toBe('')
  }

  async photographFailure(name: string): Promise<void> {
    const folder = SCREENSHOTS ?? join(tmpdir(), 'cryptock-failures')
    for (const page of this.context.pages()) {
      const at = `failed-${name.replace(/\W+/g, '-')}-${this.context.pages().indexOf(page)}`
      await photograph(page, folder, at)
      console.error(`${page.url()}: ${join(folder, at)}.png`)
    }
  }
}

async function show(page: Page, size: Size, colorScheme: Scheme): Promise<void> {
  const [width, height] = SIZES[size]
  await page.setViewportSize({ width, height })
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  )
}

async function photograph(page: Page, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

/** Start everything for the stories of a file, and end them at their first fault. */
export function tell(): Story {
  const story = new Story()
  let failed = false
  beforeAll(() => story.begin())
  afterAll(() => story.end())
  beforeEach(({ skip }) => skip(failed, 'an earlier step failed'))
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail' || failed) return
    failed = true
    await story.photographFailure(task.name)
  })
  return story
}

/** How the last chapter of each story ends. */
export function nothingAmiss(story: Story): void {
  it('meets no error and no barrier on the way', () => story.expectNothingAmiss())
}

/** The exact sum of amounts by what they are amounts of. */
export function totals(amounts: Iterable<readonly [of: string, amount: string]>): Map<string, Big> {
  const all = new Map<string, Big>()
  for (const [of, amount] of amounts) all.set(of, (all.get(of) ?? new Big(0)).plus(amount))
  return all
}
