import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { HttpResponse, http } from 'msw'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { openPage, sent } from '@/testing/page'
import bad from '@/testing/recorded/runs/editor-bad.json'
import editor from '@/testing/recorded/runs/editor.json'
import good from '@/testing/recorded/runs/editor-good.json'
import template from '@/testing/recorded/runs/editor-template.json'
import words from '@/testing/recorded/runs/editor-words.json'
import { getRuns, put, service } from '@/testing/service'

// What is laid out decides what CodeMirror draws: it is tried in a browser.
vi.mock('./Code', () => ({
  default: ({
    text,
    readOnly,
    onChange,
    onSave,
  }: {
    text: string
    readOnly: boolean
    onChange: (text: string) => void
    onSave: () => void
  }) => (
    <textarea
      aria-label="Code of the strategy"
      value={text}
      readOnly={readOnly}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={(event) => event.ctrlKey && event.key === 's' && onSave()}
    />
  ),
}))

const inspection = (answer: object) =>
  http.post('*/api/cryptick/editor/inspect', () => HttpResponse.json(answer))

beforeEach(() => {
  service.use(
    getRuns('/editor', editor),
    getRuns('/editor/words', words),
    getRuns('/editor/template/:name', template),
    getRuns('/editor/drafts/MyStrategy/1', { text: 'the first' }),
    getRuns('/editor/drafts/MyStrategy/2', { text: 'the second' }),
    inspection(good),
  )
})

const code = () => screen.findByRole('textbox', { name: 'Code of the strategy' })
const write = async (text: string) => {
  fireEvent.change(await code(), { target: { value: text } })
}

describe('the editor', () => {
  it('says how it is allowed where it is off', async () => {
    service.use(getRuns('/editor', { enabled: false, drafts: [] }))
    await openPage('/editor')
    expect(await screen.findByText(/set “editor” to true/)).toBeInTheDocument()
  })

  it('is for administrators', async () => {
    const { store } = await openPage('/editor')
    expect(store.getState().session.role).toBe('admin')
    expect(screen.getByRole('link', { name: 'Editor' })).toBeInTheDocument()
  })

  it('begins a strategy with an example', async () => {
    service.use(getRuns('/editor', { enabled: true, drafts: [] }))
    const { user } = await openPage('/editor')
    await user.click(await screen.findByRole('button', { name: 'New strategy' }))
    const name = screen.getByLabelText('Name of its class')
    await user.type(name, 'mine')
    expect(screen.getByText(/A capital letter/)).toBeInTheDocument()
    await user.clear(name)
    await user.type(name, 'MyStrategy{Enter}')
    expect(await code()).toHaveValue(template.text)
    expect(screen.getByText('not saved yet')).toBeInTheDocument()
    const all = within(screen.getByRole('navigation', { name: 'Strategies' }))
    expect(all.getByRole('button', { name: /MyStrategy\s*not saved/ })).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Backtest' })).toBeDisabled()
  })

  it('saves what is written as the next version, once', async () => {
    const versions = [
      ...(editor.drafts[0]?.versions ?? []),
      { version: 3, saved_at: '2026-11-21T08:00:00Z', saved_by: 'admin', note: 'more' },
    ]
    const third = { ...editor.drafts[0], versions }
    service.use(put('/editor/drafts/MyStrategy', third))
    const { user } = await openPage('/editor')
    await waitFor(async () => expect(await code()).toHaveValue('the second'))
    await write('the third')
    service.use(getRuns('/editor', { enabled: true, drafts: [third] }))
    expect(localStorage.getItem('cryptock.unsaved.MyStrategy')).toBe('the third')
    await user.type(screen.getByLabelText('What changed'), 'more')
    await user.dblClick(screen.getByRole('button', { name: 'Save version' }))
    await waitFor(() => expect(localStorage.getItem('cryptock.unsaved.MyStrategy')).toBeNull())
    expect(sent('/editor/drafts/MyStrategy')).toEqual([
      { text: 'the third', version: 2, note: 'more' },
    ])
    expect(await screen.findByText('version 3')).toBeInTheDocument()
    expect(await code()).toHaveValue('the third')
    expect(screen.queryByText('changed')).not.toBeInTheDocument()
  })

  it('keeps what was written where saving is refused, and says why', async () => {
    const error = 'MyStrategy is at version 3 by now, not 2'
    service.use(
      put('/editor/drafts/MyStrategy', { error, code: -32602, data: { error: 'usage' } }, 400),
    )
    const { user } = await openPage('/editor')
    await waitFor(async () => expect(await code()).toHaveValue('the second'))
    await write('mine')
    await user.click(screen.getByRole('button', { name: 'Save version' }))
    expect(await screen.findByText(/at version 3 by now/)).toBeInTheDocument()
    expect(await code()).toHaveValue('mine')
  })

  it('looks at what was saved before, and goes on from there', async () => {
    const { user } = await openPage('/editor')
    await user.click(await screen.findByRole('combobox', { name: 'Version' }))
    await user.click(await screen.findByRole('option', { name: /^1/ }))
    await waitFor(async () => expect(await code()).toHaveValue('the first'))
    expect(await code()).toHaveAttribute('readonly')
    await user.click(screen.getByRole('button', { name: 'Go on from this version' }))
    expect(await code()).not.toHaveAttribute('readonly')
    expect(await code()).toHaveValue('the first')
    expect(screen.getByText('changed')).toBeInTheDocument()
  })

  it('tells what is wrong and where', async () => {
    service.use(inspection({ ...bad, strategies: [] }))
    await openPage('/editor')
    expect(await screen.findByRole('button', { name: /line 31.*retrun/ })).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Promote' })).toBeDisabled()
  })

  it('promotes what loads after a question, and withdraws it', async () => {
    service.use(
      put('/editor/drafts/MyStrategy/promote', { ...editor.drafts[0], promoted: 2 }),
      put('/editor/drafts/MyStrategy/withdraw', { ...editor.drafts[0], promoted: null }),
    )
    const { user } = await openPage('/editor')
    expect(await screen.findByText(/it loads/)).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: 'Promote' }))
    const dialog = await screen.findByRole('dialog')
    expect(dialog).toHaveTextContent(/takes the place of version 1/)
    await user.click(within(dialog).getByRole('button', { name: 'Promote' }))
    await waitFor(() => expect(sent('/MyStrategy/promote')).toEqual([{ version: 2 }]))

    await user.click(await screen.findByRole('combobox', { name: 'Version' }))
    await user.click(await screen.findByRole('option', { name: /^1/ }))
    await user.click(await screen.findByRole('button', { name: 'Withdraw' }))
    await user.click(
      within(await screen.findByRole('dialog')).getByRole('button', { name: 'Withdraw' }),
    )
    await waitFor(() => expect(sent('/MyStrategy/withdraw')).toEqual([{}]))
  })

  it('tries a version on the history there is', async () => {
    service.use(put('/runnables/:name/start', { run_id: 'mystrategy_0' }))
    const { user } = await openPage('/editor')
    await waitFor(async () => expect(await code()).toHaveValue('the second'))
    await user.click(screen.getByRole('button', { name: 'Backtest' }))
    await user.click(await screen.findByRole('button', { name: 'Start the backtest' }))
    await waitFor(() =>
      expect(sent('/runnables/MyStrategy@2/start')).toEqual([
        {
          mode: 'backtest',
          balances: [{ exchange: 'gdax', base: 'USD', balance: '10000' }],
          label: 'version 2',
          request_id: expect.any(String) as string,
        },
      ]),
    )
  })
})
