import { Button, Dialog, DialogActions, DialogContent, DialogTitle, TextField } from '@mui/material'
import { useState } from 'react'
import { ErrorNote } from '@/shared/ui/parts'
import { useLazyGetTemplateQuery } from './api'

const NAME = /^[A-Z][A-Za-z0-9]{0,59}$/

export function NewStrategy({
  taken,
  onClose,
  onMade,
}: {
  taken: readonly string[]
  onClose: () => void
  onMade: (name: string, text: string) => void
}) {
  const [name, setName] = useState('')
  const [ask, { error, isFetching }] = useLazyGetTemplateQuery()
  const problem =
    name === ''
      ? ''
      : !NAME.test(name)
        ? 'A capital letter, then letters and digits, such as MyStrategy.'
        : taken.includes(name)
          ? 'There is one of this name.'
          : ''
  const make = async () => {
    if (name === '' || problem !== '') return
    const { data } = await ask(name)
    if (data !== undefined) onMade(name, data)
  }
  return (
    <Dialog open onClose={onClose} aria-labelledby="new-strategy" maxWidth="xs" fullWidth>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <DialogTitle id="new-strategy">New strategy</DialogTitle>
        <DialogContent>
          <TextField
            autoFocus
            fullWidth
            label="Name of its class"
            value={name}
            error={problem !== ''}
            helperText={problem || 'It begins as a commented example that runs.'}
            onChange={(event) => setName(event.target.value)}
            sx={{ mt: 2 }}
          />
          <ErrorNote error={error} />
        </DialogContent>
        <DialogActions>
          <Button color="inherit" onClick={onClose}>
            Back
          </Button>
          <Button
            type="submit"
            variant="contained"
            loading={isFetching}
            disabled={name === '' || problem !== ''}
          >
            Begin
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
