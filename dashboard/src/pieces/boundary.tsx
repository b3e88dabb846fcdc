import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Alert } from './problem.tsx';

/** A defect of a page takes that page with it, and no other. */
export class Boundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};
  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }
  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Alert kind="bad" title="This page failed">
        <p className="wrap">
          {String(this.state.error)}. If Causeway was updated meanwhile, loading it anew mends it; else tell whoever
          runs it.
        </p>
        <Button mt="xs" size="xs" variant="default" onClick={() => location.reload()}>
          Load the page anew
        </Button>
      </Alert>
    );
  }
}
