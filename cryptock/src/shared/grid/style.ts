import type { SxProps, Theme } from '@mui/material/styles'

/** The height of every line, also of the head. */
export const LINE_PX = 32
/** Between columns, and before and after them. */
export const GAP_PX = 12

export const gridStyle: SxProps<Theme> = ({ tokens, numbers }) => ({
  overflow: 'auto',
  overflowAnchor: 'none', // what is on top is held by its row
  fontSize: 13,
  border: `1px solid ${tokens.line}`,
  borderRadius: '6px',
  '& .line': {
    display: 'grid',
    gridTemplateColumns: 'var(--tracks)',
    columnGap: `${GAP_PX}px`,
    alignItems: 'center',
    height: LINE_PX,
    padding: `0 ${GAP_PX}px`,
    boxSizing: 'border-box',
    borderBottom: `1px solid ${tokens.line}`,
    minWidth: 'var(--width)',
    contain: 'layout paint style', // what changes in a line is laid out in it alone
  },
  '& .head': {
    position: 'sticky',
    top: 0,
    zIndex: 1,
    minWidth: 'var(--width)',
    backgroundColor: tokens.card,
    color: tokens.dim,
    fontSize: 12,
  },
  '& .head .cell': {
    position: 'relative',
    display: 'flex',
    alignItems: 'center',
    gap: '4px',
    height: '100%',
    cursor: 'pointer',
    userSelect: 'none',
  },
  '& .head .cell.right': { justifyContent: 'flex-end' },
  '& .head .cell.right button': { left: 0, right: 'auto' },
  '& .head .name': { overflow: 'hidden', textOverflow: 'ellipsis' },
  '& .head .sorted': { color: tokens.accent, fontSize: 10 },
  '& .head button': {
    position: 'absolute',
    right: 0,
    border: 0,
    padding: '4px 6px',
    backgroundColor: tokens.card,
    color: 'inherit',
    font: 'inherit',
    cursor: 'pointer',
    opacity: 0,
  },
  '& .head .cell:hover button, & .head .cell.at button, & .head button:focus-visible': {
    opacity: 1,
  },
  '@media (hover: none)': { '& .head button': { opacity: 1 } },
  '& .body': { position: 'relative', minWidth: 'var(--width)' },
  '& .cell': { whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' },
  '& .cell.right': { textAlign: 'right' },
  '& .number': { fontFamily: numbers },
  '& .row': { cursor: 'pointer' },
  '& .row:hover': { backgroundColor: `${tokens.accent}0d` },
  '& .row.selected': { backgroundColor: `${tokens.accent}18` },
  '& .group': { cursor: 'pointer', backgroundColor: tokens.page },
  '& .caret': { display: 'inline-block', width: 18, color: tokens.dim },
  '& .word': { fontWeight: 600 },
  '& .dim': { color: tokens.dim },
  '& .good': { color: tokens.gain },
  '& .bad': { color: tokens.loss },
  '& .warn': { color: tokens.warn },
  '& .accent': { color: tokens.accent },
  '&:focus-visible': { outlineOffset: -2 },
  '&:focus .at': { outline: `2px solid ${tokens.accent}`, outlineOffset: -2, borderRadius: '4px' },
})
