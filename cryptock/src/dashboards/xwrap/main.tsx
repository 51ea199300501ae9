import { HashRouter } from 'react-router'
import { openPlace } from '@/app/open'
import { SERVICES } from '@/shared/api/request'
import { XWRAP_DASHBOARD } from './dashboard'

// Its own server serves this page, so there is no gateway in between.
SERVICES.xwrap = ''
openPlace(XWRAP_DASHBOARD, HashRouter)
