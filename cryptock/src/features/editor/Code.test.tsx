import { ThemeProvider } from '@mui/material'
import { render, screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { makeTheme } from '@/shared/theme'
import Code from './Code'

describe('the text of a strategy', () => {
  it('is not taken for written where the page shows another one', () => {
    const written = vi.fn()
    const page = (text: string) => (
      <ThemeProvider theme={makeTheme('dark')}>
        <Code
          text={text}
          readOnly={false}
          findings={[]}
          goTo={null}
          onChange={written}
          onSave={vi.fn()}
        />
      </ThemeProvider>
    )
    const { rerender } = render(page('the first'))
    for (const text of ['', 'the second']) rerender(page(text))
    expect(screen.getByLabelText('Code of the strategy')).toHaveTextContent('the second')
    expect(written).not.toHaveBeenCalled()
  })
})
