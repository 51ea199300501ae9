import { Alert, Button } from '@mui/material'
import { Component, type ReactNode } from 'react'

/** Where drawing a page fails, the rest of the frame stays: the kill switch above all. */
export class Broken extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render() {
    if (this.state.error === null) return this.props.children
    return (
      <Alert
        severity="error"
        variant="outlined"
        action={
          <Button color="inherit" onClick={() => location.reload()}>
            Load again
          </Button>
        }
      >
        <strong>This page can’t be shown ({this.state.error.message}).</strong> Your money and your
        orders are not affected. Load it again; the kill switch still works.
      </Alert>
    )
  }
}
