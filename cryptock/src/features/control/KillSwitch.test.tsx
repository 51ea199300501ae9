import { screen, waitFor } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { openPage, sent } from '@/testing/page'
import { get, recorded, service } from '@/testing/service'

const stopped = { ...recorded.control, kill_switch: [{ scope: null, level: 'cancel' }] }

describe('the kill switch', () => {
  it('stops everything, shows how far it is, and lets go', async () => {
    const { user } = await openPage('/orders')
    await screen.findByText('1 order open')
    await user.click(screen.getByRole('button', { name: 'Kill' }))
    await user.click(await screen.findByRole('radio', { name: /Flatten/ }))
    await user.click(screen.getByRole('radio', { name: /Cancel\./ }))
    service.use(get('/control', stopped))
    await user.click(screen.getByRole('button', { name: 'Cancel everything' }))
    expect(await screen.findByText(/Trading is stopped/)).toBeInTheDocument()
    expect(sent('/kill_switch')).toEqual([{ level: 'cancel' }])
    expect(screen.getByText(/1 order still to be cancelled/)).toBeInTheDocument()
    expect(screen.getByRole('progressbar')).toBeInTheDocument()
    service.use(get('/control', recorded.control))
    await user.click(screen.getByRole('button', { name: 'Let trading go on' }))
    expect(await screen.findByText(/Trading is on/)).toBeInTheDocument()
    expect(sent('/kill_switch').at(-1)).toEqual({ level: 'off' })
  })

  it('asks for a word where money is real', async () => {
    service.use(
      get(
        '/exchanges',
        recorded.exchanges.map((each) => ({ ...each, mode: 'live' })),
      ),
    )
    const { user } = await openPage('/orders')
    await screen.findByText('● live')
    await user.keyboard('k')
    const button = await screen.findByRole('button', { name: 'Cancel everything' })
    expect(button).toBeDisabled()
    await user.type(
      screen.getByRole('textbox', { name: /real money on gdax, mirror/ }),
      'STOP LIVE',
    )
    await waitFor(() => expect(button).toBeEnabled())
  })
})
