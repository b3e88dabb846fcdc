import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Alert } from './problem.tsx';

/** The chunk of a page did not come, for no fault of the page. */
export class NotLoaded extends Error {
  override readonly name = 'NotLoaded';
  constructor(cause: unknown) {
    super('A part of this page did not come', { cause });
  }
}

/** A defect of a page takes that page with it, and no other. */
export class Boundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};
  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }
  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    const isLoaded = !(this.state.error instanceof NotLoaded);
    return (
      <div role="alert">
        <Alert kind="bad" title={isLoaded ? 'This page failed' : 'This page could not be loaded'}>
          <p className="wrap">
            {isLoaded
              ? `${String(this.state.error)}. If Causeway was updated meanwhile, loading it anew mends it; else tell whoever runs it.`
              : 'Check the network, and whether the API runs; then load it anew. Where Causeway was updated meanwhile that mends it, too.'}
          </p>
          <Button mt="xs" size="xs" variant="default" onClick={() => location.reload()}>
            Load the page anew
          </Button>
        </Alert>
      </div>
    );
  }
}
