import { screen, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { openPage, sent } from '@/testing/page'
import { getRuns, service } from '@/testing/service'
import { HUB_DASHBOARD } from './dashboard'

const open = () => openPage('/', '● connected', HUB_DASHBOARD)

describe('the dashboard of the hub', () => {
  it('shows the messages of the run that goes on, and of any other', async () => {
    const { user, socket, hub } = await open()
    const runs = await screen.findByRole('navigation', { name: 'Runs' })
    const here = () => within(runs).getByRole('button', { current: true })
    expect(here()).toHaveTextContent(/^efficientfrontier_0/)
    expect(await screen.findByRole('log', { name: 'Messages' })).toHaveTextContent('run.start')
    expect(hub.asked).toContainEqual({
      event: 'subscribe',
      argument: { run_id: 'efficientfrontier_0', channel: 'messages' },
    })
    expect(socket.connects).toBe(0)

    await user.click(within(runs).getByRole('button', { name: /smacross_0/ }))
    expect(here()).toHaveTextContent(/^smacross_0/)
    expect(await screen.findByText('Messages of smacross_0')).toBeInTheDocument()
  })

  it('says so where no run has been started', async () => {
    service.use(getRuns('/runs', {}))
    await open()
    expect(await screen.findByText(/No run has been started yet/)).toBeInTheDocument()
  })

  it('says since when its server is away, and lets the person go', async () => {
    const { hub, user } = await open()
    hub.disconnect()
    expect(await screen.findByText(/away/)).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: 'Sign out' }))
    expect(await screen.findByLabelText(/^Password/)).toBeInTheDocument()
    expect(sent('/auth/logout')).toHaveLength(1)
  })
})
