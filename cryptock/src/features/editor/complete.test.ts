import { CompletionContext } from '@codemirror/autocomplete'
import { EditorState, Text } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { describe, expect, it } from 'vitest'
import words from '@/testing/recorded/runs/editor-words.json'
import type { Word } from './api'
import { completer, importOf } from './complete'

const complete = completer(words as Word[])
const at = (doc: string, explicit = false) =>
  complete(new CompletionContext(EditorState.create({ doc }), doc.length, explicit))
const labels = (doc: string) => at(doc)?.options.map(({ label }) => label) ?? []

describe('what can be written next', () => {
  it('follows what was written before the dot', () => {
    expect(labels('x = self.')).toContain('buy_market')
    expect(labels('self.components.sl')).toContain('slider')
    expect(labels('self.components.')).not.toContain('buy_market')
    expect(labels('if bar.cl')).toContain('close')
    expect(labels('class A(Str')).toContain('Strategy')
    expect(labels('nobody.')).toEqual([])
    expect(at('', true)?.options.length).toBeGreaterThan(0)
    expect(at('')).toBeNull()
  })

  it('begins after the dot', () => {
    expect(at('x = self.bu')?.from).toBe('x = self.'.length)
  })

  it('imports a class when it is chosen', () => {
    const doc = '"""Mine."""\n\nfrom cryptick.messages import Fill\n\n\nBa'
    const view = new EditorView({ state: EditorState.create({ doc }) })
    const found = complete(new CompletionContext(view.state, doc.length, false))
    const bar = found?.options.find(({ label }) => label === 'Bar')
    if (bar === undefined || typeof bar.apply !== 'function') throw new Error('it is not offered')
    bar.apply(view, bar, doc.length - 2, doc.length)
    expect(view.state.doc.toString()).toBe(
      '"""Mine."""\n\nfrom cryptick.messages import Fill, Bar\n\n\nBar',
    )
    expect(view.state.selection.main.head).toBe(view.state.doc.length)
  })
})

describe('an import', () => {
  const into = (doc: string) => {
    const found = importOf(Text.of(doc.split('\n')), 'a.b', 'C')
    return found && doc.slice(0, found.from) + found.insert + doc.slice(found.from)
  }
  it.each([
    ['from a.b import C, D', null],
    ['from a.b import D', 'from a.b import D, C'],
    ['import os\n\nx', 'import os\nfrom a.b import C\n\nx'],
    ['x = 1', 'from a.b import C\nx = 1'],
  ])('of C into %j gives %j', (doc, expected) => {
    expect(into(doc)).toBe(expected)
  })
})
