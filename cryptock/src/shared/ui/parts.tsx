/** Small parts of which all pages are made. */
import {
  Alert,
  Box,
  Button,
  Dialog,
  DialogActions,
  DialogContent,
  DialogTitle,
  Tooltip,
  Typography,
} from '@mui/material'
import type { SxProps, Theme } from '@mui/material/styles'
import { type ReactNode, useEffect, useRef } from 'react'
import { type Amount, isZero } from '../amount'
import { asProblem, type Effect, words } from '../api/problem'
import { ago, DASH, grouped, utc } from '../format'
import { useNow } from '../hooks'

export function Card({
  title,
  action,
  children,
  sx,
}: {
  title?: ReactNode
  action?: ReactNode
  children: ReactNode
  sx?: SxProps<Theme>
}) {
  return (
    <Box
      component="section"
      sx={[
        {
          bgcolor: 'background.paper',
          border: 1,
          borderColor: 'divider',
          borderRadius: '8px',
          p: 4,
          minWidth: 0,
        },
        ...((Array.isArray(sx) ? (sx as SxProps<Theme>[]) : [sx]) as object[]),
      ]}
    >
      {title !== undefined && (
        <Box
          sx={{
            display: 'flex',
            alignItems: 'center',
            gap: 2,
            mb: 3,
            minHeight: 28,
            flexWrap: 'wrap',
          }}
        >
          <Typography variant="h2" sx={{ flex: 1 }}>
            {title}
          </Typography>
          {action}
        </Box>
      )}
      {children}
    </Box>
  )
}

/** A number that can be compared with others; zero is a dim dash. */
export function Num({
  value,
  digits,
  zero = DASH,
}: {
  value: Amount | null
  digits?: { max?: number; min?: number }
  zero?: string
}) {
  if (value === null)
    return (
      <Box component="span" sx={{ color: 'text.secondary' }} title="no price is known">
        ?
      </Box>
    )
  if (isZero(value))
    return (
      <Box component="span" sx={{ color: 'text.secondary', fontFamily: (t) => t.numbers }}>
        {zero}
      </Box>
    )
  return (
    <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
      {grouped(value, digits)}
    </Box>
  )
}

/** A number that is pushed: it flashes once, softly, when it changes. */
export function Flashing({ text, stale = false }: { text: string; stale?: boolean }) {
  const element = useRef<HTMLSpanElement>(null)
  const before = useRef(text)
  useEffect(() => {
    if (before.current === text) return
    before.current = text
    const span = element.current
    if (span === null) return
    span.style.animation = 'none'
    requestAnimationFrame(() => (span.style.animation = 'flash 600ms ease-out'))
  }, [text])
  return (
    <Box
      component="span"
      ref={element}
      sx={{
        fontFamily: (t) => t.numbers,
        borderRadius: '4px',
        px: 1,
        color: stale ? 'text.secondary' : 'inherit',
        whiteSpace: 'nowrap',
      }}
    >
      {text}
    </Box>
  )
}

/** How long ago, with the exact time in UTC on hover. */
export function Ago({ at }: { at: number }) {
  const now = useNow()
  return (
    <Tooltip title={utc(at)}>
      <Box component="time" dateTime={new Date(at).toISOString()} sx={{ whiteSpace: 'nowrap' }}>
        {ago(at, Math.max(now, at))}
      </Box>
    </Tooltip>
  )
}

/** What happened, what it means for the money, what to do. */
export function ErrorNote({
  error,
  effect = 'none',
  retry,
}: {
  error: unknown
  effect?: Effect
  retry?: () => void
}) {
  if (error === undefined || error === null) return null
  const { what, money, next } = words(asProblem(error), effect)
  return (
    <Alert
      severity="error"
      variant="outlined"
      sx={{ my: 2 }}
      action={
        retry && (
          <Button color="inherit" onClick={retry}>
            Try again
          </Button>
        )
      }
    >
      <strong>{what}</strong> {money} {next}
    </Alert>
  )
}

/** An empty place teaches the next step. */
export function Empty({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <Box
      sx={{
        py: 6,
        display: 'flex',
        flexDirection: 'column',
        alignItems: 'center',
        gap: 3,
        color: 'text.secondary',
        textAlign: 'center',
      }}
    >
      <Typography variant="body2">{text}</Typography>
      {children}
    </Box>
  )
}

/** Status as a small coloured word. */
export function Word({
  tone,
  children,
}: {
  tone: 'good' | 'bad' | 'warn' | 'dim' | 'accent'
  children: ReactNode
}) {
  return (
    <Box
      component="span"
      sx={{
        fontWeight: 600,
        color: ({ tokens }) =>
          ({
            good: tokens.gain,
            bad: tokens.loss,
            warn: tokens.warn,
            dim: tokens.dim,
            accent: tokens.accent,
          })[tone],
      }}
    >
      {children}
    </Box>
  )
}

/** Asks once, in words, before something is done. */
export function Confirm({
  open,
  title,
  children,
  verb,
  danger = false,
  disabled = false,
  busy,
  onConfirm,
  onClose,
}: {
  open: boolean
  title: string
  children: ReactNode
  verb: string
  danger?: boolean
  disabled?: boolean
  busy: boolean
  onConfirm: () => void
  onClose: () => void
}) {
  return (
    <Dialog open={open} onClose={onClose} aria-labelledby="confirm-title">
      <DialogTitle id="confirm-title">{title}</DialogTitle>
      <DialogContent>{children}</DialogContent>
      <DialogActions>
        <Button color="inherit" onClick={onClose}>
          Back
        </Button>
        <Button
          variant="contained"
          color={danger ? 'error' : 'primary'}
          disabled={disabled || busy}
          loading={busy}
          onClick={onConfirm}
        >
          {verb}
        </Button>
      </DialogActions>
    </Dialog>
  )
}
