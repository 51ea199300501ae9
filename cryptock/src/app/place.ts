/** What one of the pages of this project consists of: Cryptock itself, or the dashboard of a service. */
import { type ComponentType, createContext, use } from 'react'
import type { Service } from '@/shared/api/request'

export interface Page {
  path: string
  name: string
  Content: ComponentType
  /** Of pages that are always in reach: after `g`, and on the rail. */
  rail?: { key: string; Icon: ComponentType; admin?: boolean }
}

export interface Place {
  title: string
  /** The services that can be asked from here. */
  served: readonly Service[]
  pages: readonly Page[]
  /** What is around every page; pages are its outlet. */
  Frame: ComponentType<{ onScheme: () => void }>
}

export const PlaceContext = createContext<Place | null>(null)

export function usePlace(): Place {
  const place = use(PlaceContext)
  if (place === null) throw new Error('this is shown nowhere')
  return place
}

/** What the rail of a person has. */
export const railOf = ({ pages }: Place, isAdmin: boolean) =>
  pages.flatMap(({ path, name, rail }) =>
    rail && (isAdmin || !rail.admin) ? [{ path, name, ...rail }] : [],
  )
