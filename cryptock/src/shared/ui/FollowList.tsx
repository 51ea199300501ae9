/** A list that grows at its end and follows it, unless somebody has scrolled up to read. */
import ArrowDownward from '@mui/icons-material/ArrowDownward'
import { Box, Button } from '@mui/material'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'

const LINE_PX = 24
const END_PX = 40

export function FollowList<Item>({
  label,
  items,
  keyOf,
  render,
  height,
  older,
}: {
  label: string
  items: readonly Item[]
  keyOf: (item: Item) => string | number
  render: (item: Item) => ReactNode
  /** In CSS. */
  height: string
  /** Loads what came before; absent where there is nothing more. */
  older?: { busy: boolean; load: () => void } | undefined
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const [away, setAway] = useState(false)
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    // Lines break where the page is narrow; where nothing is laid out they have no height.
    measureElement: (element) => (element as HTMLElement).offsetHeight || LINE_PX,
    getItemKey: useCallback(
      (index: number) => {
        const item = items[index]
        return item === undefined ? index : keyOf(item)
      },
      [items, keyOf],
    ),
    overscan: 12,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: END_PX,
    initialRect: { width: 800, height: 600 },
  })
  const some = items.length > 0
  useEffect(() => {
    if (some) virtual.scrollToEnd()
  }, [some, virtual])
  const shown = virtual.getVirtualItems()
  return (
    <Box sx={{ position: 'relative', minWidth: 0 }}>
      <Box
        ref={scroller}
        role="log"
        aria-label={label}
        aria-live="off"
        tabIndex={0}
        onScroll={() => setAway(!virtual.isAtEnd(END_PX))}
        sx={{ overflow: 'auto', height, fontSize: 13 }}
      >
        {older && (
          <Box sx={{ textAlign: 'center', height: 32 }}>
            <Button loading={older.busy} onClick={older.load}>
              Load older
            </Button>
          </Box>
        )}
        <Box sx={{ position: 'relative' }} style={{ height: virtual.getTotalSize() }}>
          <Box
            sx={{ position: 'absolute', insetInline: 0, top: 0 }}
            style={{ transform: `translateY(${shown[0]?.start ?? 0}px)` }}
          >
            {shown.map(({ index, key }) => {
              const item = items[index]
              return (
                item !== undefined && (
                  <div key={String(key)} data-index={index} ref={virtual.measureElement}>
                    {render(item)}
                  </div>
                )
              )
            })}
          </Box>
        </Box>
      </Box>
      {away && (
        <Button
          variant="contained"
          startIcon={<ArrowDownward />}
          onClick={() => virtual.scrollToEnd()}
          sx={{ position: 'absolute', right: 16, bottom: 8 }}
        >
          Newest
        </Button>
      )}
    </Box>
  )
}
