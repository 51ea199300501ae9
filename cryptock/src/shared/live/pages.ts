/** Have everything read that is kept, a page after another, while it is looked at. */
import { useEffect } from 'react'
import { isCut, useGetPagesInfiniteQuery } from '../api/xwrap'

export interface ReadSoFar {
  /** How many rows have been read, of those that there were. */
  count: number
  done: boolean
  /** Whether older ones are left out. */
  cut: boolean
  error: unknown
  retry: () => void
}

/** Read all orders or trades, newest first; only their beginning unless `on`. */
export function useAllPages(what: 'orders' | 'trades', on = true): ReadSoFar {
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useGetPagesInfiniteQuery(
    what,
    { skip: !on },
  )
  useEffect(() => {
    if (on && hasNextPage && !isFetching && error === undefined) void fetchNextPage()
  }, [on, hasNextPage, isFetching, error, fetchNextPage])
  const pages = data?.pages ?? []
  return {
    count: pages.reduce((sum, page) => sum + page.count, 0),
    done: data !== undefined && !hasNextPage,
    cut: isCut(pages),
    error,
    retry: () => void (data === undefined ? refetch() : fetchNextPage()),
  }
}
