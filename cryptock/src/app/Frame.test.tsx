import { screen, waitFor } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { render } from '@testing-library/react'
import { openPage } from '@/testing/page'
import { Broken } from './Broken'
import { matching } from './Palette'

describe('the frame', () => {
  it('finds and does things by name', async () => {
    const { user } = await openPage()
    await user.keyboard('{Control>}k{/Control}')
    const box = await screen.findByRole('combobox', { name: 'Find or do anything' })
    await user.type(box, 'nothing like that')
    expect(screen.getByText('Nothing is called that.')).toBeInTheDocument()
    await user.clear(box)
    await user.type(box, 'wall go{ArrowDown}{ArrowUp}{Enter}')
    expect(await screen.findByText('All funds')).toBeInTheDocument()
  })

  it('goes by keys, tells of them, and changes between light and dark', async () => {
    const { user } = await openPage()
    await user.keyboard('go')
    expect(await screen.findByRole('heading', { level: 2, name: /Orders/ })).toBeInTheDocument()
    await user.keyboard('t')
    expect(localStorage.getItem('cryptock.scheme')).toBe('dark')
    await user.keyboard('t')
    expect(localStorage.getItem('cryptock.scheme')).toBe('light')
    await user.keyboard('?')
    expect(await screen.findByText('go to Wallets')).toBeInTheDocument()
  })

  it('tells how everything is', async () => {
    await openPage()
    await waitFor(() =>
      expect(screen.getByLabelText('State of the connections')).toHaveTextContent(
        /gdax ●.*ledger ✓.*1 order open/,
      ),
    )
  })

  it('stays where a page can’t be drawn', () => {
    const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const Bad = () => {
      throw new Error('oh')
    }
    render(
      <Broken>
        <Bad />
      </Broken>,
    )
    expect(screen.getByRole('alert')).toHaveTextContent('This page can’t be shown (oh).')
    quiet.mockRestore()
  })

  it('matches words by their beginnings in any order', () => {
    const commands = ['Go to Wallets', 'Market of BTC/USD on gdax'].map((name) => ({
      name,
      run: () => undefined,
    }))
    expect(matching(commands, 'usd mar').map(({ name }) => name)).toEqual([
      'Market of BTC/USD on gdax',
    ])
    expect(matching(commands, '')).toHaveLength(2)
  })
})
