/** What went through the hub of a run: followed live, filtered by method and text, told whole on demand. */
import { Box, Drawer, Link, Skeleton, TextField, Typography, Button } from '@mui/material'
import { useDeferredValue, useState } from 'react'
import { useGetMessagesQuery } from '../api/cryptick'
import type { HubMessage } from '../api/runs'
import { utc, wireTime } from '../format'
import { FollowList } from '../ui/FollowList'
import { Ago, Empty, ErrorNote } from '../ui/parts'
import { useMessages } from './useMessages'

const keyOf = ({ sequence }: HubMessage) => sequence

/** What a message says, without its frame. */
export function said({ message: { params, result, error } }: HubMessage): string {
  const what = error ?? (result !== undefined ? result : params)
  if (what === undefined || (Array.isArray(what) && what.length === 0)) return ''
  return JSON.stringify(Array.isArray(what) && what.length === 1 ? what[0] : what)
}

export function Messages({
  runId,
  height = '360px',
  text: about,
}: {
  runId: string
  height?: string
  /** Only those that have this text; then there is nothing to choose. */
  text?: string
}) {
  const [method, setMethod] = useState('')
  const [text, setText] = useState('')
  const [opened, setOpened] = useState<HubMessage | null>(null)
  const filter = {
    method: useDeferredValue(method.trim()),
    text: useDeferredValue(about ?? text.trim()),
  }
  return (
    <>
      {about === undefined && (
        <Box sx={{ display: 'flex', gap: 2, flexWrap: 'wrap', mb: 2 }}>
          <TextField
            label="Method"
            placeholder="exchange.*"
            value={method}
            onChange={(event) => setMethod(event.target.value)}
            sx={{ width: 180 }}
          />
          <TextField
            label="Text"
            placeholder="an order’s id"
            value={text}
            onChange={(event) => setText(event.target.value)}
            sx={{ width: 180 }}
          />
        </Box>
      )}
      <List
        key={`${runId} ${filter.method} ${filter.text}`}
        runId={runId}
        filter={filter}
        height={height}
        onOpen={setOpened}
      />
      <Drawer anchor="right" open={opened !== null} onClose={() => setOpened(null)}>
        {opened !== null && (
          <Whole
            runId={runId}
            message={opened}
            onOpen={setOpened}
            onClose={() => setOpened(null)}
          />
        )}
      </Drawer>
    </>
  )
}

function List({
  runId,
  filter,
  height,
  onOpen,
}: {
  runId: string
  filter: { method: string; text: string }
  height: string
  onOpen: (message: HubMessage) => void
}) {
  const { messages, asked, error, older } = useMessages(runId, filter)
  const filtered = filter.method !== '' || filter.text !== ''
  if (messages.length === 0)
    return (
      <>
        <ErrorNote error={error} />
        {asked ? (
          <Empty
            text={
              older !== undefined
                ? 'Among the newest messages none fits.'
                : filtered
                  ? 'No message fits.'
                  : 'No message has been sent yet. They appear here as they are sent.'
            }
          >
            {older && (
              <Button variant="outlined" loading={older.busy} onClick={older.load}>
                Look further back
              </Button>
            )}
          </Empty>
        ) : (
          error === undefined && <Skeleton variant="rounded" height={120} />
        )}
      </>
    )
  return (
    <>
      <ErrorNote error={error} />
      <FollowList
        label="Messages"
        items={messages}
        keyOf={keyOf}
        height={height}
        older={older}
        render={(each) => (
          <Box
            component="button"
            type="button"
            onClick={() => onOpen(each)}
            sx={{
              display: 'grid',
              gridTemplateColumns: {
                xs: '52px minmax(0, 1fr)',
                md: '64px 138px 190px minmax(0, 1fr) 56px',
              },
              columnGap: 2,
              width: '100%',
              border: 0,
              p: '2px',
              lineHeight: '20px',
              font: 'inherit',
              color: 'inherit',
              textAlign: 'left',
              bgcolor: 'transparent',
              cursor: 'pointer',
              '& > *': { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
              '&:hover': { bgcolor: 'action.hover' },
            }}
          >
            <Dim number>{each.sequence}</Dim>
            <Box component="span" sx={{ display: { xs: 'none', md: 'block' } }}>
              <Dim number>{utc(wireTime(each.time)).slice(0, 19)}</Dim>
            </Box>
            <Box
              component="span"
              sx={{
                fontWeight: 600,
                ...(each.message.error !== undefined && { color: ({ tokens }) => tokens.danger }),
              }}
            >
              {each.message.method}
            </Box>
            <Box component="span" sx={{ gridColumn: { xs: '1 / -1', md: 'auto' } }}>
              <Dim number>{said(each)}</Dim>
            </Box>
            <Box component="span" sx={{ display: { xs: 'none', md: 'block' }, textAlign: 'right' }}>
              <Dim number>{typeof each.cause === 'number' && `← ${each.cause}`}</Dim>
            </Box>
          </Box>
        )}
      />
    </>
  )
}

function Dim({ number = false, children }: { number?: boolean; children: React.ReactNode }) {
  return (
    <Box
      component="span"
      sx={{
        color: 'text.secondary',
        fontSize: 12,
        ...(number && { fontFamily: (t) => t.numbers }),
      }}
    >
      {children}
    </Box>
  )
}

/** A message with all it says, and what it was sent upon. */
function Whole({
  runId,
  message,
  onOpen,
  onClose,
}: {
  runId: string
  message: HubMessage
  onOpen: (message: HubMessage) => void
  onClose: () => void
}) {
  const { sequence, time, cause, message: told } = message
  const before = typeof cause === 'number' ? cause : null
  const { data } = useGetMessagesQuery(
    { runId, after: (before ?? 1) - 1, limit: 1 },
    { skip: before === null },
  )
  const from = data?.messages[0]
  return (
    <Box sx={{ width: { xs: '100vw', sm: 520 }, p: 4 }}>
      <Typography variant="h1" sx={{ overflowWrap: 'anywhere' }}>
        {told.method}
      </Typography>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 3 }}>
        Message {sequence}, <Ago at={wireTime(time)} />
        {cause === null && '; the runner itself sent it'}
        {cause !== null && typeof cause === 'object' && (
          <>
            ; sent upon {cause.method} of {cause.pair} on {cause.exchange},{' '}
            {utc(wireTime(cause.time))}
          </>
        )}
        {from !== undefined && (
          <>
            ; sent upon{' '}
            <Link component="button" type="button" onClick={() => onOpen(from)}>
              {from.message.method}, message {from.sequence}
            </Link>
          </>
        )}
      </Typography>
      <Box
        component="pre"
        tabIndex={0}
        aria-label="The message"
        sx={{
          m: 0,
          p: 3,
          overflow: 'auto',
          fontSize: 12,
          fontFamily: (t) => t.numbers,
          border: 1,
          borderColor: 'divider',
          borderRadius: '6px',
        }}
      >
        {JSON.stringify(told, null, 2)}
      </Box>
      <Button color="inherit" onClick={onClose} sx={{ mt: 4 }}>
        Close
      </Button>
    </Box>
  )
}
