import ContentCopy from '@mui/icons-material/ContentCopyOutlined'
import { Box, IconButton, Tooltip } from '@mui/material'
import { useState } from 'react'

/** Copy text, and say so. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false)
  return (
    <Tooltip title={copied ? 'Copied' : `Copy ${what}`} onClose={() => setCopied(false)}>
      <IconButton
        size="small"
        aria-label={`Copy ${what}`}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
      >
        <ContentCopy fontSize="inherit" />
      </IconButton>
    </Tooltip>
  )
}

/** A line for a terminal. */
export function Command({ text }: { text: string }) {
  return (
    <Box
      sx={{
        display: 'flex',
        alignItems: 'center',
        gap: 1,
        maxWidth: '100%',
        border: 1,
        borderColor: 'divider',
        borderRadius: '6px',
        pl: 3,
        pr: 1,
        py: 1,
        textAlign: 'left',
      }}
    >
      <Box
        component="code"
        sx={{ fontFamily: (t) => t.numbers, fontSize: 12, overflowWrap: 'anywhere', minWidth: 0 }}
      >
        {text}
      </Box>
      <Copy text={text} what="the command" />
    </Box>
  )
}
