/** Python by CodeMirror, in the page's colours. Load it lazily: it is large. */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { python } from '@codemirror/lang-python'
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language'
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { Annotation, Compartment, EditorState } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useTheme } from '@mui/material/styles'
import { type Theme } from '@mui/material/styles'
import { useEffect, useRef } from 'react'
import type { Finding, Word } from './api'
import { completer } from './complete'

const NO_WORDS: readonly Word[] = []
/** What the page shows is not what somebody has typed. */
const shown = Annotation.define<boolean>()

export default function Code({
  text,
  readOnly,
  words = NO_WORDS,
  findings,
  goTo,
  onChange,
  onSave,
}: {
  /** What is shown at first, and again whenever it is another than what was written last. */
  text: string
  readOnly: boolean
  words?: readonly Word[] | undefined
  findings: readonly Finding[]
  /** Where the cursor is put; a new object each time. */
  goTo: { line: number } | null
  onChange: (text: string) => void
  onSave: () => void
}) {
  const element = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const parts = useRef({
    look: new Compartment(),
    words: new Compartment(),
    only: new Compartment(),
  })
  const heard = useRef({ onChange, onSave })
  const theme = useTheme()
  useEffect(() => {
    heard.current = { onChange, onSave }
  })

  useEffect(() => {
    const { look, words: completing, only } = parts.current
    const made = new EditorView({
      parent: element.current ?? document.body,
      state: EditorState.create({
        extensions: [
          lineNumbers(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of('    '),
          bracketMatching(),
          closeBrackets(),
          highlightSelectionMatches(),
          lintGutter(),
          python(),
          keymap.of([
            { key: 'Mod-s', run: () => (heard.current.onSave(), true) },
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...lintKeymap,
            indentWithTab,
          ]),
          EditorView.contentAttributes.of({ 'aria-label': 'Code of the strategy', tabindex: '0' }),
          EditorView.updateListener.of((update) => {
            const isShown = update.transactions.some((each) => each.annotation(shown))
            if (update.docChanged && !isShown) heard.current.onChange(update.state.doc.toString())
          }),
          look.of([]),
          completing.of([]),
          only.of([]),
        ],
      }),
    })
    view.current = made
    return () => {
      view.current = null
      made.destroy()
    }
  }, [])

  useEffect(() => {
    const here = view.current
    if (here === null || here.state.doc.toString() === text) return
    here.dispatch({
      changes: { from: 0, to: here.state.doc.length, insert: text },
      annotations: shown.of(true),
    })
  }, [text])
  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.look.reconfigure(lookOf(theme)) })
  }, [theme])
  useEffect(() => {
    const completing = autocompletion({ override: [completer(words)], icons: false })
    view.current?.dispatch({ effects: parts.current.words.reconfigure(completing) })
  }, [words])
  useEffect(() => {
    const only = [EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)]
    view.current?.dispatch({ effects: parts.current.only.reconfigure(only) })
  }, [readOnly, text])
  useEffect(() => {
    const here = view.current
    if (here === null) return
    const { doc } = here.state
    const place = (line: number, column: number) => {
      const { from, to } = doc.line(Math.min(Math.max(1, line), doc.lines))
      return Math.min(from + Math.max(1, column) - 1, to)
    }
    const diagnostics = findings.map((each): Diagnostic => {
      const from = place(each.line, each.column)
      const to = Math.max(from, place(each.end_line, each.end_column))
      return { from, to, severity: each.severity, message: each.message }
    })
    here.dispatch(setDiagnostics(here.state, diagnostics))
  }, [findings])
  useEffect(() => {
    const here = view.current
    if (here === null || goTo === null) return
    const { from } = here.state.doc.line(Math.min(Math.max(1, goTo.line), here.state.doc.lines))
    here.dispatch({ selection: { anchor: from }, scrollIntoView: true })
    here.focus()
  }, [goTo])
  return <div ref={element} style={{ height: '100%', minHeight: 0 }} />
}

function lookOf({ tokens, numbers, palette }: Theme) {
  const isDark = palette.mode === 'dark'
  return [
    EditorView.theme(
      {
        '&': { height: '100%', fontSize: '13px', backgroundColor: tokens.card, color: tokens.text },
        '&.cm-focused': { outline: `2px solid ${tokens.accent}` },
        '.cm-scroller': { fontFamily: numbers, fontVariantLigatures: 'none', lineHeight: '1.5' },
        '.cm-content': { caretColor: tokens.text },
        '.cm-cursor': { borderLeftColor: tokens.text },
        '.cm-gutters': {
          backgroundColor: tokens.card,
          color: tokens.dim,
          borderRight: `1px solid ${tokens.line}`,
        },
        '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: `${tokens.accent}14` },
        '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
          backgroundColor: `${tokens.accent}40 !important`,
        },
        '.cm-tooltip': {
          backgroundColor: tokens.raised,
          color: tokens.text,
          border: `1px solid ${tokens.line}`,
          borderRadius: '6px',
        },
        '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
          backgroundColor: `${tokens.accent}40`,
          color: tokens.text,
        },
        '.cm-completionDetail': { color: tokens.dim, fontStyle: 'normal' },
        '[aria-selected] > .cm-completionDetail': { color: tokens.text },
        '.cm-completionInfo': { maxWidth: '320px', padding: '8px' },
      },
      { dark: isDark },
    ),
    syntaxHighlighting(
      HighlightStyle.define([
        { tag: tags.keyword, color: tokens.backtest },
        { tag: [tags.string, tags.special(tags.string)], color: tokens.gain },
        { tag: tags.comment, color: tokens.dim, fontStyle: 'italic' },
        { tag: [tags.number, tags.bool, tags.null], color: tokens.live },
        { tag: [tags.definition(tags.variableName), tags.className], color: tokens.accent },
        { tag: tags.function(tags.variableName), color: tokens.accent },
        { tag: tags.meta, color: tokens.warn },
      ]),
    ),
  ]
}
