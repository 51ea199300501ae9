/** Find or do anything by its name. */
import { Box, Dialog, InputBase, Typography } from '@mui/material'
import { type KeyboardEvent, useState } from 'react'

export interface Command {
  name: string
  hint?: string
  run: () => void
}

/** Commands whose words begin with what was typed, in any order. */
export function matching(commands: readonly Command[], text: string): readonly Command[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean)
  return commands.filter(({ name }) => {
    const words = name.toLowerCase().split(/[\s/]+/)
    return wanted.every((start) => words.some((word) => word.startsWith(start)))
  })
}

export function Palette({
  open,
  commands,
  onClose,
}: {
  open: boolean
  commands: readonly Command[]
  onClose: () => void
}) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      aria-label="Find or do anything"
      sx={{ '& .MuiDialog-container': { alignItems: 'flex-start' } }}
    >
      {open && <Content commands={commands} onClose={onClose} />}
    </Dialog>
  )
}

function Content({ commands, onClose }: { commands: readonly Command[]; onClose: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const found = matching(commands, text).slice(0, 12)
  const run = (command: Command | undefined) => {
    if (command === undefined) return
    onClose()
    command.run()
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((at + 1) % Math.max(1, found.length))
    else if (event.key === 'ArrowUp') setAt((at + found.length - 1) % Math.max(1, found.length))
    else if (event.key === 'Enter') run(found[at])
    else return
    event.preventDefault()
  }
  return (
    <>
      <InputBase
        autoFocus
        fullWidth
        placeholder="Find or do anything"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setAt(0)
        }}
        onKeyDown={press}
        sx={{ px: 4, py: 3, fontSize: 16, borderBottom: 1, borderColor: 'divider' }}
        inputProps={{
          'aria-label': 'Find or do anything',
          role: 'combobox',
          'aria-expanded': true,
          'aria-controls': 'commands',
          'aria-activedescendant': found[at] && `command-${at}`,
        }}
      />
      <Box id="commands" role="listbox" aria-label="Commands" sx={{ p: 2, minHeight: 200 }}>
        {found.map((command, index) => (
          <Box
            key={command.name}
            id={`command-${index}`}
            role="option"
            aria-selected={index === at}
            onClick={() => run(command)}
            onMouseMove={() => setAt(index)}
            sx={{
              display: 'flex',
              justifyContent: 'space-between',
              px: 2,
              py: 2,
              borderRadius: '6px',
              cursor: 'pointer',
              ...(index === at && { bgcolor: 'action.selected' }),
            }}
          >
            {command.name}
            <Box component="span" sx={{ color: 'text.secondary' }}>
              {command.hint}
            </Box>
          </Box>
        ))}
        {found.length === 0 && (
          <Typography
            role="option"
            aria-disabled
            variant="body2"
            sx={{ p: 2, color: 'text.secondary' }}
          >
            Nothing is called that.
          </Typography>
        )}
      </Box>
    </>
  )
}
