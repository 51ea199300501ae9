import { BrowserRouter } from 'react-router'
import { openPlace } from '@/app/open'
import { CRYPTOCK } from '@/app/pages'

openPlace(CRYPTOCK, BrowserRouter)
