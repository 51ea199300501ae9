/** What is above a grid: its filters and groups as chips, its columns, its views, and its export. */
import Download from '@mui/icons-material/Download'
import ViewColumn from '@mui/icons-material/ViewColumnOutlined'
import BookmarkBorder from '@mui/icons-material/BookmarkBorder'
import Delete from '@mui/icons-material/DeleteOutlined'
import {
  Box,
  Button,
  Checkbox,
  Chip,
  Dialog,
  DialogActions,
  DialogContent,
  DialogTitle,
  Divider,
  FormControlLabel,
  IconButton,
  Menu,
  MenuItem,
  TextField,
  Typography,
} from '@mui/material'
import { type ReactNode, useState } from 'react'
import { type GridColumn, isGroupable } from './columns'
import { words } from './filter'
import { groupedBy, shown } from './view'
import type { ViewInUse } from './useView'

/** What a dragged header is known by. */
export const DRAGGED = 'application/x-column'

type Anchor = { what: 'filter' | 'group' | 'columns' | 'views'; at: HTMLElement } | null

export function Toolbar<Row>({
  columns,
  inUse,
  onFilter,
  onOpenAll,
  onExport,
  status,
}: {
  columns: readonly GridColumn<Row>[]
  inUse: ViewInUse
  onFilter: (column: string, at: HTMLElement) => void
  /** Open or close all groups. */
  onOpenAll: (open: boolean) => void
  /** Without it there is nothing to export. */
  onExport: (() => void) | undefined
  status: ReactNode
}) {
  const { view, change, saved } = inUse
  const [anchor, setAnchor] = useState<Anchor>(null)
  const [saving, setSaving] = useState(false)
  const [over, setOver] = useState(false)
  const close = () => setAnchor(null)
  const open = (what: NonNullable<Anchor>['what']) => (event: { currentTarget: HTMLElement }) =>
    setAnchor({ what, at: event.currentTarget })
  const nameOf = (id: string) => columns.find((column) => column.id === id)?.name ?? id
  const groupable = columns.filter(
    (column) => isGroupable(column) && !view.groups.includes(column.id),
  )
  const group = (id: string) => change(groupedBy(view, id, true))
  const menu = (what: NonNullable<Anchor>['what'], label: string, items: ReactNode[]) => (
    <Menu
      open={anchor?.what === what}
      anchorEl={anchor?.at ?? null}
      onClose={close}
      slotProps={{ list: { dense: true, 'aria-label': label } }}
    >
      {items}
    </Menu>
  )
  return (
    <Box sx={{ display: 'flex', gap: 2, flexWrap: 'wrap', alignItems: 'center', mb: 3 }}>
      {view.filters.map((filter) => {
        const column = columns.find(({ id }) => id === filter.column)
        return column === undefined ? null : (
          <Chip
            key={filter.column}
            size="small"
            label={words(filter, column)}
            onClick={(event) => onFilter(filter.column, event.currentTarget)}
            onDelete={() =>
              change({ ...view, filters: view.filters.filter((each) => each !== filter) })
            }
          />
        )
      })}
      <Chip size="small" variant="outlined" label="+ filter" onClick={open('filter')} />
      <Box
        role="group"
        aria-label="Groups: drop a header here"
        onDragOver={(event) => {
          if (!event.dataTransfer.types.includes(DRAGGED)) return
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          setOver(false)
          const id = event.dataTransfer.getData(DRAGGED)
          if (groupable.some((column) => column.id === id)) group(id)
        }}
        sx={{
          display: 'flex',
          flexWrap: 'wrap',
          gap: 2,
          alignItems: 'center',
          px: 2,
          py: 0.5,
          border: '1px dashed',
          borderColor: over ? 'primary.main' : 'divider',
          borderRadius: '6px',
          bgcolor: over ? 'action.selected' : 'transparent',
        }}
      >
        <Typography variant="caption" color="textSecondary">
          {view.groups.length === 0 ? 'Drop a header here to group' : 'Grouped by'}
        </Typography>
        {view.groups.map((id) => (
          <Chip
            key={id}
            size="small"
            label={nameOf(id)}
            onDelete={() => change(groupedBy(view, id, false))}
          />
        ))}
        <Chip size="small" variant="outlined" label="+ group" onClick={open('group')} />
        {view.groups.length > 0 && (
          <>
            <Chip
              size="small"
              variant="outlined"
              label="open all"
              onClick={() => onOpenAll(true)}
            />
            <Chip
              size="small"
              variant="outlined"
              label="close all"
              onClick={() => onOpenAll(false)}
            />
          </>
        )}
      </Box>
      <Box sx={{ flex: 1, fontSize: 13, color: 'text.secondary', minWidth: 'max-content' }}>
        {status}
      </Box>
      <Button
        color="inherit"
        startIcon={<ViewColumn />}
        aria-haspopup="menu"
        onClick={open('columns')}
      >
        Columns
      </Button>
      <Button
        color="inherit"
        startIcon={<BookmarkBorder />}
        aria-haspopup="menu"
        onClick={open('views')}
      >
        Views
      </Button>
      <Button startIcon={<Download />} disabled={onExport === undefined} onClick={onExport}>
        Export CSV
      </Button>
      {menu(
        'filter',
        'Filter by',
        columns.map(({ id, name }) => (
          <MenuItem
            key={id}
            onClick={() => {
              close()
              if (anchor) onFilter(id, anchor.at)
            }}
          >
            {name}
          </MenuItem>
        )),
      )}
      {menu(
        'group',
        'Group by',
        groupable.map(({ id, name }) => (
          <MenuItem
            key={id}
            onClick={() => {
              close()
              group(id)
            }}
          >
            {name}
          </MenuItem>
        )),
      )}
      {menu(
        'columns',
        'Columns',
        columns.map(({ id, name }) => {
          const on = view.columns.includes(id)
          const all = columns.map((column) => column.id)
          return (
            <MenuItem
              key={id}
              role="menuitemcheckbox"
              aria-checked={on}
              onClick={() => change(shown(view, id, !on, all))}
            >
              <Checkbox size="small" checked={on} tabIndex={-1} sx={{ p: 0, mr: 2 }} aria-hidden />
              {name}
            </MenuItem>
          )
        }),
      )}
      {menu('views', 'Views', [
        <MenuItem
          key=" standard"
          onClick={() => {
            close()
            inUse.show(null)
          }}
        >
          As it is at first
        </MenuItem>,
        ...Object.keys(saved.views).map((name) => (
          <MenuItem
            key={name}
            onClick={() => {
              close()
              inUse.show(name)
            }}
          >
            <Box component="span" sx={{ flex: 1 }}>
              {name}
              {saved.first === name && (
                <Box component="span" sx={{ color: 'text.secondary' }}>
                  , shown first
                </Box>
              )}
            </Box>
            <IconButton
              size="small"
              aria-label={`Remove ${name}`}
              onClick={(event) => {
                event.stopPropagation()
                inUse.remove(name)
              }}
              sx={{ ml: 3, p: 0.5 }}
            >
              <Delete fontSize="small" />
            </IconButton>
          </MenuItem>
        )),
        <Divider key=" line" />,
        <MenuItem
          key=" save"
          onClick={() => {
            close()
            setSaving(true)
          }}
        >
          Save or share this view …
        </MenuItem>,
      ])}
      {saving && <SaveView inUse={inUse} onClose={() => setSaving(false)} />}
    </Box>
  )
}

