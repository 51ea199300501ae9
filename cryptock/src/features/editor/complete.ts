/** What can be written next. */
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import type { ChangeSpec, Text } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'
import type { Word } from './api'

const KINDS = { method: 'method', attribute: 'property', class: 'class', function: 'function' }

/** Complete names of the interface for strategies: after `self.`, `self.components.`, `bar.` and so on. */
export function completer(words: readonly Word[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const before = context.matchBefore(/[\w.]*/)
    if (before === null || (before.text === '' && !context.explicit)) return null
    const dot = before.text.lastIndexOf('.') + 1
    const after = before.text.slice(0, dot)
    const options = words.filter((word) => word.after === after).map(option)
    if (options.length === 0) return null
    return { from: before.from + dot, options, validFor: /^\w*$/ }
  }
}

function option({ label, kind, signature, text, module }: Word): Completion {
  return {
    label,
    type: KINDS[kind],
    detail: signature,
    ...(text === '' ? {} : { info: text.replaceAll('``', '') }),
    ...(module === ''
      ? {}
      : {
          apply: (view: EditorView, _: Completion, from: number, to: number) => {
            const changes: ChangeSpec[] = [{ from, to, insert: label }]
            const missing = importOf(view.state.doc, module, label)
            if (missing !== null) changes.unshift(missing)
            view.dispatch({ changes })
            const added = missing?.insert.length ?? 0
            view.dispatch({ selection: { anchor: from + added + label.length } })
          },
        }),
  }
}

/** The import that a name needs, beside the others of its module; null if it is there. */
export function importOf(
  doc: Text,
  module: string,
  name: string,
): { from: number; insert: string } | null {
  let last = 0
  for (let number = 1; number <= doc.lines; number++) {
    const { text, from } = doc.line(number)
    if (text.startsWith(`from ${module} import `)) {
      const names = text.slice(`from ${module} import `.length).split(/,\s*/)
      if (names.includes(name)) return null
      return { from: from + text.length, insert: `, ${name}` }
    }
    if (/^(from|import) /.test(text)) last = number
  }
  const at = last === 0 ? 0 : doc.line(last).to
  const line = `from ${module} import ${name}`
  return { from: at, insert: last === 0 ? `${line}\n` : `\n${line}` }
}
