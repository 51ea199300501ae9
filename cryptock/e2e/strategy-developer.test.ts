/** A strategy developer writes one, tries it on history, and compares it with another. */
import { describe, expect, it } from 'vitest'
import { nothingAmiss, tell } from './story'

const story = tell()
let own: string

const runIdOf = (address: string): string => new URL(address).pathname.split('/').at(-1) ?? ''

/** The run that the page is on, once it has ended well. */
async function ended(): Promise<string> {
  const { page } = story
  await page.waitForURL(/\/runs\//)
  await page.getByRole('link', { name: 'Report' }).waitFor()
  return runIdOf(page.url())
}

describe('a strategy developer', () => {
  it('begins a strategy from the template', async () => {
    const { page } = story
    await story.signIn()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill('edit')
    await page.getByRole('option', { name: /Go to Editor/ }).click()
    await story.button('New strategy').click()
    await page.getByLabel('Name of its class').fill('Dips')
    await story.accessible('new-strategy')
    await story.button('Begin').click()
    await page.getByLabel('Code of the strategy').waitFor()
    await page.getByText('✓ it loads:').waitFor()
  })

  it('writes it, with completion, and is told what is wrong', async () => {
    const { page } = story
    const code = page.getByLabel('Code of the strategy')
    await code.getByText('return', { exact: true }).click()
    await code.press('End')
    await code.press('Enter')
    await code.pressSequentially('self.wal')
    await page
      .getByRole('listbox')
      .getByRole('option', { name: /wallet/ })
      .first()
      .waitFor()
    await story.look('editor-completion')
    await code.press('Escape')
    await code.press('Shift+Home')
    await code.pressSequentially('retrun')
    await page
      .getByRole('button', { name: /Undefined name `retrun`/ })
      .first()
      .waitFor()
    await story.look('editor-lint')
    await code.press('Shift+Home')
    await code.press('Backspace')
    await page.getByText('✓ it loads:').waitFor()
  })

  it('saves a version and tries it on history', async () => {
    const { page } = story
    await page.getByLabel('What changed').fill('first')
    await story.button('Save version').click()
    await page.getByText('version 1').first().waitFor()
    await story.button('Backtest').click()
    await page.getByText(/^On all its candles/).waitFor()
    await story.accessible('backtest-of-version')
    await story.button('Start the backtest').click()
    own = await ended()
    await story.look('run')
    await page.getByRole('tab', { name: 'Log' }).click()
    await page
      .getByText(/buy .* at /)
      .first()
      .waitFor()
    await story.look('run-log')
    await page.getByRole('tab', { name: 'Messages' }).click()
    await story.accessible('run-messages')
  })

  it('reads the report, and runs it again to the digit', async () => {
    const { page } = story
    await page.getByRole('link', { name: 'Report' }).click()
    await page.getByRole('img', { name: /^Equity, drawdown and exposure/ }).waitFor()
    await story.look('report')
    await story.button('Run again').click()
    await page.waitForURL(/again=/)
    await page.getByText('Equal to the digit.').waitFor()
    await story.look('again')
  })

  it('backtests another strategy from Home', async () => {
    const { page } = story
    await story.go('h')
    await page.getByRole('combobox', { name: 'Strategy' }).click()
    await page.getByRole('option', { name: /^SmaCross/ }).click()
    await story.button('backtest').click()
    await page.getByText('Funds, of any amount').waitFor()
    await story.look('backtest-form')
    await story.button('Review and start').click()
    await page.getByText(/^Backtest SmaCross with /).waitFor()
    await story.button('Start the backtest').click()
    await ended()
  })

  it('compares the two', async () => {
    const { page } = story
    const cross = runIdOf(page.url())
    await story.go('b')
    const backtests = page.getByRole('table', { name: 'Backtests' })
    await backtests.waitFor()
    await story.look('backtests')
    await page.getByRole('checkbox', { name: `Compare ${own}` }).check()
    await page.getByRole('checkbox', { name: `Compare ${cross}` }).check()
    await story.button('Compare 2').click()
    await page.getByRole('img', { name: 'Equity and drawdown of the runs' }).waitFor()
    const figures = page.getByRole('table', { name: 'Figures side by side' })
    expect(await figures.getByRole('columnheader').count()).toBe(2)
    await story.look('compare')
  })

  it('searches parameters, and sees where they are good', async () => {
    const { page } = story
    const grids = ['fast=5,10,15,20', 'slow=30,60,90'].flatMap((grid) => ['--grid', grid])
    await story.services.sweep('SmaCross', '--gdax-usd', '10000', '--splits', '3', ...grids)
    await story.go('b')
    await page.getByRole('tab', { name: 'Sweeps' }).click()
    await page.getByRole('row', { name: /SmaCross/ }).click()
    const map = page.getByRole('grid', { name: /by .* and / })
    await map.getByRole('gridcell').first().waitFor()
    expect(await map.getByRole('gridcell').count()).toBe(12)
    await story.look('sweep')
  })

  it('lets everybody start it, and takes that back', async () => {
    const { page } = story
    await story.go('e')
    await page.getByText('✓ it loads:').waitFor()
    await story.button('Promote').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Promote' }).click()
    await story.button('Withdraw').waitFor()
    await story.look('editor')
    await story.button('Withdraw').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click()
    await story.button('Promote').waitFor()
  })

  nothingAmiss(story)
})