function SaveView({ inUse, onClose }: { inUse: ViewInUse; onClose: () => void }) {
  const [name, setName] = useState('')
  const [first, setFirst] = useState(false)
  const known = name in inUse.saved.views
  const link = new URL(location.href)
  link.searchParams.set('view', inUse.text)
  return (
    <Dialog open onClose={onClose} aria-labelledby="save-view" maxWidth="xs">
      <Box
        component="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() === '') return
          inUse.save(name.trim(), first)
          onClose()
        }}
      >
        <DialogTitle id="save-view">Save this view</DialogTitle>
        <DialogContent>
          <TextField
            autoFocus
            label="Name of the view"
            value={name}
            onChange={(event) => setName(event.target.value)}
            helperText={known ? 'It takes the place of the one of this name.' : ' '}
            sx={{ mt: 2 }}
          />
          <FormControlLabel
            label="Show it first from now on"
            control={
              <Checkbox
                size="small"
                checked={first}
                onChange={(event) => setFirst(event.target.checked)}
              />
            }
          />
          <TextField
            label="Link to it, for others"
            value={link.href}
            onFocus={(event) => event.target.select()}
            slotProps={{ htmlInput: { readOnly: true } }}
            sx={{ mt: 4 }}
          />
        </DialogContent>
        <DialogActions>
          <Button color="inherit" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" variant="contained" disabled={name.trim() === ''}>
            Save the view
          </Button>
        </DialogActions>
      </Box>
    </Dialog>
  )
}
